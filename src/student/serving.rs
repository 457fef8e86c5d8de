//! What the student's thread does: it takes a prompt, reads it in pieces, and writes its answer together with the others.
//!
//! A long prompt does not stop the answers that are being written: between two pieces of it every row gets a token. One prompt
//! is read at a time, because ONNX Runtime's attention appends several tokens to one sequence only.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gemma::prompt_ids;
use ort::session::Session;
use parking_lot::Mutex;
use wire::{Finish, ModelError, Sampling};

use crate::StudentError;
use crate::adapter::{Bound, Input};
use crate::answer::{Next, Writing};
use crate::batch::{Batch, Graph};
use crate::cache::Shape;
use crate::draft::Drafts;
use crate::forecast::{Forecast, Work};
use crate::format::Format;
use crate::lane::{Lane, Step};
use crate::load::Round;
use crate::prefix::Prefixes;
use crate::row::{Learnt, Row};
use crate::shortlist::Shortlists;
use crate::tiles::Tiles;
use crate::work::{Asker, Job, Outcome, Request, Scoring, Waiting, bytes_of};

/// Prompt tokens per run: the bound on the memory of activations, and on what is computed for nobody after the asker
/// has left. Longer ones are no faster (measured at the 1B shape: 64 to 256 within 5 %).
const PIECE: usize = 128;
/// The same while answers are being written: how long each of their tokens waits.
const PIECE_BESIDE: usize = 32;

/// The graph and everything that is under way in it.
pub(crate) struct Serving {
    session: Session,
    inputs: Arc<Vec<Input>>,
    shape: Shape,
    format: Arc<Format>,
    /// Answers written at the same time, at most.
    rows: usize,
    reader: Lane,
    reading: Option<Reading>,
    batch: Batch,
    prefixes: Prefixes,
    learnt: Learnt,
    forecast: Arc<Mutex<Forecast>>,
    /// What was done since somebody asked.
    done: Round,
}

/// How much it may take on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) rows: usize,
    pub(crate) prefix_bytes: usize,
    pub(crate) draft_tokens: usize,
    pub(crate) shortlist: bool,
}

/// A prompt that is being read.
struct Reading {
    asker: Asker,
    adapter: Option<Arc<Bound>>,
    ids: Vec<u32>,
    read: usize,
    /// Tokens that were there already.
    found: usize,
    writing: Writing,
    /// What of the vocabulary the answer is chosen from; nothing where that is all of it.
    list: Option<Tiles>,
    /// Bytes of the prompt, and how long it has been read.
    bytes: usize,
    took: Duration,
}

impl Serving {
    pub(crate) fn new(
        session: Session,
        inputs: Arc<Vec<Input>>,
        shape: Shape,
        format: Arc<Format>,
        limits: Limits,
    ) -> Result<Self, StudentError> {
        let reader = Lane::new(&session, shape, 1)?;
        let (prefixes, forecast) = (Prefixes::new(limits.prefix_bytes), Arc::default());
        let (rows, reading, batch) = (limits.rows, None, Batch::default());
        let shortlists = Shortlists::new(limits.shortlist && shape.tiled_head, shape.vocab);
        let (learnt, done) = (Learnt { drafts: Drafts::new(limits.draft_tokens), shortlists }, Round::default());
        Ok(Self { session, inputs, shape, format, rows, reader, reading, batch, prefixes, learnt, forecast, done })
    }

    /// What an answer would have to wait for; up to date after every round.
    pub(crate) fn forecast(&self) -> Arc<Mutex<Forecast>> {
        Arc::clone(&self.forecast)
    }

    /// Whether an answer is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.reading.is_none() && self.batch.rows.is_empty()
    }

    /// What was done since the last time.
    pub(crate) fn take_round(&mut self) -> Round {
        Round { rows: self.batch.rows.len(), ..std::mem::take(&mut self.done) }
    }

    /// Lets go of everything that is under way: its askers hear that the student failed.
    pub(crate) fn abandon(&mut self) -> Result<(), StudentError> {
        self.reading = None;
        self.batch = Batch::default();
        self.reader = Lane::new(&self.session, self.shape, 1)?;
        Ok(())
    }

    /// One round: takes what `next` gives if there is room, reads a piece of a prompt, and a token for every row. What is
    /// done by then. `next` is told what goes well with the rest: adapters that are bound already.
    pub(crate) fn round(&mut self, next: impl FnOnce(&dyn Fn(&Waiting) -> bool) -> Option<Job>) -> Vec<Outcome> {
        let mut done = Vec::new();
        self.let_go();
        if self.reading.is_none() && self.batch.rows.len() < self.rows {
            let rows = &self.batch.rows;
            let fits = |waiting: &Waiting| match waiting {
                Waiting::Answer { asked, .. } => {
                    rows.iter().any(|row| row.adapter_hash() == hash(asked.adapter.as_ref()))
                }
                Waiting::Score(_) => false,
            };
            match next(&fits) {
                Some(Job::Answer(request)) => done.extend(self.begin(request)),
                Some(Job::Score(scoring)) => done.push(self.score(scoring)),
                None => {}
            }
        }
        done.extend(self.read());
        if !self.batch.rows.is_empty() {
            done.extend(self.write());
        }
        self.foresee();
        done
    }

    /// Says what is left to do.
    fn foresee(&self) {
        let mut forecast = self.forecast.lock();
        let rows = self.batch.rows.iter().map(|row| {
            let (adapter, written) = (row.adapter_hash(), row.text.len() - row.prompt);
            forecast.left(adapter, written, row.writing.room())
        });
        let reading = self.reading.iter().map(|reading| {
            let unread = 1.0 - reading.read as f64 / reading.ids.len().max(1) as f64;
            let writing = forecast.left(hash(reading.adapter.as_ref()), 0, reading.writing.room());
            Work { bytes: unread * reading.bytes as f64, ..writing }
        });
        forecast.under_way = rows.chain(reading).fold(Work::default(), Work::plus);
    }

    /// Lets go of those whom nobody waits for.
    fn let_go(&mut self) {
        self.reading.take_if(|reading| reading.asker.left());
        self.batch.leave(|row| row.asker.left());
    }

    fn begin(&mut self, Request { asker, adapter, prompt, constraint }: Request) -> Option<Outcome> {
        let started = (|| {
            let ids = prompt_ids(&self.format.tokenizer, &prompt.turns).map_err(StudentError::from)?;
            self.format.check_length(ids.len())?;
            let writing = Writing::new(&prompt, &ids, constraint)?;
            Ok::<_, ModelError>((ids, writing))
        })();
        let (ids, writing) = match started {
            Ok(started) => started,
            Err(error) => return Some(asker.outcome(Err(error))),
        };
        if writing.is_whole() {
            let answer = writing.finish(&self.format, Finish::Length);
            return Some(asker.outcome(answer.map_err(ModelError::from)));
        }
        let mut found = 0;
        if let Some((snapshot, tokens)) = self.prefixes.find(hash(adapter.as_ref()), &ids) {
            self.reader.cache.restore(0, snapshot, tokens);
            found = tokens;
            self.done.known_tokens += tokens;
        }
        if let Err(error) = self.adapt_reader(adapter.as_ref()) {
            return Some(asker.outcome(Err(error.into())));
        }
        // Equal seeds choose equally, whatever a list has come to be.
        let seeded = matches!(prompt.sampling, Sampling::Random { seed: Some(_), .. });
        let list = (!seeded).then(|| self.learnt.shortlists.list(hash(adapter.as_ref()), &ids)).flatten();
        let bytes = bytes_of(&prompt);
        let took = Duration::ZERO;
        self.reading = Some(Reading { asker, adapter, ids, read: found, found, writing, list, bytes, took });
        None
    }

    /// Gives the reader an adapter, or the base alone.
    fn adapt_reader(&mut self, adapter: Option<&Arc<Bound>>) -> Result<(), StudentError> {
        let factors = adapter.into_iter().flat_map(|adapter| adapter.factors(&self.inputs));
        self.reader.adapt(&self.session, factors)
    }

    /// Reads the next piece; after the last one the answer has its first token.
    fn read(&mut self) -> Option<Outcome> {
        let mut reading = self.reading.take()?;
        let piece = if self.batch.rows.is_empty() { PIECE } else { PIECE_BESIDE };
        let end = reading.ids.len().min(reading.read + piece);
        let ids = reading.ids.get(reading.read..end).unwrap_or_default();
        let (last, mut next) = (end == reading.ids.len(), None);
        // Nobody wants to know what comes next where the prompt goes on.
        let tiles = if last { reading.list.as_ref().map(Tiles::numbers) } else { Some(vec![0]) };
        let step = Step { ids, lengths: &[end], wanted: &[ids.len().saturating_sub(1)], tiles: tiles.as_deref() };
        let (format, writing, began) = (&self.format, &mut reading.writing, Instant::now());
        let run = self.reader.run(&mut self.session, &step, |_, logits| {
            if last {
                next = Some(writing.take(format, logits, end)?);
            }
            Ok(())
        });
        self.done.read_tokens += end - reading.read;
        reading.read = end;
        reading.took += began.elapsed();
        match (run, next) {
            (Err(error), _) => Some(reading.asker.outcome(Err(error.into()))),
            (Ok(()), None) => {
                self.reading = Some(reading);
                None
            }
            (Ok(()), Some(next)) => self.settle(reading, next),
        }
    }

    /// What becomes of a prompt that was read: the end of its answer, or a row.
    fn settle(&mut self, reading: Reading, next: Next) -> Option<Outcome> {
        match next {
            Next::Unlisted => {
                // Its last token once more, with the whole vocabulary before it.
                self.reading = Some(Reading { read: reading.ids.len().saturating_sub(1), list: None, ..reading });
                None
            }
            Next::End(finish) => {
                self.keep(&reading);
                let answer = reading.writing.finish(&self.format, finish);
                Some(reading.asker.outcome(answer.map_err(ModelError::from)))
            }
            Next::Tokens(tokens) => {
                self.keep(&reading);
                self.join(reading, tokens)
            }
        }
    }

    /// Learns from a prompt that was read.
    fn keep(&mut self, Reading { adapter, ids, found, bytes, took, .. }: &Reading) {
        self.forecast.lock().note_reading(*bytes, *took);
        self.prefixes.keep(hash(adapter.as_ref()), ids, *found, &self.reader.cache, 0);
    }

    /// Makes a row of a prompt that was read; what comes of it if that fails.
    fn join(&mut self, reading: Reading, tokens: Vec<u32>) -> Option<Outcome> {
        let Reading { asker, adapter, ids, writing, list, .. } = reading;
        let (prompt, text) = (ids.len(), [ids.as_slice(), &tokens].concat());
        let row = Row { asker, adapter, writing, text, prompt, length: prompt, unread: tokens.into(), slot: 0, list };
        let graph = Graph { session: &mut self.session, inputs: &self.inputs, shape: self.shape };
        let joined = self.batch.join(&graph, row, &self.reader.cache, self.rows);
        let failed = |failure: Box<(Row, StudentError)>| failure.0.asker.outcome(Err(failure.1.into()));
        joined.err().map(failed)
    }

    /// A token for every row.
    fn write(&mut self) -> Vec<Outcome> {
        let mut graph = Graph { session: &mut self.session, inputs: &self.inputs, shape: self.shape };
        let length = |batch: &Batch| batch.rows.iter().map(|row| row.length).sum::<usize>();
        let (rows, before, began) = (self.batch.rows.len(), length(&self.batch), Instant::now());
        let stepped = self.batch.step(&mut graph, &self.format, &mut self.learnt, &mut self.done);
        let written = length(&self.batch).saturating_sub(before);
        self.done.answer_tokens += written;
        self.forecast.lock().note_writing(rows, written, began.elapsed());
        let mut ends = match stepped {
            Ok(ends) => ends,
            Err(error) => {
                let text = error.to_string();
                let all = self.batch.leave(|_| true);
                return all.into_iter().map(|row| row.asker.outcome(Err(ModelError::Failed(text.clone())))).collect();
            }
        };
        let left = self.batch.leave(|row| ends.iter().any(|end| end.slot == row.slot));
        let end = |row: Row| {
            let at = ends.iter().position(|end| end.slot == row.slot)?;
            self.learnt.drafts.note(row.adapter_hash(), &row.text, row.prompt);
            self.learnt.shortlists.note(row.adapter_hash(), &row.text, row.prompt);
            self.forecast.lock().note_answer(row.adapter_hash(), row.text.len() - row.prompt);
            let answer = ends.swap_remove(at).how.and_then(|finish| row.writing.finish(&self.format, finish));
            Some(row.asker.outcome(answer.map_err(ModelError::from)))
        };
        left.into_iter().filter_map(end).collect()
    }

    /// The logits after every token: the first ones in one run, the others one at a time, as an answer is written.
    fn score(&mut self, Scoring { adapter, ids, at_once, reply }: Scoring) -> Outcome {
        let logits = (|| {
            self.adapt_reader(adapter.as_ref())?;
            let mut logits: Vec<Vec<f32>> = Vec::with_capacity(ids.len());
            while logits.len() < ids.len() {
                let begin = logits.len();
                let end = if begin == 0 { at_once.clamp(1, ids.len()) } else { begin + 1 };
                let wanted: Vec<usize> = (0..end - begin).collect();
                let ids = ids.get(begin..end).unwrap_or_default();
                let step = Step { ids, lengths: &[end], wanted: &wanted, tiles: None };
                self.reader.run(&mut self.session, &step, |_, row| {
                    logits.push(row.values.to_vec());
                    Ok(())
                })?;
            }
            Ok(logits)
        })();
        Box::new(move || drop(reply.send(logits)))
    }
}

fn hash(adapter: Option<&Arc<Bound>>) -> Option<blake3::Hash> {
    adapter.map(|adapter| adapter.hash)
}

#[cfg(test)]
mod tests;
