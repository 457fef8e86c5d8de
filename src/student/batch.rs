//! The answers that are being written: one token of each in every run, whichever adapters they have.
//!
//! Rows join and leave between two runs. The cache has room for a power of two of them; a row without an answer is computed
//! along and thrown away, which costs less than moving the others each time somebody leaves.

use std::sync::Arc;

use ort::session::Session;
use wire::Finish;

use crate::StudentError;
use crate::adapter::{Bound, Input};
use crate::alone;
use crate::answer::Next;
use crate::cache::{Cache, Shape};
use crate::format::Format;
use crate::lane::{Lane, Step};
use crate::load::Round;
use crate::mix::Mix;
use crate::row::{Learnt, Row};
use crate::tiles::Tiles;

/// All rows, and the lane that they run in while there are any.
#[derive(Default)]
pub(crate) struct Batch {
    lane: Option<Lane>,
    pub(crate) rows: Vec<Row>,
    /// Kept while anybody is here: putting adapters side by side copies them.
    mix: Option<Mix>,
    /// Whether somebody has come or gone since the adapters were bound.
    stale: bool,
}

/// How the answer in a slot has ended.
pub(crate) struct End {
    pub(crate) slot: usize,
    pub(crate) how: Result<Finish, StudentError>,
}

/// What the rows share with everybody.
pub(crate) struct Graph<'a> {
    pub(crate) session: &'a mut Session,
    pub(crate) inputs: &'a [Input],
    pub(crate) shape: Shape,
}

/// What a run reads of the rows.
struct Taken {
    ids: Vec<u32>,
    lengths: Vec<usize>,
    /// Places in `ids` whose logits are computed, and the rows that they are for.
    wanted: Vec<usize>,
    asked: Vec<usize>,
}

impl Taken {
    /// Takes the tokens off the rows, which are in the order of their slots.
    fn of(rows: &mut [Row], slots: usize) -> Self {
        // An empty slot reads some token at its first place.
        let mut taken = Self { ids: vec![0; slots], lengths: vec![1; slots], wanted: Vec::new(), asked: Vec::new() };
        for (at, row) in rows.iter_mut().enumerate() {
            let place = taken.ids.get_mut(row.slot).zip(taken.lengths.get_mut(row.slot));
            if let (Some((id, length)), Some(token)) = (place, row.unread.pop_front()) {
                row.length += 1;
                (*id, *length) = (token, row.length);
                if row.unread.is_empty() {
                    taken.wanted.push(row.slot);
                    taken.asked.push(at);
                }
            }
        }
        if taken.wanted.is_empty() {
            // The graph wants to be asked for something.
            taken.wanted.push(0);
        }
        taken
    }
}

/// What all rows' next tokens may be chosen from; nothing if one wants the whole vocabulary.
fn together(rows: &[Row]) -> Option<Tiles> {
    let mut all = Tiles::default();
    for row in rows {
        all.add(row.list.as_ref()?);
    }
    Some(all)
}

impl Batch {
    /// Takes in a row whose tokens lie in the first slot of `from`; there are never more than `most`.
    pub(crate) fn join(
        &mut self,
        graph: &Graph<'_>,
        mut row: Row,
        from: &Cache,
        most: usize,
    ) -> Result<(), Box<(Row, StudentError)>> {
        let slots = self.lane.as_ref().map_or(0, |lane| lane.cache.slots);
        if self.rows.len() >= slots
            && let Err(error) = self.resize(graph, (self.rows.len() + 1).next_power_of_two().min(most))
        {
            return Err(Box::new((row, error)));
        }
        if let Some(lane) = &mut self.lane {
            let taken = |slot: &usize| self.rows.iter().any(|row| row.slot == *slot);
            row.slot = (0..lane.cache.slots).find(|slot| !taken(slot)).unwrap_or_default();
            lane.cache.copy(row.slot, from, 0, row.length);
            self.rows.push(row);
            self.stale = true;
        }
        Ok(())
    }

    /// Lets go of the rows that `gone` names.
    pub(crate) fn leave(&mut self, gone: impl Fn(&Row) -> bool) -> Vec<Row> {
        let left: Vec<Row> = self.rows.extract_if(.., |row| gone(row)).collect();
        self.stale |= !left.is_empty();
        if self.rows.is_empty() {
            (self.lane, self.mix) = (None, None);
        }
        left
    }

    /// Reads a token of each row, or all that a single row has and a draft, and takes the next one of those that have none left: who
    /// ended by that.
    ///
    /// # Errors
    /// When the graph fails, which is every row's failure; what is wrong with one row only is its end.
    pub(crate) fn step(
        &mut self,
        graph: &mut Graph<'_>,
        format: &Format,
        learnt: &mut Learnt,
        done: &mut Round,
    ) -> Result<Vec<End>, StudentError> {
        self.shrink(graph)?;
        if std::mem::take(&mut self.stale) {
            self.bind(graph)?;
        }
        let Some(lane) = &mut self.lane else { return Ok(Vec::new()) };
        if let ([row], 1) = (&mut *self.rows, lane.cache.slots) {
            let end = alone::step(lane, graph.session, row, format, learnt, done)?;
            return Ok(end.map(|how| End { slot: row.slot, how }).into_iter().collect());
        }
        self.rows.sort_unstable_by_key(|row| row.slot);
        let Taken { ids, lengths, wanted, asked } = Taken::of(&mut self.rows, lane.cache.slots);
        let (rows, mut ends) = (&mut self.rows, Vec::new());
        let list = (!learnt.shortlists.check_is_due()).then(|| together(rows)).flatten();
        let tiles = list.as_ref().map(Tiles::numbers);
        let step = Step { ids: &ids, lengths: &lengths, wanted: &wanted, tiles: tiles.as_deref() };
        lane.run(graph.session, &step, |at, logits| {
            if let Some(row) = asked.get(at).and_then(|row| rows.get_mut(*row)) {
                match row.writing.take(format, logits, row.length) {
                    Ok(Next::Tokens(tokens)) => {
                        learnt.check(row, logits, &tokens, done);
                        row.push(tokens);
                    }
                    Ok(Next::Unlisted) => row.read_again(),
                    Ok(Next::End(finish)) => ends.push(End { slot: row.slot, how: Ok(finish) }),
                    Err(error) => ends.push(End { slot: row.slot, how: Err(error) }),
                }
            }
            Ok(())
        })?;
        Ok(ends)
    }

    /// Gives back memory and time when few are left of many; who is left alone can have several tokens in a run.
    fn shrink(&mut self, graph: &Graph<'_>) -> Result<(), StudentError> {
        let slots = self.lane.as_ref().map_or(0, |lane| lane.cache.slots);
        if self.rows.len() * 4 <= slots || (self.rows.len() == 1 && slots > 1) {
            self.resize(graph, self.rows.len().next_power_of_two())?;
        }
        Ok(())
    }

    /// Moves all rows into a lane of `slots` slots.
    fn resize(&mut self, graph: &Graph<'_>, slots: usize) -> Result<(), StudentError> {
        let mut lane = Lane::new(graph.session, graph.shape, slots)?;
        if let Some(old) = &self.lane {
            for (slot, row) in self.rows.iter_mut().enumerate() {
                lane.cache.copy(slot, &old.cache, row.slot, row.length);
                row.slot = slot;
            }
        }
        self.lane = Some(lane);
        self.stale = true;
        Ok(())
    }

    /// Binds the rows' adapters: the only one, or all of them side by side with masks.
    fn bind(&mut self, graph: &Graph<'_>) -> Result<(), StudentError> {
        let Some(lane) = &mut self.lane else { return Ok(()) };
        let mut distinct: Vec<Arc<Bound>> = Vec::new();
        for adapter in self.rows.iter().filter_map(|row| row.adapter.as_ref()) {
            if !distinct.iter().any(|seen| Arc::ptr_eq(seen, adapter)) {
                distinct.push(Arc::clone(adapter));
            }
        }
        let plain = self.rows.iter().any(|row| row.adapter.is_none());
        match distinct.as_slice() {
            [] => return lane.adapt(graph.session, []),
            [only] if !plain => return lane.adapt(graph.session, only.factors(graph.inputs)),
            _ => {}
        }
        let mix = match self.mix.take() {
            Some(mix) if mix.has_all(&distinct) => mix,
            _ => Mix::new(distinct, graph.inputs)?,
        };
        let mut by_slot = vec![None; lane.cache.slots];
        for row in &self.rows {
            if let Some(adapter) = by_slot.get_mut(row.slot) {
                adapter.clone_from(&row.adapter);
            }
        }
        let masks = mix.masks(graph.inputs, &by_slot)?;
        lane.adapt(graph.session, mix.factors().chain(masks.iter().map(|(name, mask)| (name.as_str(), mask))))?;
        self.mix = Some(mix);
        Ok(())
    }
}
