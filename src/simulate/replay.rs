//! The whole gate over a recorded stream, in many random orders: the first part of an order is the exam, the rest are the
//! requests. The stream is the world: what a threshold does to all of it is known.

use handover::{Dice, Health, Policy, Route};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use verify::{Measure, Seen};

use crate::chance::shuffle;
use crate::driven::{Answer, Driven};
use crate::rows::RecordedRow;
use crate::runs::Size;
use crate::student::exam_grid;
use crate::summary::{mean_interval, size};
use crate::{SimulateError, hash};

/// Rows of an order that are its exam: a fifth, at most as many as a lesson holds out.
const EXAM_PART: usize = 5;
const EXAM_MAX: usize = 200;

/// What is replayed.
#[derive(Clone, Debug)]
pub struct Replay<'a> {
    pub rows: &'a [RecordedRow],
    pub measure: Measure,
    pub policy: &'a Policy,
    /// `runs` are the orders.
    pub size: Size,
}

/// What came of it; means over the orders with their 95 % interval.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplayReport {
    pub rows: usize,
    pub orders: usize,
    /// Of the orders, those that ended in Student or Canary.
    pub orders_serving: usize,
    /// Share of the requests that the student answered.
    pub served: Interval,
    /// Of the answers served, those that differ from the teacher's; of the orders in which any was.
    pub disagreement_among_served: Interval,
    /// Of all requests, those served with an answer that differs.
    pub joint_disagreement: Interval,
    /// Share of requests that cost a call of the teacher: not served, or audited.
    pub teacher_calls: Interval,
    /// Where the rows have labels: right answers that clients got, and what the two alone would give.
    pub accuracy: Option<Accuracy>,
    /// Orders in which the proven threshold would serve more than `risk_alpha` of the whole recording badly, and those
    /// in which clients got more.
    pub violations_of_threshold: usize,
    pub violations_served: usize,
    pub risk_alpha: f64,
    pub risk_delta: f64,
}

/// A mean and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

/// Right answers by the labels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// Of the labelled requests: what clients got.
    pub routed: Interval,
    pub teacher: f64,
    pub student: f64,
}

/// A row with what the measure says of it.
struct Graded {
    prompt: u64,
    near: u64,
    answer: Answer,
    /// Whether student and teacher are right by the label.
    right: Option<(bool, bool)>,
}

/// What one order came to, in counts.
#[derive(Clone, Copy, Debug, Default)]
struct Order {
    requests: usize,
    served: usize,
    served_bad: usize,
    teacher_calls: usize,
    labelled: usize,
    right: usize,
    is_serving: bool,
    is_unsafe: bool,
}

/// Runs the gate over every order.
///
/// # Errors
/// [`SimulateError::Policy`] when the measure needs more than rows hold: a second answer of the teacher's, or a judge.
pub fn replay_rows(replay: &Replay<'_>) -> Result<ReplayReport, SimulateError> {
    let graded = replay.rows.iter().map(|row| grade(row, replay)).collect::<Option<Vec<_>>>().ok_or_else(|| {
        let label = replay.measure.label();
        SimulateError::Policy(format!("rows cannot be compared by `{label}`: use value, exact or similar"))
    })?;
    let orders = replay.size.map("orders", |rng| order(rng, &graded, replay));
    let share = |part: fn(&Order) -> usize, of: fn(&Order) -> usize| {
        let shares = orders.iter().filter(|order| of(order) > 0).map(|order| size(part(order)) / size(of(order)));
        let (mean, low, high) = mean_interval(&shares.collect::<Vec<_>>());
        Interval { mean, low, high }
    };
    let labelled: Vec<(bool, bool)> = graded.iter().filter_map(|row| row.right).collect();
    let part = |right: fn(&(bool, bool)) -> bool| {
        size(labelled.iter().filter(|pair| right(pair)).count()) / size(labelled.len())
    };
    let risk = replay.policy.risk_alpha;
    Ok(ReplayReport {
        rows: graded.len(),
        orders: orders.len(),
        orders_serving: orders.iter().filter(|order| order.is_serving).count(),
        served: share(|order| order.served, |order| order.requests),
        disagreement_among_served: share(|order| order.served_bad, |order| order.served),
        joint_disagreement: share(|order| order.served_bad, |order| order.requests),
        teacher_calls: share(|order| order.teacher_calls, |order| order.requests),
        accuracy: (!labelled.is_empty()).then(|| Accuracy {
            routed: share(|order| order.right, |order| order.labelled),
            teacher: part(|(_, teacher)| *teacher),
            student: part(|(student, _)| *student),
        }),
        violations_of_threshold: orders.iter().filter(|order| order.is_unsafe).count(),
        violations_served: orders.iter().filter(|order| size(order.served_bad) > risk * size(order.requests)).count(),
        risk_alpha: risk,
        risk_delta: replay.policy.risk_delta,
    })
}

fn grade(row: &RecordedRow, replay: &Replay<'_>) -> Option<Graded> {
    let compare = |student: &str, teacher: &str| {
        let seen = Seen { prompt: &row.input, student, teacher, teacher_again: None, judged: None };
        replay.measure.score(&seen, &verify::rouge_l, replay.policy.bad_below)
    };
    let score = compare(&row.student, &row.teacher)?;
    let is_right = |answer: &str, label: &str| compare(answer, label).is_some_and(|score| !score.bad);
    let label = row.label.as_deref().filter(|label| !label.is_empty());
    Some(Graded {
        prompt: hash::text(&row.input),
        near: hash::text(&format!("{}\n{}", hash::masked(&row.input), hash::masked(&row.teacher))),
        answer: Answer { quality: score.quality, bad: score.bad, confidence: row.confidence },
        right: label.map(|label| (is_right(&row.student, label), is_right(&row.teacher, label))),
    })
}

fn order(rng: &mut ChaCha8Rng, graded: &[Graded], replay: &Replay<'_>) -> Order {
    let mut rows: Vec<&Graded> = graded.iter().collect();
    shuffle(&mut rows, rng);
    let (exam, stream) = rows.split_at((rows.len() / EXAM_PART).min(EXAM_MAX));
    let seen = exam.iter().map(|row| (row.answer.confidence, row.answer.quality)).collect();
    let policy = replay.policy;
    let mut driven = Driven::new(policy, &exam_grid(seen, policy.quality_min), &replay.measure);
    let (health, mut found) = (Health::default(), Order { requests: stream.len(), ..Order::default() });
    for row in stream {
        let dice = Dice { route: rng.random(), audit: rng.random() };
        let plan = driven.site.plan(policy, None, &health, dice);
        let is_served = match plan.route {
            Route::Student { confidence_threshold, .. } => row.answer.confidence >= confidence_threshold,
            Route::Teacher => false,
        };
        found.count(row, is_served, plan.audit.is_some());
        if plan.audit.is_some() {
            driven.audit_of(row.prompt, row.near, row.answer);
        }
    }
    found.is_serving = driven.is_serving();
    let tau = driven.trial().and_then(handover::Trial::threshold);
    found.is_unsafe = tau.is_some_and(|tau| {
        let bad = graded.iter().filter(|row| row.answer.bad && row.answer.confidence >= tau).count();
        size(bad) > policy.risk_alpha * size(graded.len())
    });
    found
}

impl Order {
    fn count(&mut self, row: &Graded, is_served: bool, is_audited: bool) {
        self.served += usize::from(is_served);
        self.served_bad += usize::from(is_served && row.answer.bad);
        self.teacher_calls += usize::from(!is_served || is_audited);
        if let Some((student, teacher)) = row.right {
            self.labelled += 1;
            self.right += usize::from(if is_served { student } else { teacher });
        }
    }
}
