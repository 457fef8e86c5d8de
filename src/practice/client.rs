//! An OpenAI client of the practice game: plain HTTP, nothing of the proxy's own.

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use wire::Api;

use crate::PracticeError;
use crate::scene::Line;
use crate::teacher::{MODEL, TRUTH_HEADER};

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub text: String,
    /// `x-apprentice-route: student`
    pub local: bool,
    /// `x-apprentice-site`
    pub site: String,
}

/// A pooled client.
#[derive(Clone, Debug)]
pub struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
}

impl Default for Client {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { pool: Pool::builder(TokioExecutor::new()).build(connector) }
    }
}

impl Client {
    /// Says `line` to the OpenAI-compatible server at `base_url`, as an event stream or not.
    ///
    /// # Errors
    /// When the server cannot be reached or answers with anything but a whole completion.
    pub async fn ask(&self, base_url: &str, line: &Line, stream: bool, truth: bool) -> Result<Reply, PracticeError> {
        let body = serde_json::json!({
            "model": MODEL, "stream": stream,
            "messages": [{"role": "system", "content": line.system}, {"role": "user", "content": line.player}],
        });
        let failed = |problem: String| PracticeError::Request { url: base_url.to_owned(), problem };
        let mut request = Request::post(format!("{base_url}/chat/completions"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, "Bearer sk-practice");
        if truth {
            request = request.header(TRUTH_HEADER, "1");
        }
        let request =
            request.body(Full::new(Bytes::from(body.to_string()))).map_err(|error| failed(error.to_string()))?;
        let response = self.pool.request(request).await.map_err(|error| failed(error.to_string()))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| failed(error.to_string()))?.to_bytes();
        let said = Api::Chat.read(stream, &body).filter(|_| head.status.is_success());
        let said = said.ok_or_else(|| failed(format!("{}: {}", head.status, String::from_utf8_lossy(&body))))?;
        let local = head.headers.get("x-apprentice-route").is_some_and(|route| route == "student");
        let site = head.headers.get("x-apprentice-site").and_then(|site| site.to_str().ok()).unwrap_or_default();
        Ok(Reply { text: said.text, local, site: site.to_owned() })
    }
}
