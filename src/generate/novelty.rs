//! Is a text new beside a pool of texts: the largest ROUGE-L F1 against all of it, exactly, without comparing with all of it.
//!
//! Two texts with `k` words in common, repetitions counted, have a ROUGE-L of at most `2 k / (m + n)` (science 1.1). An inverted
//! index gives `k` for the whole pool at once; the longest common subsequence is asked only where that bound can still win,
//! by bit-parallel rows (H. Hyyro, "Bit-parallel LCS-length computation revisited", 2004).

use std::collections::HashMap;

/// What is nearest to a text, and how near.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearest {
    /// ROUGE-L F1.
    pub rouge_l: f64,
    /// Place in the pool; of equals the first.
    pub index: usize,
}

/// A pool of texts that candidates are held against.
#[derive(Debug, Default)]
pub struct Pool {
    words: HashMap<String, u32>,
    texts: Vec<Vec<u32>>,
    /// By word: in which texts it stands, and how often.
    postings: Vec<Vec<(u32, u32)>>,
    /// Texts without a word are compared as they are.
    wordless: Vec<(usize, String)>,
}

impl Pool {
    #[must_use]
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Adds `text` at the end.
    pub fn push(&mut self, text: &str) {
        let mut ids = Vec::new();
        for word in verify::similarity::words(text) {
            let next = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
            ids.push(*self.words.entry(word).or_insert(next));
        }
        self.postings.resize_with(self.words.len(), Vec::new);
        let index = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        for (id, count) in counted(&ids) {
            if let Some(postings) = self.postings.get_mut(id as usize) {
                postings.push((index, count));
            }
        }
        if ids.is_empty() {
            self.wordless.push((self.texts.len(), collapsed(text)));
        }
        self.texts.push(ids);
    }

    /// The nearest text of the pool; none in an empty pool.
    #[must_use]
    pub fn nearest(&self, text: &str) -> Option<Nearest> {
        if self.texts.is_empty() {
            return None;
        }
        // Words that the pool does not know match nothing, but count in the length.
        let ids: Vec<u32> = verify::similarity::words(text)
            .iter()
            .map(|word| self.words.get(word).copied().unwrap_or(u32::MAX))
            .collect();
        if ids.is_empty() {
            let same = collapsed(text);
            let found = self.wordless.iter().find(|(_, other)| *other == same && !same.is_empty());
            return Some(
                found.map_or(Nearest { rouge_l: 0.0, index: 0 }, |(index, _)| Nearest { rouge_l: 1.0, index: *index }),
            );
        }
        Some(self.search(&ids))
    }

    fn search(&self, ids: &[u32]) -> Nearest {
        let mut common = vec![0_u32; self.texts.len()];
        for (id, count) in counted(ids) {
            for (index, other) in self.postings.get(id as usize).into_iter().flatten() {
                if let Some(common) = common.get_mut(*index as usize) {
                    *common += count.min(*other);
                }
            }
        }
        let candidates = common.iter().zip(&self.texts).enumerate().filter(|(_, (common, _))| **common > 0);
        let mut bounds: Vec<(f64, usize)> =
            candidates.map(|(index, (common, text))| (f1(*common, ids.len() + text.len()), index)).collect();
        bounds.sort_unstable_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
        let rows = Rows::new(ids);
        let mut best = Nearest { rouge_l: 0.0, index: 0 };
        for (bound, index) in bounds {
            if bound < best.rouge_l {
                break;
            }
            let Some(text) = self.texts.get(index) else { continue };
            let rouge_l = f1(rows.common(text), ids.len() + text.len());
            if rouge_l > best.rouge_l || (rouge_l == best.rouge_l && index < best.index && rouge_l > 0.0) {
                best = Nearest { rouge_l, index };
            }
        }
        best
    }
}

fn f1(common: u32, words: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "word counts")]
    let score = 2.0 * f64::from(common) / words as f64;
    score
}

fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every word of `ids` with how often it stands there.
fn counted(ids: &[u32]) -> Vec<(u32, u32)> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted
        .chunk_by(|left, right| left == right)
        .filter_map(|run| Some((*run.first()?, u32::try_from(run.len()).ok()?)))
        .collect()
}

/// A text as bit rows: for every word, at which of its places it stands.
struct Rows {
    blocks: usize,
    length: usize,
    places: HashMap<u32, Vec<u64>>,
}

impl Rows {
    fn new(ids: &[u32]) -> Self {
        let blocks = ids.len().div_ceil(64);
        let mut places: HashMap<u32, Vec<u64>> = HashMap::new();
        for (at, id) in ids.iter().enumerate().filter(|(_, id)| **id != u32::MAX) {
            let row = places.entry(*id).or_insert_with(|| vec![0; blocks]);
            if let Some(block) = row.get_mut(at / 64) {
                *block |= 1 << (at % 64);
            }
        }
        Self { blocks, length: ids.len(), places }
    }

    /// Length of the longest common subsequence with `other`.
    fn common(&self, other: &[u32]) -> u32 {
        let mut row = vec![u64::MAX; self.blocks];
        for id in other {
            let Some(places) = self.places.get(id) else { continue };
            let mut carry = false;
            for (value, place) in row.iter_mut().zip(places) {
                let matched = *value & place;
                let (sum, over) = value.overflowing_add(matched);
                let (sum, over_again) = sum.overflowing_add(u64::from(carry));
                carry = over || over_again;
                *value = sum | (*value & !place);
            }
        }
        let zeros: u32 = row.iter().map(|block| block.count_zeros()).sum();
        // Bits behind the text's end never become zero.
        debug_assert!(zeros as usize <= self.length);
        zeros
    }
}
