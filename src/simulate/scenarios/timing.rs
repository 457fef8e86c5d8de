//! What the machine costs: time of a plan and of an audit, memory of a site. The caller has the clock.

use std::hint::black_box;

use handover::{Dice, Health, Record, Site, Trial};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use verify::Measure;

use crate::chance::{coin, generator, normal};
use crate::driven::{Answer, Driven, Grid};
use crate::figures::{Goal, Report, Row, Table, shown};
use crate::hash;
use crate::scenarios::World;
use crate::summary::{float, size};

/// What only the caller can read.
pub struct Meter<'a> {
    /// Seconds since some fixed moment.
    pub seconds: &'a dyn Fn() -> f64,
    /// Memory of this process in bytes, where that can be read.
    pub resident: &'a dyn Fn() -> Option<u64>,
}

const PLANS: u64 = 200_000;
const AUDITS: u64 = 500;
const ROUNDS: usize = 9;
const SITES: usize = 10_000;
const SITE_AUDITS: u64 = 100;

/// Qualities as a label site or as a text site has them. In Shadow, saying what is missing is part of every audit.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Exact,
    Text,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Text => "text-like",
        }
    }

    /// An answer in a site that stays in Shadow, or of one that is `good` enough to be served.
    fn answer(self, rng: &mut ChaCha8Rng, good: bool) -> Answer {
        let confidence = rng.random();
        match self {
            Self::Exact => Answer { confidence, ..Answer::sure(coin(rng, if good { 0.99 } else { 0.88 })) },
            Self::Text => {
                // Two similarities of one teacher, apart by a spread of 0.12 each.
                let mean = if good { 0.60 } else { 0.44 };
                let quality = (mean + 0.17 * normal(rng)).clamp(0.0, 1.0);
                Answer { quality, bad: false, confidence }
            }
        }
    }

    fn measure(self) -> Measure {
        match self {
            Self::Exact => Measure::Exact,
            Self::Text => Measure::SelfRelative { margin: 0.05, bad_below: 0.4 },
        }
    }
}

/// Bytes of a site: itself and what its trials hold, candidates apart (they are shared with plans).
pub(crate) fn site_bytes(site: &Site) -> usize {
    let inline = site.live().map(|trial| trial.bytes() - size_of::<Trial>()).sum::<usize>();
    size_of::<Site>() + inline + site.proven.iter().map(Trial::bytes).sum::<usize>()
}

/// The median and the extremes of a few rounds, in microseconds.
fn row(name: String, mut rounds: Vec<f64>, goal: Goal) -> Row {
    rounds.sort_by(f64::total_cmp);
    let at = |at: usize| rounds.get(at).copied().unwrap_or(f64::NAN) * 1e6;
    Row::new(name, at(rounds.len() / 2), "microseconds", (at(0), at(rounds.len().saturating_sub(1))), goal)
}

/// Seconds of one plan.
fn plan(world: &World, meter: &Meter<'_>) -> f64 {
    let mut rng = generator(world.size.seed, "plan", 0);
    let mut driven = Driven::plain(&world.policy);
    (0..200).for_each(|_| driven.audit(Answer::sure(true)));
    let dice: Vec<Dice> = (0..1_024).map(|_| Dice { route: rng.random(), audit: rng.random() }).collect();
    let health = Health::default();
    let began = (meter.seconds)();
    for dice in dice.iter().cycle().take(usize::try_from(PLANS).unwrap_or(1)) {
        black_box(driven.site.plan(&world.policy, None, &health, *dice));
    }
    ((meter.seconds)() - began) / float(PLANS)
}

/// Seconds of one audit record and deciding what is due, by the machine's own `due`, and the bytes afterwards.
fn audits(world: &World, meter: &Meter<'_>, kind: Kind, good: bool, round: u64) -> (f64, usize) {
    let mut rng = generator(world.size.seed, kind.name(), round);
    let mut driven = Driven::new(&world.policy, &Grid::even(), &kind.measure());
    let records: Vec<Record> = (0..AUDITS)
        .map(|audit| {
            let key = hash::number(audit);
            Record::Audit(driven.record_of(key, key, kind.answer(&mut rng, good)))
        })
        .collect();
    let health = Health::default();
    let began = (meter.seconds)();
    for (at, record) in (0..).zip(&records) {
        driven.site.apply(at, record);
        while let Some(due) = driven.site.due(at, &world.policy, &health) {
            driven.site.apply(at, &Record::Switch(due));
        }
    }
    (((meter.seconds)() - began) / float(AUDITS), site_bytes(&driven.site))
}

/// Bytes by the sites' own count, and by the system's, of many sites.
fn many(world: &World, meter: &Meter<'_>) -> (f64, Option<f64>) {
    let before = (meter.resident)();
    let mut rng = generator(world.size.seed, "many", 0);
    let sites: Vec<Driven> = (0..SITES)
        .map(|_| {
            let mut driven = Driven::new(&world.policy, &Grid::even(), &Measure::Exact);
            (0..SITE_AUDITS).for_each(|_| driven.audit(Kind::Exact.answer(&mut rng, false)));
            driven
        })
        .collect();
    let own = sites.iter().map(|driven| size(site_bytes(&driven.site))).sum::<f64>();
    let after = (meter.resident)();
    let resident = before.zip(after).map(|(before, after)| float(after.saturating_sub(before)));
    (black_box(own), resident)
}

/// The report.
pub(crate) fn report(world: &World, meter: &Meter<'_>) -> Report {
    let mut report = Report::default();
    let plans = (0..ROUNDS).map(|_| plan(world, meter)).collect();
    report.rows.push(row("a plan".into(), plans, Goal::AtMost(1.0)));
    for kind in [Kind::Exact, Kind::Text] {
        for (stands, good) in [("in shadow", false), ("up to student", true)] {
            let rounds: Vec<_> = (0..).take(ROUNDS).map(|round| audits(world, meter, kind, good, round)).collect();
            let name = format!("an audit and what is due, {}, {stands}", kind.name());
            report.rows.push(row(name, rounds.iter().map(|round| round.0).collect(), Goal::AtMost(20.0)));
            let bytes: Vec<f64> = rounds.iter().map(|round| size(round.1)).collect();
            let most = bytes.iter().copied().fold(0.0, f64::max);
            let least = bytes.iter().copied().fold(f64::INFINITY, f64::min);
            let name = format!("state of a site after {AUDITS} audits, {}, {stands}", kind.name());
            report.rows.push(Row::new(name, most, "bytes", (least, most), Goal::AtMost(8_192.0)));
        }
    }
    let (own, resident) = many(world, meter);
    let name = format!("{SITES} sites of {SITE_AUDITS} audits");
    report.rows.push(Row::new(name.clone(), own / 1e6, "MB", (own / 1e6, own / 1e6), Goal::None));
    if let Some(resident) = resident {
        let name = format!("{name}, by the system's count, candidates included");
        report.rows.push(Row::new(name, resident / 1e6, "MB", (resident / 1e6, resident / 1e6), Goal::None));
    }
    let about = "One thread, the machine's own `apply` and `due`, 40 thresholds; median and extremes of the rounds. Text-like: \
                 qualities of a student measured against the teacher's own variance. A site at Student keeps its trial twice: as \
                 it goes on, and as it was proven.";
    let mut table = Table::new("Time and memory", about, &["what", "median", "range", "unit", "goal"]);
    for row in &report.rows {
        let value = |value: Option<f64>| shown(value.unwrap_or(f64::NAN));
        let range = format!("{} .. {}", value(row.range[0]), value(row.range[1]));
        let goal = row.goal.map_or_else(String::new, |goal| format!("<= {goal}"));
        table.push([row.name.clone(), value(row.value), range, row.unit.clone(), goal]);
    }
    report.tables.push(table);
    report
}
