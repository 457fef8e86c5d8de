//! Steps between cells: breadth first over free cells.

use std::collections::VecDeque;

use crate::grid::{Cell, Cells, Grid};
use crate::rules::Connectivity;

/// Steps from one cell to every other.
pub struct Distances {
    grid: Grid,
    steps: Vec<Option<usize>>,
}

impl Distances {
    /// Steps over `free` from `start`; where `start` is not free nothing can be reached.
    #[must_use]
    pub fn from(start: Cell, free: &Cells, grid: Grid, connectivity: Connectivity) -> Self {
        let mut distances = Self { grid, steps: vec![None; grid.cells()] };
        let mut open = VecDeque::new();
        if free.has(start) {
            distances.set(start, 0);
            open.push_back((start, 0));
        }
        while let Some((at, steps)) = open.pop_front() {
            for next in neighbours(at, connectivity).filter(|next| free.has(*next)) {
                if distances.to(next).is_none() {
                    distances.set(next, steps + 1);
                    open.push_back((next, steps + 1));
                }
            }
        }
        distances
    }

    /// Steps to `cell`, if it can be reached.
    #[must_use]
    pub fn to(&self, (x, y): Cell) -> Option<usize> {
        self.steps.get(y * self.grid.width + x).copied().flatten()
    }

    fn set(&mut self, (x, y): Cell, steps: usize) {
        if let Some(cell) = self.steps.get_mut(y * self.grid.width + x) {
            *cell = Some(steps);
        }
    }
}

/// The cells beside `cell`, also some that lie outside a grid, which no set of its cells has.
pub fn neighbours((x, y): Cell, connectivity: Connectivity) -> impl Iterator<Item = Cell> {
    const STEPS: [(isize, isize); 8] = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)];
    let count = usize::from(u8::from(connectivity));
    STEPS.into_iter().take(count).filter_map(move |(right, down)| {
        Some((x.checked_add_signed(right)?, y.checked_add_signed(down)?)).filter(|(x, y)| *x < 64 && *y < 64)
    })
}
