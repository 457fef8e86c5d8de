//! How far two partitions of the same things agree: what found call sites are held against where the true ones are known.

use std::collections::BTreeMap;

/// The adjusted Rand index (Hubert and Arabie 1985) of the partitions that the pairs' sides tell: 1 where they are the same,
/// about 0 where they have nothing to do with each other.
#[must_use]
pub fn adjusted_rand_index<A: Ord, B: Ord>(pairs: impl Iterator<Item = (A, B)>) -> f64 {
    let mut cells: BTreeMap<A, BTreeMap<B, u64>> = BTreeMap::new();
    for (one, other) in pairs {
        *cells.entry(one).or_default().entry(other).or_default() += 1;
    }
    let mut columns: BTreeMap<&B, u64> = BTreeMap::new();
    for (other, count) in cells.values().flatten() {
        *columns.entry(other).or_default() += count;
    }
    let of_cells: f64 = cells.values().flat_map(BTreeMap::values).copied().map(pairs_of).sum();
    let of_rows: f64 = cells.values().map(|row| pairs_of(row.values().sum())).sum();
    let of_columns: f64 = columns.values().copied().map(pairs_of).sum();
    let all = pairs_of(columns.values().sum());
    let expected = if all > 0.0 { of_rows * of_columns / all } else { 0.0 };
    let most = f64::midpoint(of_rows, of_columns);
    // One group, or nothing but groups of one, on both sides.
    if (most - expected).abs() < f64::EPSILON { 1.0 } else { (of_cells - expected) / (most - expected) }
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests stay far below 2^52")]
fn pairs_of(count: u64) -> f64 {
    count as f64 * count.saturating_sub(1) as f64 / 2.0
}
