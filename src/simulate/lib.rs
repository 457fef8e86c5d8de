//! What the hand-over machine does over many seeded worlds, and what it would have done with recorded evidence.
//!
//! - [`handover_report`]: every scenario through the machine that serves (`handover::Site`): false promotions, times,
//!   thresholds, drift, other gates, dependence, cost, timing;
//! - [`replay_entries`]: a policy over the entries of a hand-over log; [`replay_rows`]: the gate over a recorded stream of
//!   answers in random orders;
//! - `figures`, `markdown`: what comes of it, as figures and text; its drawings are made by `plot`.
//!
//! No I/O and no clock: texts come in and go out, who wants timings gives a [`Meter`]. Chance is seeded, and nothing
//! depends on the number of threads. The machine is measured here and never adjusted.

mod chance;
mod driven;
mod entries;
mod error;
mod figures;
mod hash;
mod markdown;
mod policy_file;
mod replay;
mod rows;
mod runs;
mod scenarios;
mod student;
mod summary;

pub use entries::{Made, Replayed, read_entries, replay_entries};
pub use error::SimulateError;
pub use figures::{Report, Row, Table};
pub use markdown::{markdown, text};
pub use policy_file::policy_from_toml;
pub use replay::{Accuracy, Interval, Replay, ReplayReport, replay_rows};
pub use rows::{Form, RecordedRow, read_rows};
pub use runs::Size;
pub use scenarios::timing::Meter;

use handover::Policy;

use scenarios::{World, cost, dependence, drift, incumbents, promotion, routed, threshold, times, timing, weighted};

type Scenario<'a> = &'a dyn Fn(&World) -> Report;

/// Runs every scenario under `policy`; `progress` is told what begins.
#[must_use]
pub fn handover_report(size: Size, policy: &Policy, meter: &Meter<'_>, progress: &dyn Fn(&str)) -> Report {
    let world = World { size, policy: policy.clone() };
    let mut report = Report::default();
    let scenarios: [(&str, Scenario<'_>); 10] = [
        ("time and memory", &|world| timing::report(world, meter)),
        ("false promotion", &promotion::report),
        ("audits until promotion", &times::report),
        ("threshold gate", &threshold::report),
        ("routed system", &routed::report),
        ("drift", &drift::report),
        ("other gates", &incumbents::report),
        ("dependence", &dependence::report),
        ("cost", &cost::report),
        ("weighted audits", &weighted::report),
    ];
    for (name, scenario) in scenarios {
        progress(name);
        report.join(scenario(&world));
    }
    report
}

#[cfg(test)]
mod tests;
