//! What makes an answer repeat itself less: logits changed by what has been said.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use wire::Decoding;

/// The penalties of one answer, and the tokens that they are for.
///
/// Hugging Face's `repetition_penalty` (`RepetitionPenaltyLogitsProcessor`, after Keskar et al. 2019) counts prompt and answer; OpenAI's
/// `frequency_penalty` and `presence_penalty` count the answer alone, and come after it, as in vLLM.
#[derive(Debug, Default)]
pub(crate) struct Penalties {
    repetition: f32,
    presence: f32,
    frequency: f32,
    /// Tokens of prompt and answer; empty without a penalty of repetition.
    met: HashSet<u32>,
    /// How often the answer has a token.
    said: HashMap<u32, u32>,
}

impl Penalties {
    /// Those of an answer to the prompt `ids`; none where nothing is penalised.
    pub(crate) fn new(decoding: &Decoding, ids: &[u32]) -> Option<Self> {
        let Decoding { repetition_penalty, presence_penalty, frequency_penalty, .. } = *decoding;
        let repeats = repetition_penalty != 1.0;
        (repeats || presence_penalty != 0.0 || frequency_penalty != 0.0).then(|| Self {
            repetition: repetition_penalty,
            presence: presence_penalty,
            frequency: frequency_penalty,
            met: if repeats { ids.iter().copied().collect() } else { HashSet::new() },
            said: HashMap::new(),
        })
    }

    /// Notes a token of the answer, chosen or forced.
    pub(crate) fn note(&mut self, token: u32) {
        if self.repetition != 1.0 {
            self.met.insert(token);
        }
        *self.said.entry(token).or_default() += 1;
    }

    /// Changes the logits of what has been said; what is impossible stays so.
    pub(crate) fn apply(&self, logits: Cow<'_, [f32]>) -> Vec<f32> {
        let mut logits = logits.into_owned();
        for token in &self.met {
            if let Some(logit) = logits.get_mut(*token as usize).filter(|logit| logit.is_finite()) {
                let penalised = if *logit < 0.0 { *logit * self.repetition } else { *logit / self.repetition };
                *logit = penalised.clamp(f32::MIN, f32::MAX);
            }
        }
        for (token, times) in &self.said {
            if let Some(logit) = logits.get_mut(*token as usize) {
                *logit -= *times as f32 * self.frequency + self.presence;
            }
        }
        logits
    }
}

#[cfg(test)]
mod tests;
