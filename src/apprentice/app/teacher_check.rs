//! Asks the teacher for its models, once and with little patience: whether it is there, takes the key, has what is asked for, and until when.
//! What the answer means is [`answer`]'s to say.

mod answer;

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt, Limited};
use teacher::{BreakerSettings, Client, Endpoint, Outgoing, Resilience, Timeouts, limits};

use crate::finding::Finding;
use crate::settings::Settings;
use answer::{Answer, Key, Wanted};

/// What the network is given.
const NETWORK_TIME: Duration = Duration::from_secs(2);

/// What was found, and the teacher's clock.
pub(crate) struct Checked {
    pub(crate) found: Vec<Finding>,
    /// Unix time, where it says one.
    pub(crate) teacher_s: Option<u64>,
}

/// Looks at address, key and models: those of the configuration, and `asked_for`, which clients name.
pub(crate) async fn check(settings: &Settings, endpoint: &Endpoint, asked_for: &[String], now_s: u64) -> Checked {
    let key = Key { variable: &settings.teacher.key_env, is_set: endpoint.has_key() };
    let answer = ask(endpoint.clone(), "/v1/models").await;
    let found = answer::judge(answer.as_ref(), key, &wanted(settings, asked_for), now_s / 86_400);
    Checked { found, teacher_s: answer.ok().and_then(|answer| answer.date_s) }
}

/// The models that are to be asked of the teacher, each once.
fn wanted<'a>(settings: &'a Settings, asked_for: &'a [String]) -> Vec<Wanted<'a>> {
    let mut wanted = vec![("generate.model", settings.generate.model.as_str())];
    if settings.judge.base_url.is_none() {
        wanted.push(("judge.model", &settings.judge.model));
    }
    wanted.extend(settings.callsites.alias_model.as_deref().map(|model| ("callsites.alias_model", model)));
    let named = wanted.into_iter().filter(|(_, model)| !model.is_empty());
    let mut wanted: Vec<Wanted<'_>> = named.map(|(key, model)| Wanted { key: Some(key), model }).collect();
    for model in asked_for {
        if wanted.iter().all(|wanted| wanted.model != model) {
            wanted.push(Wanted { key: None, model });
        }
    }
    wanted
}

/// What is answered to a GET, or why nothing is.
pub(crate) async fn ask(endpoint: Endpoint, path: &str) -> Result<Answer, String> {
    let timeouts =
        Timeouts { connect: NETWORK_TIME, first_byte: NETWORK_TIME, idle: NETWORK_TIME, total: NETWORK_TIME };
    let breaker = BreakerSettings { failures: 0, open: Duration::ZERO };
    let endpoint = endpoint.with_resilience(Resilience { timeouts, retries_max: 0, breaker });
    let client = Client::new(&endpoint).map_err(|error| error.to_string())?;
    let asked = async {
        let answer =
            client.send(&Method::GET, path, None, &HeaderMap::new(), Outgoing::Whole(bytes::Bytes::new())).await;
        let answer = answer.map_err(|error| error.message)?;
        let status = answer.status().as_u16();
        let date =
            answer.headers().get(header::DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        let date_s = date.and_then(|date| Some(date.duration_since(UNIX_EPOCH).ok()?.as_secs()));
        let body = Limited::new(answer.into_body(), limits::ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| format!("the answer broke off: {error}"))?.to_bytes();
        Ok(Answer { status, date_s, body: body.to_vec() })
    };
    let late = |_| format!("{} gave no whole answer within {NETWORK_TIME:?}", endpoint.origin());
    tokio::time::timeout(NETWORK_TIME, asked).await.map_err(late)?
}
