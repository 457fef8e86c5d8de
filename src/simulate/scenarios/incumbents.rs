//! What other gates do: four of four right at one of ten milestones, eleven right in a row, and looking at a
//! fixed-sample bound after every audit.

use plot::{Bar, bars};
use rand_chacha::ChaCha8Rng;

use crate::chance::coin;
use crate::figures::{Goal, Report, Table};
use crate::scenarios::promotion::{AUDITS, whole};
use crate::scenarios::{World, share_row, time_cell};
use crate::summary::{Times, float};

const MILESTONES: u64 = 10;
const MILESTONE: u64 = 4;
const NODS: u64 = 11;
/// The first look of who peeks.
const PEEK_FROM: u64 = 20;
const QUALITIES: [f64; 5] = [0.70, 0.80, 0.85, 0.90, 0.95];

/// Answers until one milestone had four of four right.
fn four_of_four(rng: &mut ChaCha8Rng, mean: f64) -> Option<u64> {
    let passed = |rng: &mut ChaCha8Rng| (0..MILESTONE).filter(|_| coin(rng, mean)).count() == 4;
    (1..=MILESTONES).find(|_| passed(rng)).map(|milestones| milestones * MILESTONE)
}

/// Answers until eleven in a row were right.
fn eleven_nods(rng: &mut ChaCha8Rng, mean: f64) -> Option<u64> {
    let mut row = 0;
    (1..=AUDITS).find(|_| {
        row = if coin(rng, mean) { row + 1 } else { 0 };
        row == NODS
    })
}

/// Audits until the Clopper-Pearson bound, looked at after every one, exceeded `q0`.
fn peeking(rng: &mut ChaCha8Rng, needed: &[u64], mean: f64) -> Option<u64> {
    let mut good = 0;
    (PEEK_FROM..).zip(needed).find_map(|(audits, needed)| {
        let new = if audits == PEEK_FROM { PEEK_FROM } else { 1 };
        good += good_of(rng, new, mean);
        (good >= *needed).then_some(audits)
    })
}

fn good_of(rng: &mut ChaCha8Rng, audits: u64, mean: f64) -> u64 {
    (0..audits).map(|_| u64::from(coin(rng, mean))).sum()
}

/// For every number of audits from 20 on: the least number of good ones at which the one-sided lower bound exceeds `q0`,
/// that is P(Binomial(n, q0) >= k) <= alpha.
fn needed(q0: f64, alpha: f64) -> Vec<u64> {
    (PEEK_FROM..=AUDITS)
        .map(|n| {
            // From k = n downwards, the terms by their ratios.
            let (mut k, mut term, mut tail) = (n, float(n) * q0.ln(), 0.0);
            loop {
                tail += term.exp();
                if tail > alpha {
                    return k + 1;
                }
                if k == 0 {
                    return 0;
                }
                term += (float(k) * (1.0 - q0) / (float(n - k + 1) * q0)).ln();
                k -= 1;
            }
        })
        .collect()
}

/// The report.
pub(crate) fn report(world: &World) -> Report {
    let policy = &world.policy;
    let (q0, alpha) = (policy.quality_min, policy.promote_alpha);
    let needed = needed(q0, alpha);
    let about = format!(
        "Share of runs promoted, with the median time of all runs where at least half were. Ours: the whole machine within \
         {AUDITS} audits. Four of four: own prompts, any of {MILESTONES} milestones. Eleven in a row: within {AUDITS} answers. \
         Peeking: the Clopper-Pearson bound (one-sided, {alpha}) after every audit from {PEEK_FROM} on. Asked for: more than {q0}."
    );
    let head = ["true quality", "ours", "four of four", "eleven in a row", "peeking"];
    let mut table = Table::new("Other gates", about, &head);
    let (mut report, mut drawn) = (Report::default(), Vec::new());
    for mean in QUALITIES {
        let label = |gate: &str| format!("{gate} {mean}");
        let ours = world.with(5).map(&label("ours"), |rng| whole(rng, policy, mean));
        let four = world.size.map(&label("four"), |rng| four_of_four(rng, mean));
        let eleven = world.size.map(&label("eleven"), |rng| eleven_nods(rng, mean));
        let peek = world.size.map(&label("peek"), |rng| peeking(rng, &needed, mean));
        let mut cells = vec![format!("{mean:.2}")];
        for (at, (name, runs)) in
            [("ours", ours), ("four of four", four), ("eleven in a row", eleven), ("peeking", peek)]
                .into_iter()
                .enumerate()
        {
            let times = Times::of(runs.into_iter());
            let promoted = times.happened();
            cells.push(format!("{:.4}; {}", promoted.share, time_cell(&times)));
            let goal = if at == 0 && mean <= q0 { Goal::AtMost(alpha) } else { Goal::None };
            report.rows.push(share_row(format!("promoted, {name}, at {mean:.2}"), promoted, goal));
            if mean <= q0 && mean > 0.75 {
                drawn.push(Bar::new(format!("{mean:.2} {name}"), promoted.share, at));
            }
        }
        table.push(cells);
    }
    report.tables.push(table);
    let title = format!("Promoted although not better than {q0}");
    report.plots.push(bars("false-promotion", &title, "share of runs", &drawn, Some((alpha, "alpha"))));
    report
}
