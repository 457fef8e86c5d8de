//! Two answers to one request, teacher's and student's, in an order that says nothing: a person says which are good, and the student's verdict
//! becomes a rating.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use callsite::{SiteId, VersionId};
use capture::{CaptureError, CaptureStore, Exchange, Segments, Source};
use handover::Record;
use ledger::RatingRequest;
use maud::{Markup, html};
use wire::{Role, Turn};

use crate::guard::Sent;
use crate::session::Signed;
use crate::{Page, layout};

/// Entries of the log in which ratings are looked for.
const ENTRIES: usize = 1000;
/// What a person can say, by key: which of the two are good.
const CHOICES: [(&str, &str, bool, bool); 4] = [
    ("1", "Only the left one is good", true, false),
    ("2", "Only the right one is good", false, true),
    ("3", "Both are good", true, true),
    ("4", "Neither is good", false, false),
];

/// A request that both have answered.
struct Pair {
    /// The student's exchange: what a rating is about.
    request: String,
    version: VersionId,
    turns: Vec<Turn>,
    teacher: String,
    student: String,
}

pub(crate) async fn view(
    State(page): State<Page>,
    Extension(signed): Extension<Signed>,
    Path(name): Path<String>,
) -> Response {
    let pairs = match pairs(&page, &name).await {
        Ok(pairs) => pairs,
        Err(refused) => return refused(&signed),
    };
    let title = format!("Compare: {name}");
    let main = html! {
        h1 { "Compare, blind: " a href=(format!("/sites/{name}")) { bdi { (name) } } }
        @match pairs.first() {
            Some(pair) => (shown(&page, &signed, &name, pair, pairs.len())),
            None => p { "There is nothing to compare: no request of what serves here was answered by both and is unrated. Audits of a serving student make such pairs." },
        }
    };
    layout::view(&signed, "/", &title, main)
}

pub(crate) async fn rate(State(page): State<Page>, Path(name): Path<String>, sent: Sent) -> Response {
    let refused = |why: &str| layout::problem(Some(&sent.signed), StatusCode::BAD_REQUEST, why);
    let said = sent.said("choice").unwrap_or_default();
    let Some((.., left, right)) = CHOICES.into_iter().find(|choice| choice.0 == said) else {
        return refused("Say which of the two are good.");
    };
    let (Some(request), Ok(version)) =
        (sent.said("request"), VersionId::new(&sent.said("version").unwrap_or_default()))
    else {
        return refused("The form names no request.");
    };
    let (student, teacher) = if page.sessions.coin(&request) { (left, right) } else { (right, left) };
    let told = format!("compared blind; the teacher's was {}", if teacher { "good" } else { "bad" });
    let reason = sent.said("reason").map_or_else(|| told.clone(), |reason| format!("{reason} ({told})"));
    let rating = RatingRequest {
        request,
        version: Some(version),
        good: student,
        reason: Some(reason),
        actor: sent.signed.actor.clone(),
    };
    match page.admin.rate(&name, rating).await {
        Ok(_) => Redirect::to(&format!("/compare/{name}")).into_response(),
        Err(problem) => layout::problem(Some(&sent.signed), problem.status, &problem.message),
    }
}

fn shown(page: &Page, signed: &Signed, site: &str, pair: &Pair, left_over: usize) -> Markup {
    let sides =
        if page.sessions.coin(&pair.request) { [&pair.student, &pair.teacher] } else { [&pair.teacher, &pair.student] };
    html! {
        p.muted { (left_over) " to compare. Keys 1 to 4 choose." }
        @for turn in &pair.turns {
            p.muted { (match turn.role { Role::System => "system", Role::User => "user", Role::Assistant => "assistant" }) }
            pre.text { (turn.text) }
        }
        div.pair {
            @for (side, text) in ["Left", "Right"].into_iter().zip(sides) {
                section.card { h2 { (side) } pre.text { (text) } }
            }
        }
        form.compare method="post" action=(format!("/compare/{site}")) {
            (layout::form_token(signed))
            input type="hidden" name="request" value=(pair.request);
            input type="hidden" name="version" value=(pair.version);
            label { "Why, for the log (may stay empty)" input type="text" name="reason" maxlength="500"; }
            div.buttons {
                @for (key, said, ..) in CHOICES { button name="choice" value=(key) data-key=(key) { (key) ": " (said) } }
            }
        }
    }
}

/// What could not be found, for whoever is signed in.
type Refused = Box<dyn FnOnce(&Signed) -> Response + Send>;

fn refused(status: StatusCode, why: String) -> Refused {
    Box::new(move |signed: &Signed| layout::problem(Some(signed), status, &why))
}

/// What nobody has rated yet, newest first, of versions that serve.
async fn pairs(page: &Page, name: &str) -> Result<Vec<Pair>, Refused> {
    let site = page.admin.site(name).map_err(|problem| refused(problem.status, problem.message))?.view;
    let Some(log) = page.admin.captures.clone() else {
        return Err(refused(StatusCode::CONFLICT, "Nothing is captured, so there is nothing to compare.".to_owned()));
    };
    let entries = page.admin.entries(Some(site.site.clone()), None, Some(ENTRIES)).await;
    let entries = entries.map_err(|problem| refused(problem.status, problem.message))?;
    let rated: BTreeSet<String> = entries
        .into_iter()
        .filter_map(|entry| if let Record::Rating(rating) = entry.record { Some(rating.request) } else { None })
        .collect();
    let serves: BTreeSet<VersionId> =
        site.version.into_iter().chain(site.challenger.map(|challenger| challenger.version)).collect();
    let found = tokio::task::spawn_blocking(move || answered_by_both(&log, &site.site)).await;
    let failed = |why: String| refused(StatusCode::SERVICE_UNAVAILABLE, why);
    let found = found.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
    Ok(found.into_iter().filter(|pair| serves.contains(&pair.version) && !rated.contains(&pair.request)).collect())
}

/// Requests that were asked of both, word for word.
fn answered_by_both(log: &Arc<Segments>, site: &SiteId) -> Result<Vec<Pair>, CaptureError> {
    let mut asked: HashMap<blake3::Hash, (Option<Exchange>, Option<Exchange>)> = HashMap::new();
    log.scan(site, None, &mut |exchange| {
        let both = asked.entry(blake3::hash(exchange.request.as_bytes())).or_default();
        match exchange.source {
            Source::Teacher => both.0 = Some(exchange),
            Source::Student(_) => both.1 = Some(exchange),
            Source::Generated(_) | Source::Imported(_) => {}
        }
    })?;
    let both = asked.into_values().filter_map(|(teacher, student)| Some((teacher?, student?)));
    let mut pairs: Vec<(u64, Pair)> =
        both.filter_map(|(teacher, student)| Some((student.at_ms, pair(&teacher, student)?))).collect();
    pairs.sort_by_key(|(at_ms, _)| std::cmp::Reverse(*at_ms));
    Ok(pairs.into_iter().map(|(_, pair)| pair).collect())
}

fn pair(teacher: &Exchange, student: Exchange) -> Option<Pair> {
    let answer = |exchange: &Exchange| Some(exchange.api.read(exchange.stream, exchange.response.as_bytes())?.text);
    let turns = student.api.parse(student.request.as_bytes()).ok()?.turns().ok()?;
    let (said, wanted) = (answer(&student)?, answer(teacher)?);
    let Source::Student(version) = student.source else { return None };
    Some(Pair { request: student.id.to_string(), version, turns, teacher: wanted, student: said })
}
