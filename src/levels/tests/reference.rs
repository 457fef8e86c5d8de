//! The rules of science 4.2, written a second time the plain way: sets of cells, no bits, nothing shared with the member.

use std::collections::{BTreeSet, HashSet};

use crate::{Connectivity, CoordinateBase, LevelRules, Map, Position};

/// The numbers of the errors that `map` has.
pub(super) fn errors(map: &Map, rules: LevelRules) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    let (width, height) = (map.level.width, map.level.height);
    let low = if rules.base == CoordinateBase::Zero { 0 } else { 1 };
    let inside = |at: &Position| at.x >= low && at.x < low + width && at.y >= low && at.y < low + height;
    let mut note = |rule, broken: bool| {
        if broken {
            found.insert(rule);
        }
    };
    note("E9", map.enemies.len() as i128 != i128::from(map.level.num_enemies));
    note("E12", map.walls.len() as i128 != i128::from(map.level.num_wall));
    if !(3..=64).contains(&width) || !(3..=64).contains(&height) {
        note("E2", true);
        return found;
    }
    let mut blocked = HashSet::new();
    for wall in &map.walls {
        let (start, end) = (wall.start_pos, wall.end_pos);
        note("E11", !inside(&start) || !inside(&end));
        note("E10", start.x != end.x && start.y != end.y);
        for x in low..low + width {
            for y in low..low + height {
                let between = |value: i64, one: i64, other: i64| {
                    (value >= one && value <= other) || (value >= other && value <= one)
                };
                let on_line = start.x == end.x || start.y == end.y;
                if on_line && between(x, start.x, end.x) && between(y, start.y, end.y) {
                    blocked.insert(Position::new(x, y));
                }
            }
        }
    }
    for (nth, obstacle) in map.small_obstacles.iter().enumerate() {
        note("E15", !inside(obstacle) || map.small_obstacles[..nth].contains(obstacle));
        if inside(obstacle) {
            blocked.insert(*obstacle);
        }
    }
    let player = map.player_pos;
    note("E3", !inside(&player));
    note("E4", blocked.contains(&player));
    for (nth, enemy) in map.enemies.iter().enumerate() {
        note("E5", !inside(enemy));
        note("E6", blocked.contains(enemy));
        note("E7", map.enemies[..nth].contains(enemy));
        note("E8", *enemy == player);
    }
    if inside(&player) && !blocked.contains(&player) {
        let reached = reached(player, rules, |at| inside(at) && !blocked.contains(at));
        let stands_free = |enemy: &&Position| inside(enemy) && !blocked.contains(enemy);
        note("E13", map.enemies.iter().filter(stands_free).any(|enemy| !reached.contains(enemy)));
        let floor = width * height - blocked.len() as i64;
        note("E14", (reached.len() as i64) * 100 < floor * 95);
    }
    found
}

/// Grows the set of cells until nothing is new.
fn reached(start: Position, rules: LevelRules, free: impl Fn(&Position) -> bool) -> HashSet<Position> {
    let mut reached = HashSet::from([start]);
    loop {
        let mut new = Vec::new();
        for at in &reached {
            for (right, down) in [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)] {
                let corner = right != 0 && down != 0;
                let next = Position::new(at.x + right, at.y + down);
                if (!corner || rules.connectivity == Connectivity::Eight) && free(&next) && !reached.contains(&next) {
                    new.push(next);
                }
            }
        }
        if new.is_empty() {
            return reached;
        }
        reached.extend(new);
    }
}
