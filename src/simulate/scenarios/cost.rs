//! What a promotion costs in calls of the teacher, by the measure that the site's audits need.

use handover::{Dice, Health, Policy, State};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use verify::Measure;

use crate::chance::{coin, normal};
use crate::driven::{Answer, Driven, Grid};
use crate::figures::{Goal, Report, Table, shown};
use crate::scenarios::{World, time_row};
use crate::summary::Times;

/// Audits after which a run gives up.
const AUDITS: u64 = 6_000;
/// Similarity of two answers of one teacher in this world: mean, spread, and its 5 % quantile.
const SIMILAR: f64 = 0.60;
const SPREAD: f64 = 0.12;
const BAD_BELOW: f64 = 0.40;

/// What is audited here.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Right with this probability.
    Exact(f64),
    /// Its similarity to the teacher is the teacher's own to itself and so much more.
    SelfRelative(f64),
}

impl Kind {
    fn measure(self, policy: &Policy) -> Measure {
        match self {
            Self::Exact(_) => Measure::Exact,
            Self::SelfRelative(_) => Measure::SelfRelative { margin: policy.margin, bad_below: BAD_BELOW },
        }
    }

    fn answer(self, rng: &mut ChaCha8Rng) -> Answer {
        match self {
            Self::Exact(mean) => Answer::sure(coin(rng, mean)),
            Self::SelfRelative(more) => {
                let student = (SIMILAR + more + SPREAD * normal(rng)).clamp(0.0, 1.0);
                let again = (SIMILAR + SPREAD * normal(rng)).clamp(0.0, 1.0);
                let quality = (0.5 + student - again).clamp(0.0, 1.0);
                Answer { quality, bad: student < BAD_BELOW, confidence: 0.99 }
            }
        }
    }

    /// Calls of the teacher that one audit compares, and repeats before the measure is known.
    fn calls(self, policy: &Policy) -> (u64, u64) {
        match self {
            Self::Exact(_) => (1, 0),
            Self::SelfRelative(_) => (2, u64::from(policy.repeats)),
        }
    }
}

/// Audits and requests until Student.
fn run(rng: &mut ChaCha8Rng, policy: &Policy, kind: Kind) -> Option<(u64, u64)> {
    let mut driven = Driven::new(policy, &Grid::few(), &kind.measure(policy));
    let (health, mut requests) = (Health::default(), 0u64);
    while driven.audits < AUDITS {
        requests += 1;
        let dice = Dice { route: rng.random(), audit: rng.random() };
        if driven.site.plan(policy, None, &health, dice).audit.is_some() {
            driven.audit(kind.answer(rng));
            if driven.site.state == State::Student {
                return Some((driven.audits, requests));
            }
        }
    }
    None
}

/// The report.
pub(crate) fn report(world: &World) -> Report {
    let policy = &world.policy;
    let about = format!(
        "Whole machine until Student, medians. An audit compares one answer of the teacher, or two where the student is measured \
         against the teacher's own variance (that measure also asks {} prompts twice before it is chosen). \"Extra\" are the \
         calls that clients would not have caused: before the hand-over the first answer of an audit is theirs.",
        policy.repeats
    );
    let head = ["measure", "student", "audits", "calls compared", "extra calls", "requests of the site"];
    let mut table = Table::new("Cost of a promotion", about, &head);
    let mut report = Report::default();
    let kinds = [
        ("exact", "0.95", Kind::Exact(0.95)),
        ("exact", "0.99", Kind::Exact(0.99)),
        ("self-relative", "as the teacher", Kind::SelfRelative(0.0)),
        ("self-relative", "similarity + 0.05", Kind::SelfRelative(0.05)),
    ];
    for (measure, student, kind) in kinds {
        let runs = world.with(20).map(&format!("cost {measure} {student}"), |rng| run(rng, policy, kind));
        let (each, before) = kind.calls(policy);
        let of = |count: &dyn Fn((u64, u64)) -> u64| Times::of(runs.iter().map(|run| run.map(count)));
        let (audits, requests) = (of(&|run| run.0), of(&|run| run.1));
        let calls = of(&|run| run.0 * each + 2 * before);
        let extra = of(&|run| run.0 * (each - 1) + before);
        let cells = [&audits, &calls, &extra, &requests].map(|times| shown(times.median()));
        table.push([measure.to_owned(), student.to_owned()].into_iter().chain(cells));
        let name = format!("teacher calls compared until student, {measure}, {student}");
        report.rows.push(time_row(name, &calls, "calls", Goal::None));
    }
    report.tables.push(table);
    report
}
