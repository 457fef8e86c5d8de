//! Exchanges that no client had: made or brought, put into the exchange log of a running proxy.

use axum::Json;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use capture::{CaptureStore, Exchange, Source};

use crate::Admin;
use crate::beside::beside;
use crate::body::Whole;
use crate::problem::{Problem, problem, unavailable};
use crate::views::site_of;

/// Bytes of one request, at most.
const BODY_BYTES_MAX: usize = 16 << 20;

/// How much one request may bring.
pub(crate) fn room() -> DefaultBodyLimit {
    DefaultBodyLimit::max(BODY_BYTES_MAX)
}

/// Takes JSON lines of exchanges; all of them are on disk when it answers, or none.
pub(crate) async fn add(
    State(admin): State<Admin>,
    Path(site): Path<String>,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let site = site_of(&site)?;
    let Some(captures) = admin.captures else {
        return Err(problem(StatusCode::CONFLICT, "capture.enabled is false: nothing is kept"));
    };
    let mut exchanges = Vec::new();
    for (at, line) in body.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let wrong = |what: String| problem(StatusCode::BAD_REQUEST, format!("line {}: {what}", at + 1));
        let exchange: Exchange = serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
        if exchange.site != site {
            return Err(wrong(format!("the exchange is of `{}`, not of `{site}`", exchange.site)));
        }
        if !matches!(exchange.source, Source::Generated(_) | Source::Imported(_)) {
            return Err(wrong("only what was generated or imported can be added; traffic adds itself".to_owned()));
        }
        exchanges.push(exchange);
    }
    // A site that no client has asked yet is looked at by the lessons from now on.
    if !admin.ledger.register(&site) {
        return Err(problem(StatusCode::CONFLICT, format!("`{site}` is one call site too many: it is not admitted")));
    }
    let appended = beside(move || captures.append(exchanges)).await?.map_err(unavailable)?;
    let capture::Appended { kept, too_large, not_redacted, .. } = appended;
    let stored =
        serde_json::json!({"site": site, "stored": kept, "too_large": too_large, "not_redactable": not_redacted});
    Ok(Json(stored).into_response())
}
