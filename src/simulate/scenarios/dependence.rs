//! Audits that are not independent: prompts that come again, near-duplicates, and answers recorded when they are done.

use handover::Policy;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::chance::coin;
use crate::driven::{Answer, Driven};
use crate::figures::{Goal, Report, Table};
use crate::hash;
use crate::scenarios::promotion::AUDITS;
use crate::scenarios::{World, share_cell, share_row};
use crate::summary::Times;

/// Workers that compare, and how much slower a bad answer is.
const WORKERS: usize = 4;
const SLOWER: f64 = 20.0;

/// How an audit's keys relate to its cluster.
#[derive(Clone, Copy, Debug)]
enum Keys {
    /// The same prompt: both keys are the cluster's.
    Repeat,
    /// Another prompt of a kind that is recognised.
    Near,
    /// As if every audit were of a new prompt.
    Unknown,
}

/// Clusters of `length` audits, each right or wrong as a whole, of a student at the bound.
fn clusters(rng: &mut ChaCha8Rng, policy: &Policy, length: u64, keys: Keys) -> Option<u64> {
    let (mut driven, mut good) = (Driven::plain(policy), false);
    (0..AUDITS).find(|audit| {
        if audit.is_multiple_of(length) {
            good = coin(rng, policy.quality_min);
        }
        let (own, cluster) = (hash::number(*audit), hash::number(1 << 40 | (audit / length)));
        let (prompt, near) = match keys {
            Keys::Repeat => (cluster, cluster),
            Keys::Near => (own, cluster),
            Keys::Unknown => (own, own),
        };
        driven.audit_of(prompt, near, Answer::sure(good));
        driven.is_serving()
    })
}

/// Four workers take requests in order; what takes long is done late. Recorded as done, or as asked.
fn orders(rng: &mut ChaCha8Rng, policy: &Policy, as_done: bool) -> Option<u64> {
    let mut free = [0.0f64; WORKERS];
    let mut done: Vec<(f64, bool)> = (0..AUDITS)
        .map(|_| {
            let good = coin(rng, policy.quality_min);
            let takes = rng.random_range(0.5..1.5) * if good { 1.0 } else { SLOWER };
            let first = free.iter_mut().min_by(|left, right| left.total_cmp(right));
            let at = first.map_or(0.0, |free| {
                *free += takes;
                *free
            });
            (at, good)
        })
        .collect();
    if as_done {
        done.sort_by(|left, right| left.0.total_cmp(&right.0));
    }
    let mut driven = Driven::plain(policy);
    (0..).zip(done).find_map(|(audit, (_, good))| {
        driven.audit(Answer::sure(good));
        driven.is_serving().then_some(audit)
    })
}

/// The report.
pub(crate) fn report(world: &World) -> Report {
    let (policy, alpha) = (&world.policy, world.policy.promote_alpha);
    let about = format!(
        "Share of runs in which a student at the bound {} was promoted within {AUDITS} audits. What the machine is given is \
         held to alpha = {alpha}; the other rows show what it would do without.",
        policy.quality_min
    );
    let mut table =
        Table::new("Dependence", about, &["what comes", "how it is recorded", "promoted", "holds the error"]);
    let mut report = Report::default();
    let mut add = |what: &str, how: &str, runs: Vec<Option<u64>>, is_ours: bool| {
        let promoted = Times::of(runs.into_iter()).happened();
        let holds = if promoted.share <= alpha { "yes" } else { "NO" };
        table.push([what.to_owned(), how.to_owned(), share_cell(promoted), holds.to_owned()]);
        let goal = if is_ours { Goal::AtMost(alpha) } else { Goal::None };
        report.rows.push(share_row(format!("false promotion, {what}, {how}"), promoted, goal));
    };
    let size = world.with(5);
    for length in [8, 20, 50] {
        let what = format!("each prompt {length} times in a row");
        for (keys, how, is_ours) in
            [(Keys::Repeat, "with prompt keys", true), (Keys::Unknown, "each as a new prompt", false)]
        {
            let runs = size.map(&format!("{what} {keys:?}"), |rng| clusters(rng, policy, length, keys));
            add(&what, how, runs, is_ours);
        }
    }
    let what = "8 prompts that differ in a number, all right or all wrong";
    for (keys, how, is_ours) in [(Keys::Near, "near keys equal", true), (Keys::Unknown, "as if unknown", false)] {
        add(what, how, size.map(how, |rng| clusters(rng, policy, 8, keys)), is_ours);
    }
    let what = "bad answers 20 times slower, 4 workers";
    for (as_done, how) in [(false, "in request order"), (true, "in completion order")] {
        add(what, how, size.map(how, |rng| orders(rng, policy, as_done)), !as_done);
    }
    report.tables.push(table);
    report
}
