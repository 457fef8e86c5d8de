//! All call sites: where each stands and why, what it waits for, and its buttons; below them those that were found and have no name yet.

use admin::{SiteResponse, TrafficView};
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use fingerprint::FoundView;
use handover::State as Standing;
use maud::{Markup, html};

use crate::session::Signed;
use crate::{Page, chart, layout, words};

/// Prompts of a found site that are shown.
const SAMPLES: usize = 3;

pub(crate) async fn view(State(page): State<Page>, Extension(signed): Extension<Signed>) -> Response {
    let sites = page.admin.sites();
    let found: Vec<FoundView> = page.admin.finder.views();
    let unnamed: Vec<&FoundView> = found.iter().filter(|view| view.standing == fingerprint::Standing::Found).collect();
    let main = html! {
        h1 data-live { "Call sites" }
        @if sites.is_empty() {
            p { "No request has come yet. Point a client at the proxy; a call site appears here with its first request." }
        }
        div.cards { @for site in &sites { (card(&signed, site)) } }
        @if !unnamed.is_empty() {
            h2 { "Found, without a name" }
            p { "Requests that nobody names and that have a prompt in common. A name gives a site students of its own." }
            div.cards { @for site in unnamed { (found_card(&signed, site)) } }
        }
    };
    layout::view(&signed, "/", "Call sites", main)
}

/// One site, with its buttons.
pub(crate) fn card(signed: &Signed, site: &SiteResponse) -> Markup {
    let view = &site.view;
    let name = view.site.as_str();
    html! {
        article.card aria-labelledby=(format!("site-{name}")) {
            header {
                h2 id=(format!("site-{name}")) { a href=(format!("/sites/{name}")) { bdi { (name) } } }
                span.badge.(view.state.label()) { (view.state.label()) }
                @if view.paused { span.badge.paused { "paused" } }
            }
            @if !view.log_available {
                p.problem role="alert" { "The hand-over log cannot be written: the teacher answers until it can." }
            }
            p { (words::state(view)) }
            @if let Some(waits) = words::waits_for(view) { p.muted { (waits) } }
            @if view.version.is_some() { (evidence(site)) }
            @if let Some(traffic) = &site.traffic { (hour(traffic)) }
            @if let Some(saved) = &site.saved { p.muted { (words::saved(saved)) } }
            @if let Some(lesson) = &site.lesson { p.muted { (words::lesson(lesson)) } }
            @if let Some(waits) = &site.next_lesson { p.muted { "Next lesson: " (waits) "." } }
            (buttons(signed, site))
        }
    }
}

fn evidence(site: &SiteResponse) -> Markup {
    let view = &site.view;
    html! {
        (chart::bullet(view.lower_bound, view.quality, view.quality_min))
        dl.facts {
            div { dt { "proven" } dd { (view.lower_bound.map_or_else(|| "-".to_owned(), words::quality)) } }
            div { dt { "needed" } dd { (words::quality(view.quality_min)) } }
            div { dt { "measured" } dd { (view.quality.map_or_else(|| "-".to_owned(), words::quality)) } }
            div { dt { "audits" } dd { (view.audits) } }
            @if let Some(left) = words::audits_to_go(view) { div { dt { "to go, at this pace" } dd { "about " (left) } } }
            div { dt { "student's share" } dd { (words::percent(view.student_share)) } }
            div { dt { "covers" } dd { (words::percent(view.coverage)) } }
        }
        @if let Some(challenger) = &view.challenger {
            p.muted {
                "Version " bdi { (challenger.version) } " wants its place: " (challenger.audits) " audits, proven "
                (words::quality(challenger.lower_bound)) "."
            }
        }
    }
}

/// Who answered in the last hour, and how long that took.
fn hour(traffic: &TrafficView) -> Markup {
    let wait = |p50: Option<f64>, p95: Option<f64>| match (p50, p95) {
        (Some(p50), Some(p95)) => format!("{} / {}", words::milliseconds(p50), words::milliseconds(p95)),
        _ => "-".to_owned(),
    };
    html! {
        (chart::shares([("teacher", traffic.teacher), ("escalated", traffic.escalated), ("student", traffic.student)]))
        dl.facts {
            div { dt { "requests, last hour" } dd { (traffic.requests) } }
            div { dt { "teacher p50 / p95" } dd { (wait(traffic.teacher_p50_ms, traffic.teacher_p95_ms)) } }
            div { dt { "student p50 / p95" } dd { (wait(traffic.student_p50_ms, traffic.student_p95_ms)) } }
            div { dt { "recognised by" } dd { (words::recognised(&traffic.recognised_by)) } }
            @if !traffic.model.is_empty() { div { dt { "model asked for" } dd { bdi { (traffic.model) } } } }
            @if let Some(price) = &traffic.price { div { dt { "its price" } dd { (words::price(price)) } } }
        }
    }
}

/// What can be done to it as it stands.
fn buttons(signed: &Signed, site: &SiteResponse) -> Markup {
    let view = &site.view;
    let on_trial = view.version.is_some() && view.state != Standing::Held;
    html! {
        details.actions id=(format!("actions-{}", view.site)) {
            summary { "Steer" }
            form method="post" action=(format!("/sites/{}/steer", view.site)) {
                (layout::form_token(signed))
                label { "Reason, for the log" input type="text" name="reason" maxlength="500"; }
                div.buttons {
                    @if on_trial { button.danger name="action" value="rollback" { "Roll back" } }
                    @if view.state == Standing::Held || !view.blocked_by.is_empty() {
                        button name="action" value="promote" { "Promote" }
                    }
                    @if view.state != Standing::Held { button name="action" value="hold" { "Hold" } }
                    @if view.paused { button name="action" value="resume" { "Resume" } }
                    @else if on_trial { button name="action" value="pause" { "Pause" } }
                    @if view.state.is_serving() { button name="action" value="shadow" { "Compare only" } }
                    button name="action" value="learn" { "Learn now" }
                }
            }
        }
    }
}

fn found_card(signed: &Signed, site: &FoundView) -> Markup {
    let name = site.site.as_str();
    html! {
        article.card aria-labelledby=(format!("found-{name}")) {
            header { h3 id=(format!("found-{name}")) { bdi { (name) } } span.badge { (site.requests) " requests" } }
            @for template in site.templates.iter().take(1) { pre.text { (template.system) "\n" (template.user) } }
            @if !site.samples.is_empty() {
                details id=(format!("samples-{name}")) {
                    summary { "Samples" }
                    @for sample in site.samples.iter().take(SAMPLES) { pre.text { (sample.system) "\n" (sample.user) } }
                }
            }
            form.buttons method="post" action=(format!("/found/{name}/edit")) {
                (layout::form_token(signed))
                label { "Name" input type="text" name="name" maxlength="64"; }
                button name="action" value="name" { "Name it" }
                button name="action" value="merge" { "It belongs to that site" }
                button name="action" value="ignore" { "Ignore" }
            }
        }
    }
}
