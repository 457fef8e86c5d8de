//! Which qualities were seen at which level, in as little memory as there are different ones: most of a site's state
//! would be these counts. Counts only; what they prove is `tally`'s and `gate`'s business.

use serde::{Deserialize, Serialize};

use crate::tally::Tally;

/// Cells by which the room grows: a site waits for its next audit with little room to spare.
const STEP: usize = 32;

/// Counts by level, then percent. What one cell cannot count goes on in another of the same level and percent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cells(Vec<Cell>);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Cell {
    level: u8,
    percent: u8,
    count: u16,
}

impl Cells {
    /// Counts one outcome; `level` is at most 255.
    pub(crate) fn add(&mut self, level: usize, percent: u8) {
        let level = u8::try_from(level).unwrap_or(u8::MAX);
        let end = self.0.partition_point(|cell| (cell.level, cell.percent) <= (level, percent));
        let last = end.checked_sub(1).and_then(|last| self.0.get_mut(last));
        match last.filter(|cell| (cell.level, cell.percent) == (level, percent) && cell.count < u16::MAX) {
            Some(cell) => cell.count += 1,
            None => {
                if self.0.len() == self.0.capacity() {
                    self.0.reserve_exact(STEP);
                }
                self.0.insert(end, Cell { level, percent, count: 1 });
            }
        }
    }

    /// The outcomes of all levels up to this one.
    pub(crate) fn up_to(&self, level: usize) -> Tally {
        let cells = self.0.iter().take_while(|cell| usize::from(cell.level) <= level);
        Tally::of(cells.map(|cell| (cell.percent, u32::from(cell.count))))
    }

    /// Bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<Cell>()
    }
}
