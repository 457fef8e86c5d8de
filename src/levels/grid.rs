//! Cells as bits, a word a row: sets of cells without allocation, flood fill a row at a time.

use crate::map::{Level, Position, Wall};
use crate::rules::{Connectivity, LevelRules, SIDE_MAX, SIDE_MIN};

/// Rows of the largest level.
const ROWS: usize = 64;

/// The cells of a level of a permitted size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Cells along either side, 3 to 64.
    pub width: usize,
    pub height: usize,
    base: i64,
}

/// A cell of a grid: column and row, from 0.
pub type Cell = (usize, usize);

impl Grid {
    /// The grid of `level`; none where a side is not 3 to 64.
    #[must_use]
    pub fn of(level: &Level, rules: LevelRules) -> Option<Self> {
        Self::new(level.width, level.height, rules)
    }

    #[must_use]
    pub fn new(width: i64, height: i64, rules: LevelRules) -> Option<Self> {
        let side = |side| usize::try_from(side).ok().filter(|_| (SIDE_MIN..=SIDE_MAX).contains(&side));
        Some(Self { width: side(width)?, height: side(height)?, base: i64::from(u8::from(rules.base)) })
    }

    /// The cell at `at`, if it lies inside.
    #[must_use]
    pub fn cell(&self, at: Position) -> Option<Cell> {
        let place =
            |value: i64, size| usize::try_from(value.checked_sub(self.base)?).ok().filter(|place| *place < size);
        Some((place(at.x, self.width)?, place(at.y, self.height)?))
    }

    /// Where a cell is, in the level's own coordinates.
    #[must_use]
    pub fn position(&self, (x, y): Cell) -> Position {
        let value = |place| i64::try_from(place).unwrap_or(i64::MAX).saturating_add(self.base);
        Position::new(value(x), value(y))
    }

    #[must_use]
    pub fn cells(&self) -> usize {
        self.width * self.height
    }

    /// Every cell, row by row.
    pub fn iter(&self) -> impl Iterator<Item = Cell> + use<> {
        let Self { width, height, .. } = *self;
        (0..height).flat_map(move |y| (0..width).map(move |x| (x, y)))
    }

    fn row(&self) -> u64 {
        u64::MAX >> (ROWS - self.width)
    }
}

/// A set of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cells([u64; ROWS]);

impl Default for Cells {
    fn default() -> Self {
        Self([0; ROWS])
    }
}

impl Cells {
    #[must_use]
    pub fn has(&self, (x, y): Cell) -> bool {
        self.0.get(y).is_some_and(|row| row >> x & 1 == 1)
    }

    /// Adds a cell; says whether it was not there.
    pub fn insert(&mut self, (x, y): Cell) -> bool {
        let Some(row) = self.0.get_mut(y) else { return false };
        let before = *row;
        *row |= 1 << x;
        before != *row
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|row| row.count_ones() as usize).sum()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|row| *row == 0)
    }

    /// Whether every cell of `other` is here.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(row, other)| other & !row == 0)
    }

    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(&other.0).for_each(|(row, other)| *row |= other);
        self
    }

    #[must_use]
    pub fn without(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(&other.0).for_each(|(row, other)| *row &= !other);
        self
    }

    /// The cells of `grid` that are not here.
    #[must_use]
    pub fn free(&self, grid: &Grid) -> Self {
        let mut free = Self::default();
        for (free, row) in free.0.iter_mut().zip(&self.0).take(grid.height) {
            *free = !row & grid.row();
        }
        free
    }

    /// Adds the cells of `wall` that lie inside; a diagonal wall has none.
    pub fn add_wall(&mut self, wall: &Wall, grid: &Grid) {
        let Wall { start_pos: start, end_pos: end } = wall;
        if wall.is_diagonal() {
            return;
        }
        let inside = |one: i64, other: i64, size: usize| {
            let last = i64::try_from(size).unwrap_or(0) - 1;
            let place = |value: i64| value.saturating_sub(grid.base);
            let (from, to) = (place(one.min(other)).max(0), place(one.max(other)).min(last));
            usize::try_from(from).ok().zip(usize::try_from(to).ok()).filter(|(from, to)| from <= to)
        };
        let (Some((left, right)), Some((top, bottom))) =
            (inside(start.x, end.x, grid.width), inside(start.y, end.y, grid.height))
        else {
            return;
        };
        let bits = (u64::MAX >> (ROWS - 1 - (right - left))) << left;
        self.0.iter_mut().take(bottom + 1).skip(top).for_each(|row| *row |= bits);
    }

    /// What can be walked to from `start` over these cells, `start` included where it is one of them.
    #[must_use]
    pub fn flood(&self, start: Cell, connectivity: Connectivity) -> Self {
        let mut reached = Self::default();
        if !self.has(start) {
            return reached;
        }
        reached.insert(start);
        // The only row that nothing may enter.
        reached.0[start.1] = filled(reached.0[start.1], self.0[start.1]);
        let last = self.0.iter().rposition(|row| *row != 0).unwrap_or(0);
        loop {
            let mut changed = false;
            for y in 1..=last {
                changed |= self.spread(&mut reached, y - 1, y, connectivity);
            }
            for y in (0..last).rev() {
                changed |= self.spread(&mut reached, y + 1, y, connectivity);
            }
            if !changed {
                return reached;
            }
        }
    }

    /// Spreads along row `to`, entered from row `from` too; both rows are filled up. Says whether anything was new.
    fn spread(&self, reached: &mut Self, from: usize, to: usize, connectivity: Connectivity) -> bool {
        let before = (reached.0[from], reached.0[to]);
        reached.0[from] = filled(before.0, self.0[from]);
        let mut enters = reached.0[from];
        if connectivity == Connectivity::Eight {
            enters |= enters << 1 | enters >> 1;
        }
        reached.0[to] = filled((before.1 | enters) & self.0[to], self.0[to]);
        before != (reached.0[from], reached.0[to])
    }
}

/// `seeds` with everything that touches them along the row within `free`.
fn filled(seeds: u64, free: u64) -> u64 {
    let mut row = seeds;
    loop {
        let next = (row | row << 1 | row >> 1) & free;
        if next == row {
            return row;
        }
        row = next;
    }
}
