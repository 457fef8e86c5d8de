//! Tile patterns (Lucas & Volz 2019): how far the small windows of one set of maps are from those of another.

use std::collections::BTreeMap;

/// Added to every count, so that a pattern that one side lacks costs much but not everything.
const EPSILON: f64 = 1e-5;

/// Kullback-Leibler divergences in nats.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Divergence {
    /// What the generated maps lack of the known ones.
    pub known_generated: f64,
    /// What the generated maps have that the known ones lack.
    pub generated_known: f64,
}

/// The divergence of the `size` x `size` windows of maps drawn as lines of letters; none where a side has no window.
#[must_use]
pub fn divergence(known: &[String], generated: &[String], size: usize) -> Option<Divergence> {
    let (known, generated) = (windows(known, size), windows(generated, size));
    if known.is_empty() || generated.is_empty() {
        return None;
    }
    Some(Divergence { known_generated: kl(&known, &generated), generated_known: kl(&generated, &known) })
}

fn windows(maps: &[String], size: usize) -> BTreeMap<Vec<char>, u64> {
    let mut counts = BTreeMap::new();
    for map in maps {
        let rows: Vec<Vec<char>> = map.lines().map(|line| line.chars().collect()).collect();
        let width = rows.iter().map(Vec::len).min().unwrap_or(0);
        if size == 0 || width < size {
            continue;
        }
        for band in rows.windows(size) {
            for left in 0..=width - size {
                let window: Vec<char> = band.iter().flat_map(|row| &row[left..left + size]).copied().collect();
                *counts.entry(window).or_default() += 1;
            }
        }
    }
    counts
}

/// KL(left || right) over every pattern of either, with [`EPSILON`] added to each count.
#[expect(clippy::cast_precision_loss, reason = "counts")]
fn kl(left: &BTreeMap<Vec<char>, u64>, right: &BTreeMap<Vec<char>, u64>) -> f64 {
    let all: std::collections::BTreeSet<&Vec<char>> = left.keys().chain(right.keys()).collect();
    let share = |counts: &BTreeMap<Vec<char>, u64>, pattern: &Vec<char>| {
        let sum = counts.values().sum::<u64>() as f64 + EPSILON * all.len() as f64;
        (counts.get(pattern).copied().unwrap_or(0) as f64 + EPSILON) / sum
    };
    all.iter()
        .map(|pattern| {
            let (p, q) = (share(left, pattern), share(right, pattern));
            p * (p / q).ln()
        })
        .sum()
}
