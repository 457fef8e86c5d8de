//! What people said of a site's answers, as data to learn from: TRL's lines of preferences (two answers to one prompt, one of them better)
//! and of labels for KTO (one answer, good or bad). The texts are the exchange log's; what was erased there is not here either.

use std::collections::{HashMap, HashSet};

use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use capture::{CaptureError, CaptureStore, Exchange, Segments, Source};
use dataset::{LabelledExample, PreferenceExample};
use handover::{Compared, Rating, Record};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wire::{Role, Turn};

use crate::beside::beside;
use crate::problem::{Problem, unavailable};
use crate::views::site_of;
use crate::{Admin, captures};

/// Entries of the hand-over log that are read at a time, and how often, the newest first.
const ENTRIES: usize = 1_000;
const PAGES_MAX: usize = 100;
/// Ratings that are read, the newest: their texts are held at once.
const RATINGS_MAX: usize = 10_000;

/// Of which form lines are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelForm {
    /// `{"prompt", "chosen", "rejected"}`
    #[default]
    Preference,
    /// `{"prompt", "completion", "label"}`
    Kto,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    #[serde(default)]
    form: LabelForm,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    Preference(PreferenceExample),
    Labelled(LabelledExample),
}

/// JSON lines.
pub(crate) async fn download(
    State(admin): State<Admin>,
    Path(site): Path<String>,
    Query(Wanted { form }): Query<Wanted>,
) -> Result<Response, Problem> {
    Ok(([(header::CONTENT_TYPE, "application/jsonl")], admin.labels(&site, form).await?).into_response())
}

impl Admin {
    /// What people said of the answers of `site`, as JSON lines, the oldest rating first.
    ///
    /// # Errors
    /// When there is no such site or no exchange log, or one of the logs cannot be read.
    pub async fn labels(&self, site: &str, form: LabelForm) -> Result<Vec<u8>, Problem> {
        let (log, id) = (captures::log(self)?, site_of(site)?);
        self.site(site)?;
        let ratings = self.ratings(&id).await?;
        let made = beside(move || {
            let texts = Texts::read(&log, &id, &ratings).map_err(unavailable)?;
            dataset::json_lines(ratings.iter().flat_map(|rating| texts.lines(rating, form))).map_err(unavailable)
        });
        made.await?
    }

    /// The newest ratings of `site`, the oldest of them first.
    async fn ratings(&self, site: &callsite::SiteId) -> Result<Vec<Rating>, Problem> {
        let (mut ratings, mut before) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let entries = self.entries(Some(site.clone()), before, Some(ENTRIES)).await?;
            let Some(last) = entries.last().map(|entry| entry.seq) else { break };
            before = Some(last);
            ratings.extend(entries.into_iter().filter_map(|entry| match entry.record {
                Record::Rating(rating) => Some(rating),
                _ => None,
            }));
            if ratings.len() >= RATINGS_MAX {
                break;
            }
        }
        ratings.truncate(RATINGS_MAX);
        ratings.reverse();
        Ok(ratings)
    }
}

/// What was asked and answered in the exchanges that were rated.
struct Texts {
    rated: HashMap<Uuid, Answered>,
    /// The teacher's answers, by what was asked word for word.
    teacher: HashMap<blake3::Hash, String>,
}

struct Answered {
    asked: blake3::Hash,
    prompt: Vec<Turn>,
    answer: String,
}

impl Texts {
    /// Reads the log twice: whom the teacher answered the same is only known when all that was rated is.
    fn read(log: &Segments, site: &callsite::SiteId, ratings: &[Rating]) -> Result<Self, CaptureError> {
        let wanted: HashSet<Uuid> = ratings.iter().filter_map(|rating| rating.request.parse().ok()).collect();
        let mut rated = HashMap::new();
        log.scan(site, None, &mut |exchange| {
            if wanted.contains(&exchange.id) && matches!(exchange.source, Source::Student(_)) {
                rated.extend(Answered::of(&exchange).map(|answered| (exchange.id, answered)));
            }
        })?;
        let asked: HashSet<blake3::Hash> = rated.values().map(|answered| answered.asked).collect();
        let mut teacher = HashMap::new();
        log.scan(site, None, &mut |exchange| {
            if exchange.source == Source::Teacher && asked.contains(&hash(&exchange)) {
                teacher.extend(answer(&exchange).map(|answer| (hash(&exchange), answer)));
            }
        })?;
        Ok(Self { rated, teacher })
    }

    fn lines(&self, rating: &Rating, form: LabelForm) -> Vec<Line> {
        let answered = rating.request.parse().ok().and_then(|id: Uuid| self.rated.get(&id));
        let Some(Answered { asked, prompt, answer }) = answered else { return Vec::new() };
        let said = |text: &str| [Turn::new(Role::Assistant, text)];
        let (student, teacher) = (said(answer), self.teacher.get(asked).map(|text| said(text)));
        let compared = rating.compared.as_ref().zip(teacher);
        match form {
            LabelForm::Kto => {
                let labelled =
                    |completion, label| Line::Labelled(LabelledExample { prompt: prompt.clone(), completion, label });
                let teachers = compared.map(|(compared, teacher)| labelled(teacher, compared.teacher_good));
                std::iter::once(labelled(student, rating.good)).chain(teachers).collect()
            }
            LabelForm::Preference => {
                let pair = compared.and_then(|(compared, teacher)| {
                    Some(if student_is_better(rating.good, compared)? {
                        (student, teacher)
                    } else {
                        (teacher, student)
                    })
                });
                let line = |(chosen, rejected)| {
                    Line::Preference(PreferenceExample { prompt: prompt.clone(), chosen, rejected })
                };
                pair.into_iter().map(line).collect()
            }
        }
    }
}

/// Which of the two was better: the good one; of two that are alike the one with more points; `None` for a tie.
fn student_is_better(student_good: bool, compared: &Compared) -> Option<bool> {
    if student_good != compared.teacher_good {
        return Some(student_good);
    }
    let (student, teacher) = (compared.student_points?.sum(), compared.teacher_points?.sum());
    (student != teacher).then_some(student > teacher)
}

impl Answered {
    fn of(exchange: &Exchange) -> Option<Self> {
        Some(Self { asked: hash(exchange), prompt: exchange.turns()?, answer: answer(exchange)? })
    }
}

fn hash(exchange: &Exchange) -> blake3::Hash {
    blake3::hash(exchange.request.as_bytes())
}

fn answer(exchange: &Exchange) -> Option<String> {
    exchange.complete.then(|| exchange.said()).flatten()
}
