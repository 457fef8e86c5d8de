//! How many scenes of every role and speech act there shall be, and how many are missing. Pure.

use std::collections::BTreeMap;

use super::{CharacterRole, SpeechAct};

/// A role and a speech act.
pub(crate) type Cell = (CharacterRole, SpeechAct);

/// Scenes taken so far, by cell, and how often each cell was tried.
#[derive(Debug)]
pub(crate) struct Quotas {
    roles: Vec<CharacterRole>,
    total: usize,
    taken: BTreeMap<Cell, usize>,
    tried: BTreeMap<Cell, usize>,
}

/// Tries for every scene that is wanted; a cell that gives fewer is left short.
const TRIES_PER_SCENE: usize = 4;

impl Quotas {
    /// `total` scenes, the same number for every role and act.
    pub(crate) fn new(roles: &[CharacterRole], total: usize) -> Self {
        Self { roles: roles.to_vec(), total, taken: BTreeMap::new(), tried: BTreeMap::new() }
    }

    fn cells(&self) -> impl Iterator<Item = Cell> + '_ {
        // Acts outside: a small total is spread over all roles first.
        SpeechAct::ALL.into_iter().flat_map(|act| self.roles.iter().map(move |role| (*role, act)))
    }

    /// How many scenes of `cell` are wanted; the remainder goes to the first cells.
    pub(crate) fn wanted(&self, cell: Cell) -> usize {
        let cells = self.roles.len() * SpeechAct::ALL.len();
        let place = self.cells().position(|other| other == cell).unwrap_or(cells);
        self.total / cells.max(1) + usize::from(place < self.total % cells.max(1))
    }

    /// Counts what was there before.
    pub(crate) fn take(&mut self, cell: Cell) {
        *self.taken.entry(cell).or_default() += 1;
    }

    pub(crate) fn is_full(&self, cell: Cell) -> bool {
        self.taken.get(&cell).copied().unwrap_or(0) >= self.wanted(cell)
    }

    /// The cells to try next, one for every missing scene, at most `most`; empty when nothing is missing or has a try left.
    pub(crate) fn next(&mut self, most: usize) -> Vec<Cell> {
        let mut next = Vec::new();
        let cells: Vec<Cell> = self.cells().collect();
        for cell in cells {
            let wanted = self.wanted(cell);
            let missing = wanted - self.taken.get(&cell).copied().unwrap_or(0).min(wanted);
            let tried = self.tried.entry(cell).or_default();
            let tries = missing.min((wanted * TRIES_PER_SCENE).saturating_sub(*tried)).min(most - next.len());
            *tried += tries;
            next.extend(std::iter::repeat_n(cell, tries));
        }
        next
    }
}
