//! Accuracy of control: what was asked for beside what was made.

use crate::map::Map;
use crate::validate::Request;

/// Sums over pairs of a request and its map.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Control {
    pub pairs: usize,
    /// Maps that have what was asked for in every respect.
    pub accurate: usize,
    /// Maps with the asked size, number of walls, number of enemies.
    pub size: usize,
    pub walls: usize,
    pub enemies: usize,
    /// Sum of the differences of the counts, by value.
    pub walls_off: u64,
    pub enemies_off: u64,
}

/// Whether `map` has the size, the walls and the enemies that `request` names.
#[must_use]
pub fn is_accurate(request: &Request, map: &Map) -> bool {
    has_size(request, map)
        && i64::try_from(map.walls.len()) == Ok(request.walls)
        && i64::try_from(map.enemies.len()) == Ok(request.enemies)
}

fn has_size(request: &Request, map: &Map) -> bool {
    (map.level.width, map.level.height) == (request.width, request.height)
}

impl Control {
    /// Counts one pair.
    pub fn add(&mut self, request: &Request, map: &Map) {
        let off = |asked: i64, made: usize| i64::try_from(made).unwrap_or(i64::MAX).abs_diff(asked);
        let (walls, enemies) = (off(request.walls, map.walls.len()), off(request.enemies, map.enemies.len()));
        self.pairs += 1;
        self.accurate += usize::from(is_accurate(request, map));
        self.size += usize::from(has_size(request, map));
        self.walls += usize::from(walls == 0);
        self.enemies += usize::from(enemies == 0);
        self.walls_off = self.walls_off.saturating_add(walls);
        self.enemies_off = self.enemies_off.saturating_add(enemies);
    }
}
