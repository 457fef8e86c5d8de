//! How sure the student was: figures over the distributions from which an answer's tokens were taken.

use wire::Signals;

/// Collects what [`Signals`] needs, token by token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    logprobs: Vec<f32>,
    entropy: f64,
    margin: f64,
}

impl Trace {
    /// Notes that `token` was taken from the softmax of `logits` at temperature 1. False, and nothing noted, if
    /// the logits are not finite or have no such token.
    #[must_use]
    pub(crate) fn push(&mut self, logits: &[f32], token: u32) -> bool {
        let (mut first, mut second) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
        for &logit in logits {
            if logit > first {
                (first, second) = (logit, first);
            } else if logit > second {
                second = logit;
            }
        }
        // With d = logit - max: Z = sum e^d, log p = d - ln Z, entropy = ln Z - sum(d e^d) / Z.
        let (mut sum, mut weighted) = (0.0_f64, 0.0_f64);
        for &logit in logits {
            let distance = f64::from(logit - first);
            let weight = distance.exp();
            sum += weight;
            // A logit of minus infinity has no weight, and 0 * inf is not a number.
            weighted += if weight > 0.0 { distance * weight } else { 0.0 };
        }
        let chosen = logits.get(token as usize).map(|logit| f64::from(logit - first) - sum.ln());
        match chosen {
            Some(logprob) if logprob.is_finite() => {
                self.logprobs.push(logprob as f32);
                self.entropy += sum.ln() - weighted / sum;
                self.margin += (1.0 - f64::from(second - first).exp()) / sum;
                true
            }
            Some(_) | None => false,
        }
    }

    /// The figures; all zero if no token was noted.
    pub(crate) fn signals(&self) -> Signals {
        let count = self.logprobs.len();
        if count == 0 {
            return Signals::default();
        }
        let tokens = count as f64;
        let mut sorted = self.logprobs.clone();
        sorted.sort_by(f32::total_cmp);
        let sum: f64 = self.logprobs.iter().map(|logprob| f64::from(*logprob)).sum();
        let low = self.logprobs.iter().filter(|logprob| **logprob < -std::f32::consts::LN_2).count();
        Signals {
            tokens: count as u32,
            mean_logprob: (sum / tokens) as f32,
            min_logprob: sorted.first().copied().unwrap_or_default(),
            q10_logprob: quantile(&sorted, 0.1),
            mean_entropy: (self.entropy / tokens) as f32,
            mean_margin: (self.margin / tokens) as f32,
            low_share: (low as f64 / tokens) as f32,
        }
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
