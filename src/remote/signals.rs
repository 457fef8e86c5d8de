//! How sure the student was, from the log-probabilities that its server reports.
//!
//! Mean, least, 10 % quantile and low share are what a local student computes. The server tells only the likeliest
//! few tokens of each distribution: the margin is exact from two of them on (0 where it names none), and the entropy
//! takes all others for one token, which makes it too small.

use serde::Deserialize;
use wire::Signals;

/// One token of the answer; log-probabilities in nats.
#[derive(Debug, Deserialize)]
pub(crate) struct Token {
    logprob: f64,
    #[serde(default)]
    top_logprobs: Vec<Alternative>,
}

#[derive(Debug, Deserialize)]
struct Alternative {
    logprob: f64,
}

/// The figures over an answer's tokens; nothing where there are none.
pub(crate) fn of(tokens: &[Token]) -> Option<Signals> {
    let count = tokens.len() as f64;
    let mut logprobs: Vec<f64> = tokens.iter().map(|token| token.logprob.min(0.0)).collect();
    logprobs.sort_by(f64::total_cmp);
    let low = logprobs.iter().filter(|logprob| **logprob < -std::f64::consts::LN_2).count();
    let mean = |sum: f64| (sum / count) as f32;
    Some(Signals {
        tokens: u32::try_from(tokens.len()).unwrap_or(u32::MAX),
        min_logprob: *logprobs.first()? as f32,
        mean_logprob: mean(logprobs.iter().sum()),
        q10_logprob: quantile(&logprobs, 0.1) as f32,
        mean_entropy: mean(tokens.iter().map(Token::entropy).sum()),
        mean_margin: mean(tokens.iter().map(Token::margin).sum()),
        low_share: mean(low as f64),
    })
}

impl Token {
    /// Probabilities of the likeliest tokens, the greatest first.
    fn likeliest(&self) -> Vec<f64> {
        let mut found: Vec<f64> = self.top_logprobs.iter().map(|other| other.logprob.exp().min(1.0)).collect();
        found.sort_by(|left, right| right.total_cmp(left));
        found
    }

    /// Nats, at most the distribution's own.
    fn entropy(&self) -> f64 {
        let likeliest = self.likeliest();
        let rest = 1.0 - likeliest.iter().sum::<f64>();
        // p ln p goes to 0 with p.
        likeliest.iter().chain([&rest]).filter(|share| **share > 0.0).map(|share| -share * share.ln()).sum()
    }

    fn margin(&self) -> f64 {
        match self.likeliest().as_slice() {
            [] => 0.0,
            [only] => *only,
            [first, second, ..] => first - second,
        }
    }
}

/// The `share` quantile of ascending values, interpolated linearly between neighbours, as the local student has it.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * sorted.len().saturating_sub(1) as f64;
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    let (below, above) = (at(place.floor() as usize), at(place.ceil() as usize));
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests;
