//! Two answers to one request, teacher's and student's, in an order that says nothing: a person says which are good, and the student's verdict
//! becomes a rating.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use admin::LabelForm;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use callsite::{SiteId, VersionId};
use capture::{CaptureError, CaptureStore, Exchange, Segments, Source};
use handover::{AuditOutcome, Compared, Entry, Record};
use ledger::RatingRequest;
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;
use wire::{Role, Turn};

use crate::captures::one;
use crate::guard::Sent;
use crate::session::Signed;
use crate::{Page, difference, layout, points, words};

/// Entries of the log in which ratings are looked for.
const ENTRIES: usize = 1000;
/// What a person prefers: its key, what it says, and which of the two are good.
const CHOICES: [(&str, &str, bool, bool); 4] = [
    ("l", "Left is good, right is not", true, false),
    ("r", "Right is good, left is not", false, true),
    ("t", "Tie: both are good", true, true),
    ("n", "Neither is good", false, false),
];

/// The request that was rated a moment ago.
#[derive(Default, Deserialize)]
pub(crate) struct Last {
    #[serde(default)]
    last: String,
}

#[derive(Deserialize)]
pub(crate) struct Form {
    #[serde(default)]
    form: LabelForm,
}

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
    Query(Last { last }): Query<Last>,
) -> Response {
    let entries = match page.admin.site(&name) {
        Ok(site) => page.admin.entries(Some(site.view.site), None, Some(ENTRIES)).await,
        Err(problem) => Err(problem),
    };
    let entries = match entries {
        Ok(entries) => entries,
        Err(problem) => return layout::problem(Some(&signed), problem.status, &problem.message),
    };
    let (count, pair) = match newest(&page, &name, &entries).await {
        Ok(found) => found,
        Err(refused) => return refused(&signed),
    };
    let title = format!("Compare: {name}");
    let main = html! {
        h1 { "Compare, blind: " a href=(format!("/sites/{name}")) { bdi { (name) } } }
        (told(&entries, &last))
        @match &pair {
            Some(pair) => (shown(&page, &signed, &name, pair, count)),
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
    // What stands in an address: an exchange's own id.
    let last = request.parse::<Uuid>().map(|id| id.to_string()).unwrap_or_default();
    let is_left = page.sessions.coin(&request);
    let (student, teacher_good) = if is_left { (left, right) } else { (right, left) };
    let [mine, other] = if is_left { ["left", "right"] } else { ["right", "left"] };
    let compared = Compared {
        teacher_good,
        student_points: points::said(&sent, mine),
        teacher_points: points::said(&sent, other),
    };
    let rating = RatingRequest {
        request,
        version: Some(version),
        good: student,
        reason: sent.said("reason"),
        actor: sent.signed.actor.clone(),
        compared: Some(compared),
    };
    match page.admin.rate(&name, rating).await {
        Ok(_) => Redirect::to(&format!("/compare/{name}?last={last}")).into_response(),
        Err(problem) => layout::problem(Some(&sent.signed), problem.status, &problem.message),
    }
}

fn shown(page: &Page, signed: &Signed, site: &str, pair: &Pair, left_over: usize) -> Markup {
    let sides =
        if page.sessions.coin(&pair.request) { [&pair.student, &pair.teacher] } else { [&pair.teacher, &pair.student] };
    let [left, right] = sides;
    html! {
        p.muted {
            (left_over) " to compare. Keys: " kbd { "1" } " to " kbd { "5" } " give points, one question after the other; "
            kbd { "l" } ", " kbd { "r" } ", " kbd { "t" } " and " kbd { "n" } " decide. Points may be left out. What only one of the two says is marked."
        }
        @for turn in &pair.turns {
            p.muted { (match turn.role { Role::System => "system", Role::User => "user", Role::Assistant => "assistant" }) }
            pre.text { (turn.text) }
        }
        form.compare method="post" action=(format!("/compare/{site}")) {
            (layout::form_token(signed))
            input type="hidden" name="request" value=(pair.request);
            input type="hidden" name="version" value=(pair.version);
            div.pair {
                @for (side, text, other) in [("left", left, right), ("right", right, left)] {
                    section.card {
                        h2 { (if side == "left" { "Left" } else { "Right" }) }
                        pre.text { (difference::marked(text, other)) }
                        (points::asked(side))
                    }
                }
            }
            label { "Why, for the log (may stay empty)" input type="text" name="reason" maxlength="500"; }
            div.buttons {
                @for (key, said, ..) in CHOICES { button name="choice" value=(key) data-key=(key) { kbd { (key) } " " (said) } }
            }
        }
    }
}

/// What is known of the pair that was rated last: whose was which is no secret any more.
fn told(entries: &[Entry], last: &str) -> Markup {
    let rating = entries.iter().find_map(|entry| match &entry.record {
        Record::Rating(rating) if rating.request == last => Some(rating),
        _ => None,
    });
    let audit = entries.iter().find_map(|entry| match &entry.record {
        Record::Audit(audit) if audit.request == last => Some(audit),
        _ => None,
    });
    let good = |good| if good { "good" } else { "not good" };
    html! {
        @if let Some(rating) = rating {
            p role="status" {
                "You said: the student's was " (good(rating.good))
                @if let Some(compared) = &rating.compared { ", the teacher's " (good(compared.teacher_good)) }
                ". "
                @match audit.map(|audit| &audit.outcome) {
                    Some(AuditOutcome::Compared { quality, confidence, verified, bad, .. }) => {
                        "The proxy's own verdict: quality " (words::quality(*quality)) (if *bad { ", bad" } else { "" })
                        ", confidence " (words::quality(*confidence))
                        (if *verified { "; its verifiers let it pass." } else { "; a verifier refused it." })
                    }
                    Some(AuditOutcome::NoAnswer) => { "The proxy's own verdict: no answer." }
                    None => { "It was not audited." }
                }
            }
        }
    }
}

/// What people said, as lines to learn from.
pub(crate) async fn labels(
    State(page): State<Page>,
    Extension(signed): Extension<Signed>,
    Path(name): Path<String>,
    Query(Form { form }): Query<Form>,
) -> Response {
    match page.admin.labels(&name, form).await {
        Ok(lines) => {
            let kind = if form == LabelForm::Kto { "kto" } else { "preference" };
            layout::download(&format!("{name}-{kind}.jsonl"), Body::from(lines))
        }
        Err(problem) => layout::problem(Some(&signed), problem.status, &problem.message),
    }
}

/// What could not be found, for whoever is signed in.
type Refused = Box<dyn FnOnce(&Signed) -> Response + Send>;

fn refused(status: StatusCode, why: String) -> Refused {
    Box::new(move |signed: &Signed| layout::problem(Some(signed), status, &why))
}

/// The newest that nobody has rated yet, of versions that serve, and how many there are.
async fn newest(page: &Page, name: &str, entries: &[Entry]) -> Result<(usize, Option<Pair>), Refused> {
    let site = page.admin.site(name).map_err(|problem| refused(problem.status, problem.message))?.view;
    let Some(log) = page.admin.captures.clone() else {
        return Err(refused(StatusCode::CONFLICT, "Nothing is captured, so there is nothing to compare.".to_owned()));
    };
    let rated: BTreeSet<String> = entries
        .iter()
        .filter_map(
            |entry| if let Record::Rating(rating) = &entry.record { Some(rating.request.clone()) } else { None },
        )
        .collect();
    let serves: BTreeSet<VersionId> =
        site.version.into_iter().chain(site.challenger.map(|challenger| challenger.version)).collect();
    let looked = tokio::task::spawn_blocking(move || {
        let wanted = |exchange: &Exchange| match &exchange.source {
            Source::Student(version) => serves.contains(version) && !rated.contains(&exchange.id.to_string()),
            _ => false,
        };
        answered_by_both(&log, &site.site, &wanted)
    });
    let failed = |why: String| refused(StatusCode::SERVICE_UNAVAILABLE, why);
    looked.await.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
}

/// Requests that were asked of both, word for word, newest first; of one whose answers cannot be read nothing. Whole exchanges are held two
/// at a time: a site's log may be larger than memory.
fn answered_by_both(
    log: &Arc<Segments>,
    site: &SiteId,
    wanted: &dyn Fn(&Exchange) -> bool,
) -> Result<(usize, Option<Pair>), CaptureError> {
    let mut asked: HashMap<blake3::Hash, (Option<Uuid>, Option<Uuid>)> = HashMap::new();
    log.scan(site, None, &mut |exchange| {
        let (teacher, student) = asked.entry(blake3::hash(exchange.request.as_bytes())).or_default();
        match exchange.source {
            Source::Teacher => *teacher = Some(exchange.id),
            Source::Student(_) => *student = wanted(&exchange).then_some(exchange.id),
            Source::Generated(_) | Source::Imported(_) => {}
        }
    })?;
    let mut both: Vec<(Uuid, Uuid)> =
        asked.into_values().filter_map(|(teacher, student)| Some((student?, teacher?))).collect();
    // The ids are ordered by time.
    both.sort_unstable_by_key(|ids| std::cmp::Reverse(*ids));
    for (at, (student, teacher)) in both.iter().enumerate() {
        let (student, teacher) = (one(log, site, *student)?, one(log, site, *teacher)?);
        if let Some(pair) = student.zip(teacher).and_then(|(student, teacher)| pair(&teacher, student)) {
            return Ok((both.len() - at, Some(pair)));
        }
    }
    Ok((0, None))
}

fn pair(teacher: &Exchange, student: Exchange) -> Option<Pair> {
    let (turns, said, wanted) = (student.turns()?, student.said()?, teacher.said()?);
    let Source::Student(version) = student.source else { return None };
    Some(Pair { request: student.id.to_string(), version, turns, teacher: wanted, student: said })
}
