//! Does what a model makes become more and more alike? Three measures of a set of answers, held against those of its anchors
//! (science 5.2). Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Answers that are compared, at most: self-BLEU looks at every pair.
const SAMPLE_MAX: usize = 200;
/// Fewer say nothing.
pub(crate) const SAMPLE_MIN: usize = 20;
/// Words of an opening.
const OPENING_WORDS: usize = 5;

/// How varied a set of answers is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Diversity {
    /// Different words over words, and different pairs of words over pairs.
    pub distinct_1: f64,
    pub distinct_2: f64,
    /// Mean BLEU-4 of every answer against all others; higher is more alike (Zhu et al., "Texygen", 2018).
    pub self_bleu_4: f64,
    /// Share of answers whose first five words another one has too.
    pub openings_repeated: f64,
}

/// How far a round may fall behind its anchors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CollapseLimits {
    /// Of the anchors' distinct-2, at least.
    pub distinct_2_share_min: f64,
    /// Above the anchors' self-BLEU-4, at most.
    pub self_bleu_4_rise_max: f64,
    /// Above the anchors' repeated openings, at most.
    pub openings_rise_max: f64,
}

impl Default for CollapseLimits {
    fn default() -> Self {
        Self { distinct_2_share_min: 0.6, self_bleu_4_rise_max: 0.2, openings_rise_max: 0.25 }
    }
}

impl Diversity {
    /// Of `texts`, evenly thinned to `most` of them.
    #[must_use]
    pub fn of(texts: &[String], most: usize) -> Self {
        let step = texts.len().div_ceil(most.clamp(1, SAMPLE_MAX)).max(1);
        let texts: Vec<Vec<String>> = texts
            .iter()
            .step_by(step)
            .map(|text| verify::similarity::words(text))
            .filter(|words| !words.is_empty())
            .collect();
        Self {
            distinct_1: distinct(&texts, 1),
            distinct_2: distinct(&texts, 2),
            self_bleu_4: self_bleu(&texts),
            openings_repeated: openings_repeated(&texts),
        }
    }
}

/// Why `made` has collapsed beside `anchors`, both thinned to the same number; `None` while it has not, or too few are there.
#[must_use]
pub fn collapsed(anchors: &[String], made: &[String], limits: CollapseLimits) -> Option<String> {
    let size = anchors.len().min(made.len()).min(SAMPLE_MAX);
    if size < SAMPLE_MIN {
        return None;
    }
    let (before, now) = (Diversity::of(anchors, size), Diversity::of(made, size));
    let least = limits.distinct_2_share_min * before.distinct_2;
    let checks = [
        ("distinct-2", now.distinct_2, least, now.distinct_2 < least),
        (
            "self-BLEU-4",
            now.self_bleu_4,
            before.self_bleu_4 + limits.self_bleu_4_rise_max,
            now.self_bleu_4 > before.self_bleu_4 + limits.self_bleu_4_rise_max,
        ),
        (
            "repeated openings",
            now.openings_repeated,
            before.openings_repeated + limits.openings_rise_max,
            now.openings_repeated > before.openings_repeated + limits.openings_rise_max,
        ),
    ];
    let (name, value, limit, _) = checks.into_iter().find(|(_, _, _, over)| *over)?;
    Some(format!("{name} is {value:.3}, the limit beside the anchors is {limit:.3}"))
}

fn ngrams(words: &[String], n: usize) -> BTreeMap<&[String], usize> {
    let mut counts = BTreeMap::new();
    words.windows(n).for_each(|gram| *counts.entry(gram).or_default() += 1);
    counts
}

fn distinct(texts: &[Vec<String>], n: usize) -> f64 {
    let all: usize = texts.iter().map(|words| words.len().saturating_sub(n - 1)).sum();
    let different: BTreeSet<&[String]> = texts.iter().flat_map(|words| words.windows(n)).collect();
    share(different.len(), all)
}

fn openings_repeated(texts: &[Vec<String>]) -> f64 {
    let mut counts: BTreeMap<&[String], usize> = BTreeMap::new();
    let opening = |words: &Vec<String>| words.len().min(OPENING_WORDS);
    for words in texts {
        *counts.entry(words.get(..opening(words)).unwrap_or_default()).or_default() += 1;
    }
    share(counts.values().filter(|count| **count > 1).sum(), texts.len())
}

/// Of every n-gram the two largest counts in one text, with the texts that have them.
type Most<'a> = BTreeMap<&'a [String], [(usize, usize); 2]>;

/// Mean over the texts of BLEU-4 against all others (Papineni et al. 2002): clipped precisions, geometric mean, the
/// brevity penalty of the nearest length; a precision of 0 counts as 0.1 hits (smoothing 1 of Chen and Cherry 2014).
fn self_bleu(texts: &[Vec<String>]) -> f64 {
    if texts.len() < 2 {
        return 0.0;
    }
    let grams: Vec<[BTreeMap<&[String], usize>; 4]> =
        texts.iter().map(|words| [1, 2, 3, 4].map(|n| ngrams(words, n))).collect();
    // For every n-gram the two texts that hold most of it: one of them is another text.
    let mut most: [Most<'_>; 4] = Default::default();
    for (at, grams) in grams.iter().enumerate() {
        for (most, grams) in most.iter_mut().zip(grams) {
            for (gram, count) in grams {
                let [first, second] = most.entry(gram).or_insert([(0, usize::MAX); 2]);
                if *count > first.0 {
                    (*first, *second) = ((*count, at), *first);
                } else if *count > second.0 {
                    *second = (*count, at);
                }
            }
        }
    }
    let mut lengths: Vec<usize> = texts.iter().map(Vec::len).collect();
    lengths.sort_unstable();
    let scores = grams.iter().enumerate().map(|(at, grams)| {
        let length = texts.get(at).map_or(0, Vec::len);
        let precisions = grams.iter().zip(&most).map(|(grams, most)| precision(grams, most, at));
        let logs: f64 = precisions.map(f64::ln).sum();
        brevity(length, &lengths) * (logs / 4.0).exp()
    });
    scores.sum::<f64>() / number(texts.len())
}

fn precision(grams: &BTreeMap<&[String], usize>, most: &Most<'_>, at: usize) -> f64 {
    let of_others =
        |gram: &[String]| most.get(gram).map_or(0, |[first, second]| if first.1 == at { second.0 } else { first.0 });
    let hits: usize = grams.iter().map(|(gram, count)| (*count).min(of_others(gram))).sum();
    let all: usize = grams.values().sum();
    let hits = if hits == 0 { 0.1 } else { number(hits) };
    hits / number(all.max(1))
}

/// `exp(1 - r / c)` for a text shorter than the nearest length `r` of the others; of two as near the shorter counts.
fn brevity(length: usize, sorted: &[usize]) -> f64 {
    let own = sorted.iter().position(|other| *other == length);
    let others = sorted.iter().enumerate().filter(|(at, _)| Some(*at) != own).map(|(_, other)| *other);
    let nearest = others.min_by_key(|other| (other.abs_diff(length), *other)).unwrap_or(length);
    if length >= nearest { 1.0 } else { (1.0 - number(nearest) / number(length.max(1))).exp() }
}

fn share(part: usize, all: usize) -> f64 {
    if all == 0 { 0.0 } else { number(part) / number(all) }
}

#[expect(clippy::cast_precision_loss, reason = "word counts")]
fn number(count: usize) -> f64 {
    count as f64
}
