//! Edit distance of maps as texts: novelty against a training set, diversity among themselves (Todd et al. 2023's threshold of 5).

/// Letters that must be edited, at least, for two maps to count as different.
pub const DISTANCE_MIN: usize = 5;
/// Maps whose diversity is looked at; more are cut off, because every pair is compared.
const MAPS_MAX: usize = 400;

/// Levenshtein's distance of `one` and `other`, or `limit` where it is at least that: only a band of the table is filled.
#[must_use]
pub fn edit_distance(one: &str, other: &str, limit: usize) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if one.len().abs_diff(other.len()) >= limit {
        return limit;
    }
    let mut before: Vec<usize> = (0..=other.len()).map(|at| at.min(limit)).collect();
    let mut now = vec![limit; other.len() + 1];
    for (row, letter) in one.iter().enumerate() {
        let (from, to) = ((row + 1).saturating_sub(limit), (row + 1 + limit).min(other.len()));
        now.fill(limit);
        if from == 0 {
            now[0] = (row + 1).min(limit);
        }
        for at in from.max(1)..=to {
            let swapped = before[at - 1] + usize::from(*letter != other[at - 1]);
            now[at] = swapped.min(before[at] + 1).min(now[at - 1] + 1).min(limit);
        }
        if now.iter().all(|distance| *distance >= limit) {
            return limit;
        }
        std::mem::swap(&mut before, &mut now);
    }
    before.last().copied().unwrap_or(limit).min(limit)
}

/// Whether `map` is at least [`DISTANCE_MIN`] edits away from everything in `known`.
#[must_use]
pub fn is_novel(map: &str, known: &[String]) -> bool {
    known.iter().all(|other| edit_distance(map, other, DISTANCE_MIN) >= DISTANCE_MIN)
}

/// The size of a large set of maps that are all different from each other, as a share of `whole`: a lower bound of the largest such set,
/// found greedily from the maps with the fewest alike. Of more than 400 maps the first 400 are looked at.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts of maps")]
pub fn diversity(maps: &[String], whole: usize) -> f64 {
    let maps = maps.get(..MAPS_MAX).unwrap_or(maps);
    let alike = |one: usize, other: usize| edit_distance(&maps[one], &maps[other], DISTANCE_MIN) < DISTANCE_MIN;
    let mut near = vec![Vec::new(); maps.len()];
    for one in 0..maps.len() {
        for other in 0..one {
            if alike(one, other) {
                near[one].push(other);
                near[other].push(one);
            }
        }
    }
    let mut order: Vec<usize> = (0..maps.len()).collect();
    order.sort_by_key(|map| near[*map].len());
    let mut taken = vec![false; maps.len()];
    for map in order {
        taken[map] = near[map].iter().all(|other| !taken[*other]);
    }
    let size = taken.iter().filter(|taken| **taken).count();
    if whole == 0 { 0.0 } else { size as f64 / whole as f64 }
}
