//! One call site: its evidence over time, how sure it is against how right, how it moved and why, and the rules that it is held to.

use admin::VersionResponse;
use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use handover::{AuditOutcome, Entry, Record};
use ledger::SiteView;
use maud::{Markup, html};

use crate::session::Signed;
use crate::sites::card;
use crate::{Page, chart, layout, log, words};

/// Entries of the log that the drawings are made of.
const ENTRIES: usize = 1000;
/// Audits that a point of the quality's line is the mean of.
const WINDOW: usize = 20;

pub(crate) async fn view(
    State(page): State<Page>,
    Extension(signed): Extension<Signed>,
    Path(name): Path<String>,
) -> Response {
    let found = match page.admin.site(&name) {
        Ok(site) => site,
        Err(problem) => return layout::problem(Some(&signed), problem.status, &problem.message),
    };
    let entries = match page.admin.entries(Some(found.view.site.clone()), None, Some(ENTRIES)).await {
        Ok(entries) => entries,
        Err(problem) => return layout::problem(Some(&signed), problem.status, &problem.message),
    };
    let published = match page.admin.versions(&name).await {
        Ok(versions) => versions,
        Err(problem) => return layout::problem(Some(&signed), problem.status, &problem.message),
    };
    let main = html! {
        h1 data-live { bdi { (name) } }
        (card(&signed, &found))
        p {
            a href=(format!("/compare/{name}")) { "Compare its answers with the teacher's, blind" } " · "
            a href=(format!("/captures?site={name}")) { "Its captures" } " · "
            a href=(format!("/sites/{name}/labels?form=preference")) { "Preferences as JSON lines" } " · "
            a href=(format!("/sites/{name}/labels?form=kto")) { "Labels for KTO" }
        }
        (quality(&found.view, &entries))
        (trust(&found.view))
        (health(&found.view))
        (versions(&published))
        (escalations(&found.view, &entries))
        section {
            h2 { "How it moved" }
            (log::table(entries.iter().filter(|entry| !matches!(entry.record, Record::Audit(_) | Record::Repeat { .. })), false))
            p { a href=(format!("/log?site={name}")) { "All entries" } }
        }
        section {
            h2 { "The rules" }
            ul { @for said in found.view.policy.explain() { li { (said) } } }
        }
    };
    layout::view(&signed, "/", &name, main)
}

fn quality(view: &SiteView, entries: &[Entry]) -> Markup {
    let mut values: Vec<f64> = entries
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::Audit(audit) if Some(&audit.version) == view.version.as_ref() => match audit.outcome {
                AuditOutcome::Compared { quality, .. } => Some(quality),
                AuditOutcome::NoAnswer => Some(0.0),
            },
            _ => None,
        })
        .collect();
    // The log comes newest first.
    values.reverse();
    html! {
        @if values.len() >= 2 {
            section {
                h2 { "Quality by audit" }
                p.muted { "The last " (values.len()) " audits of its version, each point the mean of " (WINDOW) ". The line is what is needed." }
                (chart::running_mean(&values, WINDOW, view.quality_min))
            }
        }
    }
}

fn trust(view: &SiteView) -> Markup {
    let rows: Vec<_> = view.reliability.iter().flat_map(|reliability| reliability.rows()).collect();
    html! {
        @if !rows.is_empty() {
            section {
                h2 { "How sure, and how right" }
                p.muted {
                    "Across: the student's confidence. Up: the share of good answers. On the line it is as often right as it is sure."
                    @if let Some(threshold) = view.confidence_threshold {
                        " It answers from a confidence of " (words::quality(threshold)) " on, which covers " (words::percent(view.coverage)) " of the requests."
                    }
                }
                (chart::reliability(&rows))
            }
        }
    }
}

fn health(view: &SiteView) -> Markup {
    let share = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
    html! {
        section {
            h2 { "Watching it" }
            dl.facts {
                div { dt { "evidence (ln e)" } dd { (share(view.log_e_value)) } }
                div { dt { "of" } dd { (share(view.log_e_needed)) } }
                div { dt { "drift" } dd { (share(view.drift)) } }
                div { dt { "alarm at" } dd { (format!("{:.2}", view.drift_alarm)) } }
                div { dt { "failures" } dd { (share(view.error_budget)) } }
                div { dt { "slow answers" } dd { (share(view.latency_budget)) } }
                div { dt { "rated good" } dd { (view.rated_good) } }
                div { dt { "rated bad" } dd { (view.rated_bad) } }
                div { dt { "repeated prompts" } dd { (view.repeated_audits) } }
            }
            @if view.coverage_lost { p.problem { "The threshold covers clearly fewer requests than when it was proven." } }
        }
    }
}

/// What kept audited answers from clients: the verifiers' and the threshold's share.
fn escalations(view: &SiteView, entries: &[Entry]) -> Markup {
    let (mut served, mut unsure, mut refused, mut none) = (0_u64, 0_u64, 0_u64, 0_u64);
    for entry in entries {
        let Record::Audit(audit) = &entry.record else { continue };
        if Some(&audit.version) != view.version.as_ref() {
            continue;
        }
        match audit.outcome {
            AuditOutcome::Compared { verified: false, .. } => refused += 1,
            AuditOutcome::Compared { confidence, .. }
                if view.confidence_threshold.is_none_or(|threshold| confidence < threshold) =>
            {
                unsure += 1
            }
            AuditOutcome::Compared { .. } => served += 1,
            AuditOutcome::NoAnswer => none += 1,
        }
    }
    html! {
        @if served + unsure + refused + none > 0 {
            section {
                h2 { "What becomes of its answers" }
                p.muted { "Of its last audited requests, by today's threshold. Only what is served counts as its quality." }
                dl.facts {
                    div { dt { "would be served" } dd { (served) } }
                    div { dt { "not sure enough" } dd { (unsure) } }
                    div { dt { "refused by a verifier" } dd { (refused) } }
                    div { dt { "no answer" } dd { (none) } }
                }
            }
        }
    }
}

fn versions(all: &[VersionResponse]) -> Markup {
    html! {
        @if !all.is_empty() {
            section {
                h2 { "Versions" }
                div.wide tabindex="0" role="region" aria-label="Table" { table {
                    thead { tr { th { "Version" } th { "Is" } th { "Lesson" } th { "Learnt from" } th { "Exam" } th { "Files (BLAKE3)" } } }
                    tbody { @for one in all { (version(one)) } }
                } }
            }
        }
    }
}

fn version(one: &VersionResponse) -> Markup {
    let facts = one.manifest.as_ref().map(|manifest| &manifest.facts);
    let fact = |path: &str| facts.and_then(|facts| facts.pointer(path));
    let count = |path: &str| fact(path).map_or_else(|| "-".to_owned(), ToString::to_string);
    html! {
        tr {
            td { bdi { (one.version) } }
            td { (one.role.label()) }
            td { (count("/lesson")) }
            td {
                @if facts.is_some() {
                    (count("/lineage/train")) " examples, " (count("/lineage/held_out")) " held out"
                    @if let Some(base) = fact("/base").and_then(|base| base.as_str()) { "; base " bdi { (base) } }
                } @else { "no longer there" }
            }
            td { (fact("/exam").and_then(|exam| exam.as_f64()).map_or_else(|| "-".to_owned(), words::quality)) }
            td.text {
                @for file in one.manifest.iter().flat_map(|manifest| &manifest.files) {
                    div { bdi { (file.name) } " " code { (file.blake3.get(..16).unwrap_or(&file.blake3)) } }
                }
            }
        }
    }
}
