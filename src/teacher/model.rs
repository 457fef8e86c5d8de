//! The teacher as a [`ChatModel`]: a prompt put in the teacher's own API, its answer read whole.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use wire::{
    Answer, Answering, Api, Called, ChatModel, CompletionSummary, Finish, Ineligible, ModelError, Prompt, Signals,
};

use crate::{Client, Outgoing, limits};

/// Longest part of a refusing teacher's answer that goes into the message.
const MESSAGE_CHARS_MAX: usize = 300;

/// A model name at the teacher's address; it asks with the endpoint's own key.
#[derive(Clone)]
pub struct TeacherModel {
    client: Client,
    model: String,
    /// What answers must look like, as the request's `response_format`.
    format: Option<Value>,
}

impl TeacherModel {
    #[must_use]
    pub fn new(client: Client, model: &str) -> Self {
        Self { client, model: model.to_owned(), format: None }
    }

    /// The same model, made to answer with JSON that `schema` describes. `schema` must be of the strict kind: every property required, no
    /// others permitted.
    #[must_use]
    pub fn with_schema(mut self, name: &str, schema: Value) -> Self {
        self.format =
            Some(json!({"type": "json_schema", "json_schema": {"name": name, "strict": true, "schema": schema}}));
        self
    }

    /// The request's body.
    fn body(&self, prompt: &Prompt) -> Vec<u8> {
        let body = Api::Chat.write_request(&self.model, prompt);
        let Some(format) = &self.format else { return body };
        match serde_json::from_slice::<serde_json::Map<String, Value>>(&body) {
            Ok(mut fields) => {
                fields.insert("response_format".to_owned(), format.clone());
                Value::Object(fields).to_string().into_bytes()
            }
            Err(_) => body,
        }
    }
}

impl ChatModel for TeacherModel {
    fn name(&self) -> &str {
        &self.model
    }

    /// What does not fit the teacher is the teacher's to refuse.
    fn accepts(&self, _: &Prompt) -> Result<(), Ineligible> {
        Ok(())
    }

    fn answer(&self, prompt: Prompt) -> Answering {
        let (client, body) = (self.client.clone(), self.body(&prompt));
        Box::pin(async move { ask(&client, body).await })
    }
}

async fn ask(client: &Client, body: Vec<u8>) -> Result<Answer, ModelError> {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let answer = client.send(&Method::POST, Api::Chat.path(), None, &headers, Outgoing::Whole(body.into())).await;
    let answer = answer.map_err(|error| ModelError::Failed(error.message))?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), limits::ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| ModelError::Failed(format!("the answer broke off: {error}")))?.to_bytes();
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(ModelError::Busy);
    }
    let summary = Some(&body).filter(|_| status == StatusCode::OK).and_then(|body| Api::Chat.read(false, body));
    let Some(summary) = summary else {
        let text: String = String::from_utf8_lossy(&body).chars().take(MESSAGE_CHARS_MAX).collect();
        return Err(ModelError::Failed(format!("the teacher answered {status}: {text}")));
    };
    put(summary)
}

/// A teacher says nothing of its own certainty: the signals are empty.
fn put(summary: CompletionSummary) -> Result<Answer, ModelError> {
    let finish = match summary.finish.as_deref() {
        Some("stop") if !summary.refused && summary.called == Called::Nothing => Finish::Stop,
        Some("length") => Finish::Length,
        other => return Err(ModelError::Failed(format!("the teacher gave no plain answer: finish {other:?}"))),
    };
    let usage = summary.spent.usage.unwrap_or_default();
    Ok(Answer::new(summary.text, finish, usage, Signals::default()))
}
