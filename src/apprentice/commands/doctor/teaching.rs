//! Asks the teacher for its models, once and with little patience. What the answer means is [`super::answer`]'s to say, and of the clocks
//! [`super::machine`]'s.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt, Limited};
use teacher::{BreakerSettings, Client, Endpoint, Outgoing, Resilience, Timeouts, limits};

use super::answer::{self, Answer, Key, Wanted};
use super::{NETWORK_TIME, machine};
use crate::app;
use crate::app::secrets;
use crate::commands::findings::Finding;
use crate::settings::Settings;

/// Key, address, models and clock.
pub(super) async fn look(settings: &Settings) -> Vec<Finding> {
    // What is wrong with its address is said elsewhere.
    let Ok(endpoint) = app::teacher(settings) else { return Vec::new() };
    let variable = settings.teacher.key_env.as_str();
    let key = Key { variable, is_set: endpoint.has_key() };
    let answer = ask(endpoint.clone(), "/v1/models").await;
    let (now_s, teacher_s) = (app::now_ms() / 1_000, answer.as_ref().ok().and_then(|answer| answer.date_s));
    let used = secrets::key_source(settings, &endpoint).map_err(|error| error.to_string());
    let mut found = vec![Finding::of("teacher's key", used, "see proxy.listen, proxy.open and [keys]")];
    found.extend(
        secrets::token_missing(settings)
            .map(|missing| Finding::fail("admin token", missing, "set the variable, or listen on 127.0.0.1")),
    );
    found.extend(answer::judge(answer.as_ref(), key, &wanted(settings), now_s / 86_400));
    found.push(machine::clock(now_s, built_s(), teacher_s));
    found
}

/// The models that are to be asked of the teacher, by the keys that name them.
fn wanted(settings: &Settings) -> Vec<Wanted<'_>> {
    let mut wanted = vec![Wanted { key: "generate.model", model: &settings.generate.model }];
    if settings.judge.base_url.is_none() {
        wanted.push(Wanted { key: "judge.model", model: &settings.judge.model });
    }
    wanted
        .extend(settings.callsites.alias_model.as_deref().map(|model| Wanted { key: "callsites.alias_model", model }));
    wanted.retain(|wanted| !wanted.model.is_empty());
    wanted
}

/// When this program's file was written.
fn built_s() -> Option<u64> {
    let modified = std::env::current_exe().and_then(std::fs::metadata).and_then(|file| file.modified()).ok()?;
    Some(modified.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

/// What is answered to a GET, or why nothing is.
pub(super) async fn ask(endpoint: Endpoint, path: &str) -> Result<Answer, String> {
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
