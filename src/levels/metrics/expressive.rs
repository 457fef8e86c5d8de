//! Expressive range (Smith & Whitehead 2010), for maps that are seen from above.

use crate::canonical;
use crate::grid::Grid;
use crate::map::Map;
use crate::paths::{Distances, neighbours};
use crate::rules::LevelRules;

/// One map's place among all maps.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Expressive {
    /// Share of the cells that are floor.
    pub openness: f64,
    /// Manhattan distance over walked steps to the enemy that is farthest to walk: 1 is a straight way; 1 without enemies.
    pub linearity: f64,
    /// 1 less the mean over enemies of 1 / (1 + steps): 1 is harmless; an enemy out of reach does no harm.
    pub leniency: f64,
    /// Free neighbours of a free cell, on average.
    pub branching: f64,
    /// Share of the free cells with at most one free neighbour.
    pub dead_ends: f64,
}

impl Expressive {
    /// The measures of `map`; none where its size is not permitted or the player is outside.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "at most 4,096 cells")]
    pub fn of(map: &Map, rules: LevelRules) -> Option<Self> {
        let grid = Grid::of(&map.level, rules)?;
        let player = grid.cell(map.player_pos)?;
        let free = canonical::blocked(map, &grid).free(&grid);
        let distances = Distances::from(player, &free, grid, rules.connectivity);
        let steps: Vec<(usize, usize)> = map
            .enemies
            .iter()
            .filter_map(|at| grid.cell(*at))
            .filter_map(|cell| Some((distances.to(cell)?, cell.0.abs_diff(player.0) + cell.1.abs_diff(player.1))))
            .collect();
        let farthest = steps.iter().max().filter(|(walked, _)| *walked > 0);
        let harm: f64 = steps.iter().map(|(walked, _)| 1.0 / (1.0 + *walked as f64)).sum();
        let floor = free.len().max(1) as f64;
        let degree = |cell| neighbours(cell, rules.connectivity).filter(|next| free.has(*next)).count();
        let degrees: Vec<usize> = grid.iter().filter(|cell| free.has(*cell)).map(degree).collect();
        Some(Self {
            openness: free.len() as f64 / grid.cells() as f64,
            linearity: farthest.map_or(1.0, |(walked, straight)| *straight as f64 / *walked as f64),
            leniency: 1.0 - harm / map.enemies.len().max(1) as f64,
            branching: degrees.iter().sum::<usize>() as f64 / floor,
            dead_ends: degrees.iter().filter(|degree| **degree <= 1).count() as f64 / floor,
        })
    }
}

/// How many of `points` fall into each of `bins` x `bins` equal fields of the unit square; rows are the second measure, from 0.
/// What lies outside is counted at the edge.
#[must_use]
pub fn histogram(points: impl IntoIterator<Item = (f64, f64)>, bins: usize) -> Vec<Vec<u64>> {
    let bins = bins.max(1);
    let mut counts = vec![vec![0; bins]; bins];
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "clamped to the bins"
    )]
    let place = |value: f64| ((value.clamp(0.0, 1.0) * bins as f64) as usize).min(bins - 1);
    for (x, y) in points {
        counts[place(y)][place(x)] += 1;
    }
    counts
}
