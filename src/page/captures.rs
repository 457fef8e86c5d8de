//! The exchange log: what was asked and answered, one exchange whole, and erasing.

use std::sync::Arc;

use admin::{CaptureSearch, FOUND_MAX};
use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use callsite::SiteId;
use capture::{CaptureError, CaptureStore, Exchange, Segments, Source};
use maud::{Markup, html};
use uuid::Uuid;

use crate::session::Signed;
use crate::words::time;
use crate::{Page, layout};

/// Exchanges of a list: the newest that fit.
const SHOWN: usize = 50;
/// Characters of a text in a list, and of one that is shown whole.
const SHORT: usize = 160;
const WHOLE: usize = 100_000;

pub(crate) async fn view(
    State(page): State<Page>,
    Extension(signed): Extension<Signed>,
    Query(wanted): Query<CaptureSearch>,
) -> Response {
    let found = match page.admin.search_captured(wanted.clone(), SHOWN).await {
        Ok(found) => found,
        Err(problem) => return layout::problem(Some(&signed), problem.status, &problem.message),
    };
    let query = serde_urlencoded::to_string(&wanted).unwrap_or_default();
    let more =
        if found.all_read { "" } else { "; the log is longer than could be read in time, ask for a site or a time" };
    let main = html! {
        h1 { "Captures" }
        p.muted { "Exchanges of " (found.sites) " call sites; the newest " (SHOWN) " that fit are shown" (more) "." }
        (asking(&wanted))
        p { a href=(format!("/captures/export?{}", query)) { "Those that fit as JSON lines" } " (the newest " (FOUND_MAX) " at most)" }
        div.wide tabindex="0" role="region" aria-label="Table" { table {
            thead { tr { th { "When (UTC)" } th { "Call site" } th { "From" } th { "Status" } th { "Answer" } } }
            tbody { @for exchange in &found.newest { (row(exchange)) } }
        } }
        @if found.newest.is_empty() { p { "Nothing fits." } }
        (erasing(&signed))
    };
    layout::view(&signed, "/captures", "Captures", main)
}

/// Those that fit, as the exchange log holds them.
pub(crate) async fn export(
    State(page): State<Page>,
    Extension(signed): Extension<Signed>,
    Query(wanted): Query<CaptureSearch>,
) -> Response {
    let found = match page.admin.search_captured(wanted, FOUND_MAX).await {
        Ok(found) => found,
        Err(problem) => return layout::problem(Some(&signed), problem.status, &problem.message),
    };
    match found.lines() {
        Ok(lines) => layout::download("captures.jsonl", Body::from(lines)),
        Err(error) => layout::problem(Some(&signed), StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn asking(wanted: &CaptureSearch) -> Markup {
    let options = |name: &str, chosen: &str, all: &[(&str, &str)]| {
        html! { select name=(name) { @for (value, said) in all { option value=(value) selected[*value == chosen] { (said) } } } }
    };
    html! {
        form.search method="get" action="/captures" {
            label { "Call site" input type="text" name="site" value=(wanted.site); }
            label { "Text in request or answer" input type="text" name="text" value=(wanted.text); }
            label { "From (UTC)" input type="datetime-local" name="from" value=(wanted.from); }
            label { "To (UTC)" input type="datetime-local" name="to" value=(wanted.to); }
            label { "Status" (options("status", &wanted.status, &[("", "all"), ("ok", "2xx"), ("bad", "4xx, 5xx"), ("cut", "not complete")])) }
            label { "Answered by" (options("source", &wanted.source, &[("", "all"), ("teacher", "teacher"), ("student", "student"), ("made", "generated or imported")])) }
            button { "Search" }
        }
    }
}

/// One exchange, whole.
pub(crate) async fn exchange(
    State(page): State<Page>,
    Extension(signed): Extension<Signed>,
    Path((site, id)): Path<(SiteId, Uuid)>,
) -> Response {
    let Some(log) = page.admin.captures.clone() else {
        return layout::problem(Some(&signed), StatusCode::CONFLICT, "Nothing is captured.");
    };
    let found = tokio::task::spawn_blocking(move || one(&log, &site, id)).await;
    let found = match found {
        Ok(Ok(Some(found))) => found,
        Ok(Ok(None)) => {
            return layout::problem(Some(&signed), StatusCode::NOT_FOUND, "There is no such exchange, or no longer.");
        }
        Ok(Err(error)) => return layout::problem(Some(&signed), StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        Err(error) => return layout::problem(Some(&signed), StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    };
    let main = html! {
        h1 { "One exchange" }
        dl.facts {
            div { dt { "when (UTC)" } dd { (time(found.at_ms)) } }
            div { dt { "call site" } dd { a href=(format!("/sites/{}", found.site)) { bdi { (found.site) } } } }
            div { dt { "from" } dd { bdi { (source(&found.source)) } } }
            div { dt { "status" } dd { (found.status) } }
            div { dt { "redacted" } dd { (if found.redacted { "yes" } else { "no" }) } }
            div { dt { "id" } dd { code { (found.id) } } }
        }
        h2 { "Request" }
        pre.text { (indented(&found.request)) }
        h2 { "Answer" }
        pre.text { (indented(&found.response)) }
        form.buttons method="post" action="/captures/erase" {
            (layout::form_token(&signed))
            input type="hidden" name="subject" value="exchange";
            input type="hidden" name="value" value=(found.id);
            button.danger { "Erase it, and all that ask the same" }
        }
    };
    layout::view(&signed, "/captures", "One exchange", main)
}

/// The exchange of that id.
pub(crate) fn one(log: &Arc<Segments>, site: &SiteId, id: Uuid) -> Result<Option<Exchange>, CaptureError> {
    let mut found = None;
    let before = Uuid::from_u128(id.as_u128().saturating_sub(1));
    log.scan(site, Some(before), &mut |exchange| {
        if exchange.id == id {
            found = Some(exchange);
        }
    })?;
    Ok(found)
}

fn row(exchange: &Exchange) -> Markup {
    html! {
        tr {
            td { a href=(format!("/captures/{}/{}", exchange.site, exchange.id)) { (time(exchange.at_ms)) } }
            td { bdi { (exchange.site) } }
            td { bdi { (source(&exchange.source)) } }
            td { (exchange.status) }
            td.text { bdi { (shortened(&exchange.response, SHORT)) } }
        }
    }
}

fn source(source: &Source) -> String {
    match source {
        Source::Teacher => "teacher".to_owned(),
        Source::Student(version) => format!("student {version}"),
        Source::Generated(maker) => format!("made by {maker}"),
        Source::Imported(file) => format!("from {file}"),
    }
}

/// JSON with its lines, anything else as it is.
fn indented(text: &str) -> String {
    let value = serde_json::from_str::<serde_json::Value>(text).ok();
    let pretty = value.and_then(|value| serde_json::to_string_pretty(&value).ok());
    shortened(&pretty.unwrap_or_else(|| text.to_owned()), WHOLE)
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{} ...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn erasing(signed: &Signed) -> Markup {
    html! {
        details id="erase" {
            summary { "Erase" }
            p { "What is erased is gone from the exchange log and from all that was made of it. It cannot be brought back." }
            form.buttons method="post" action="/captures/erase" {
                (layout::form_token(signed))
                label { "Of" select name="subject" {
                    option value="user" { "a user, as requests name them" }
                    option value="site" { "a call site" }
                    option value="exchange" { "an exchange, by its id" }
                } }
                label { "Which" input type="text" name="value" required; }
                button.danger { "Erase" }
            }
        }
    }
}
