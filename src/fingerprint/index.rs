//! Which template a prompt is of: made once from all templates, then only read. A look costs a walk over the prompt's words
//! and, for the templates of the prompt's own shape, one look at each of their chunks until one is missing.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::shape::Shape;
use crate::template::{Template, chunk_edges};
use crate::text::{Part, edges, excerpt};

/// Of so many fixed edges one may be missing; and so many in all.
const EDGES_PER_MISSING: u32 = 6;
const MISSING_MAX: u32 = 5;
/// A chunk of so many edges must be there by half.
const CHUNK_EDGES_MIN: u32 = 4;

/// Edges are hashes already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = (self.0 << 8) | u64::from(*byte));
    }
    fn write_u32(&mut self, edge: u32) {
        // The table takes its bits from both ends.
        self.0 = u64::from(edge) << 32 | u64::from(edge);
    }
}

/// Where an edge stands.
#[derive(Debug, Default)]
struct Place {
    number: usize,
    chunks: Vec<u32>,
}

#[derive(Debug)]
struct Entry {
    owner: usize,
    /// Chunks by number, with their edges; those of few templates first.
    chunks: Vec<(u32, u32)>,
    edges: u32,
    missing_max: u32,
    /// A chunk that must be there, by half, of as few templates as can be; none where all are short.
    needs: Option<u32>,
    /// For each text that has fixed words: how many others it may have.
    varying_max: [Option<u32>; 2],
}

/// Every template, made ready.
#[derive(Default)]
pub(crate) struct Index {
    places: HashMap<u32, Place, BuildHasherDefault<AsItIs>>,
    shapes: HashMap<Shape, Vec<Entry>>,
    /// Of every chunk.
    parts: Vec<Part>,
}

impl Index {
    /// `templates` with who they belong to.
    pub(crate) fn new<'a>(templates: impl Iterator<Item = (usize, &'a Template)>) -> Self {
        let mut index = Self::default();
        let mut numbers: HashMap<(Part, Vec<u32>), u32> = HashMap::new();
        let mut used: HashMap<u32, usize> = HashMap::new();
        for (owner, template) in templates {
            let mut chunks = Vec::new();
            for part in Part::BOTH {
                for chunk in &template.fixed(part).chunks {
                    let mut edges = chunk_edges(part, chunk);
                    edges.sort_unstable();
                    edges.dedup();
                    let size = u32::try_from(edges.len()).unwrap_or(u32::MAX);
                    let number =
                        *numbers.entry((part, edges)).or_insert_with_key(|(part, edges)| index.add(*part, edges));
                    if !chunks.contains(&(number, size)) {
                        chunks.push((number, size));
                        *used.entry(number).or_default() += 1;
                    }
                }
            }
            let edges = chunks.iter().map(|(_, size)| *size).sum::<u32>();
            let varying_max = |part| {
                let fixed = template.fixed(part);
                (!fixed.chunks.is_empty()).then_some(fixed.varying_max)
            };
            let missing_max = (edges / EDGES_PER_MISSING).min(MISSING_MAX);
            let varying_max = Part::BOTH.map(varying_max);
            index.shapes.entry(template.shape).or_default().push(Entry {
                owner,
                chunks,
                edges,
                missing_max,
                needs: None,
                varying_max,
            });
        }
        for entry in index.shapes.values_mut().flatten() {
            entry.chunks.sort_by_key(|(number, _)| (used.get(number).copied(), *number));
            entry.needs = entry.chunks.iter().find(|(_, size)| *size >= CHUNK_EDGES_MIN).map(|(number, _)| *number);
        }
        index
    }

    fn add(&mut self, part: Part, edges: &[u32]) -> u32 {
        let number = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        self.parts.push(part);
        for edge in edges {
            let next = self.places.len();
            let place = self.places.entry(*edge).or_insert_with(|| Place { number: next, chunks: Vec::new() });
            place.chunks.push(number);
        }
        number
    }

    /// Whose template a prompt is of: of several the one with the most fixed words.
    pub(crate) fn owner(&self, shape: Shape, system: &str, user: &str) -> Option<usize> {
        let entries = self.shapes.get(&shape)?;
        let (mut seen, mut hits) = (vec![0_u64; self.places.len().div_ceil(64)], vec![0_u32; self.parts.len()]);
        let mut tokens = [0_u32; 2];
        for ((part, text), tokens) in Part::BOTH.into_iter().zip([system, user]).zip(&mut tokens) {
            let count = edges(part, &excerpt(text), |edge, _| {
                let Some(place) = self.places.get(&edge) else { return };
                let Some(word) = seen.get_mut(place.number / 64) else { return };
                let bit = 1_u64 << (place.number % 64);
                if *word & bit == 0 {
                    *word |= bit;
                    for chunk in &place.chunks {
                        usize::try_from(*chunk)
                            .ok()
                            .and_then(|at| hits.get_mut(at))
                            .into_iter()
                            .for_each(|hits| *hits += 1);
                    }
                }
            });
            *tokens = u32::try_from(count).unwrap_or(u32::MAX);
        }
        let hits_of = |chunk: u32| usize::try_from(chunk).ok().and_then(|at| hits.get(at)).copied().unwrap_or_default();
        let possible =
            entries.iter().filter(|entry| entry.needs.is_none_or(|chunk| hits_of(chunk) * 2 >= CHUNK_EDGES_MIN));
        let best = possible.filter_map(|entry| Some((self.fixed(entry, &hits, tokens)?, entry)));
        // Of equals the first: templates come in a fixed order.
        best.rev().max_by_key(|(fixed, _)| *fixed).map(|(_, entry)| entry.owner)
    }

    /// How many of the fixed edges a prompt has, if they are enough.
    fn fixed(&self, entry: &Entry, hits: &[u32], tokens: [u32; 2]) -> Option<u32> {
        let (mut missing, mut fixed) = (0, [0_u32; 2]);
        for (number, size) in &entry.chunks {
            let at = usize::try_from(*number).ok()?;
            let (there, part) = (*hits.get(at)?, *self.parts.get(at)?);
            missing += size - there;
            if missing > entry.missing_max || (*size >= CHUNK_EDGES_MIN && there * 2 < *size) {
                return None;
            }
            let [system, user] = &mut fixed;
            *(if part == Part::System { system } else { user }) += there;
        }
        let fits = |((tokens, fixed), max): ((u32, u32), &Option<u32>)| {
            max.is_none_or(|max| tokens.saturating_sub(fixed) <= max)
        };
        let fits = tokens.into_iter().zip(fixed).zip(&entry.varying_max).all(fits);
        fits.then_some(entry.edges - missing)
    }
}
