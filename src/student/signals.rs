//! How sure the student was: figures over the distributions from which an answer's tokens were taken.
//!
//! Of an answer in JSON, only the tokens of its values count: keys and punctuation are nearly certain under a form and would wash out
//! whatever the model doubts.

mod values;

use std::ops::Range;

use packed::{Kernel, Softmax};
use wire::Signals;

pub(crate) use values::values;

/// Collects what [`Signals`] needs, token by token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace(Vec<Taken>);

/// A token that was taken.
#[derive(Clone, Debug)]
struct Taken {
    /// Nats.
    logprob: f32,
    /// Of the whole distribution, nats.
    entropy: f64,
    /// The difference of the two largest probabilities.
    margin: f64,
    /// The bytes of the answer's text that it completed; none if nothing else could have been taken.
    place: Option<Range<usize>>,
}

impl Trace {
    /// Notes that `token` was taken from the softmax of `logits` at temperature 1. False, and nothing noted, if
    /// the logits are not finite or have no such token.
    #[must_use]
    pub(crate) fn push(&mut self, kernel: Kernel, logits: &[f32], token: u32) -> bool {
        let softmax = Softmax::of(kernel, logits);
        let chosen = logits.get(token as usize).map(|logit| f64::from(*logit) - softmax.log_sum());
        let Some(logprob) = chosen.filter(|logprob| logprob.is_finite()) else { return false };
        let (entropy, margin) = (softmax.entropy(), softmax.margin());
        self.0.push(Taken { logprob: logprob as f32, entropy, margin, place: None });
        true
    }

    /// Says where in the text the last token stands.
    pub(crate) fn place(&mut self, bytes: Range<usize>) {
        if let Some(last) = self.0.last_mut() {
            last.place = Some(bytes);
        }
    }

    /// The figures; all zero if no token was noted.
    pub(crate) fn signals(&self) -> Signals {
        figures(&self.0.iter().collect::<Vec<_>>())
    }

    /// The figures of those tokens that hold a part of one of `values`, bytes of the text in their order; of all where there is none.
    pub(crate) fn signals_of(&self, values: &[Range<usize>]) -> Signals {
        let holds = |place: &Range<usize>| {
            // A part of a character stands for the one that it begins.
            let (begin, end) = (place.start, place.end.max(place.start + 1));
            let first = values.partition_point(|value| value.end <= begin);
            values.get(first).is_some_and(|value| value.start < end)
        };
        let of_values: Vec<&Taken> = self.0.iter().filter(|taken| taken.place.as_ref().is_some_and(holds)).collect();
        if of_values.is_empty() { self.signals() } else { figures(&of_values) }
    }
}

fn figures(all: &[&Taken]) -> Signals {
    if all.is_empty() {
        return Signals::default();
    }
    let tokens = all.len() as f64;
    let mean = |of: fn(&Taken) -> f64| (all.iter().map(|taken| of(taken)).sum::<f64>() / tokens) as f32;
    let mut sorted: Vec<f32> = all.iter().map(|taken| taken.logprob).collect();
    sorted.sort_by(f32::total_cmp);
    let low = sorted.iter().filter(|logprob| **logprob < -std::f32::consts::LN_2).count();
    Signals {
        tokens: all.len() as u32,
        mean_logprob: mean(|taken| f64::from(taken.logprob)),
        min_logprob: sorted.first().copied().unwrap_or_default(),
        q10_logprob: quantile(&sorted, 0.1),
        mean_entropy: mean(|taken| taken.entropy),
        mean_margin: mean(|taken| taken.margin),
        low_share: (low as f64 / tokens) as f32,
    }
}

/// The `share` quantile of ascending values, interpolated linearly between neighbours (Hyndman and Fan's type 7,
/// the default of NumPy and R).
fn quantile(sorted: &[f32], share: f64) -> f32 {
    let place = share * sorted.len().saturating_sub(1) as f64;
    let at = |index: usize| sorted.get(index).copied().map_or(0.0, f64::from);
    let (below, above) = (at(place.floor() as usize), at(place.ceil() as usize));
    (below + (above - below) * place.fract()) as f32
}

#[cfg(test)]
mod tests;
