//! The hand-over log: who, what, why.

use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use callsite::SiteId;
use handover::{AuditOutcome, Entry, Record};
use maud::{Markup, html};
use serde::Deserialize;

use crate::session::Signed;
use crate::{Page, layout, words};

/// Entries of a page.
const ENTRIES: usize = 200;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    site: String,
    before: Option<u64>,
}

pub(crate) async fn view(
    State(page): State<Page>,
    Extension(signed): Extension<Signed>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let site = Some(wanted.site.trim()).filter(|site| !site.is_empty()).map(SiteId::new).transpose();
    let site = match site {
        Ok(site) => site,
        Err(error) => return layout::problem(Some(&signed), axum::http::StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let entries = match page.admin.entries(site.clone(), wanted.before, Some(ENTRIES)).await {
        Ok(entries) => entries,
        Err(problem) => return layout::problem(Some(&signed), problem.status, &problem.message),
    };
    let older = entries.last().map(|entry| entry.seq).filter(|seq| *seq > 0 && entries.len() == ENTRIES);
    let named = site.as_ref().map(|site| site.as_str()).unwrap_or_default();
    let main = html! {
        h1 { "Hand-over log" }
        form.search method="get" action="/log" {
            label { "Call site" input type="text" name="site" value=(named); }
            button { "Show" }
        }
        (table(entries.iter(), true))
        @if let Some(older) = older { p { a href=(format!("/log?site={named}&before={older}")) { "Older entries" } } }
    };
    layout::view(&signed, "/log", "Hand-over log", main)
}

/// Entries as rows, newest first.
pub(crate) fn table<'a>(entries: impl Iterator<Item = &'a Entry>, with_site: bool) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label="Table" { table {
            thead { tr { th { "When (UTC)" } @if with_site { th { "Call site" } } th { "What" } th { "Why" } th { "Who" } } }
            tbody { @for entry in entries { (row(entry, with_site)) } }
        } }
    }
}

fn row(entry: &Entry, with_site: bool) -> Markup {
    let (what, why, who) = told(&entry.record);
    html! {
        tr {
            td { (words::time(entry.at_ms)) }
            @if with_site { td { a href=(format!("/sites/{}", entry.site)) { bdi { (entry.site) } } } }
            td { (what) }
            td { bdi { (why) } }
            td { bdi { (who.unwrap_or_default()) } }
        }
    }
}

/// What a record says: what, why, who.
fn told(record: &Record) -> (String, String, Option<String>) {
    match record {
        Record::Audit(audit) => {
            let said = match audit.outcome {
                AuditOutcome::Compared { quality, confidence, verified, bad, .. } => {
                    let bad = if bad { ", bad" } else { "" };
                    let refused = if verified { "" } else { ", refused by a verifier" };
                    format!("quality {quality:.3}, confidence {confidence:.3}{bad}{refused}")
                }
                AuditOutcome::NoAnswer => "no answer".to_owned(),
            };
            (format!("audit of {}", audit.version), said, None)
        }
        Record::Candidate(candidate) => {
            (format!("{} on trial", candidate.version), format!("exam {}", words::quality(candidate.exam)), None)
        }
        Record::FailedExam { version, exam } => {
            (format!("{version} not tried"), format!("exam {}", words::quality(*exam)), None)
        }
        Record::Switch(switch) => {
            let bound = switch
                .lower_bound
                .map(|bound| format!("; proven {} by {} audits", words::quality(bound), switch.audits));
            let reason = switch.reason.as_ref().map(|reason| format!(": {reason}"));
            let why =
                format!("{}{}{}", words::cause(switch.cause), reason.unwrap_or_default(), bound.unwrap_or_default());
            (words::switch(switch), why, switch.actor.clone())
        }
        Record::Rating(rating) => {
            let said = if rating.good { "rated good" } else { "rated bad" };
            let why = [rating.reason.clone(), rating.compared.as_ref().map(words::compared)];
            let why = why.into_iter().flatten().collect::<Vec<_>>().join("; ");
            (format!("{said}: {}", rating.version), why, rating.actor.clone())
        }
        Record::Repeat { .. } => ("teacher asked twice".to_owned(), String::new(), None),
        Record::Measure { choice, .. } => ("measure chosen".to_owned(), choice.why.clone(), None),
    }
}
