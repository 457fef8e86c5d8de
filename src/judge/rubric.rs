//! The absolute rubric: six criteria from 0 to 10, each with the judge's evidence (science 5.4).

use serde_json::Value;
use wire::Answer;

use crate::JudgeError;
use crate::reply::{lower, object, unreadable};

const SCORE_MAX: u64 = 10;
/// A criterion below this fails a player.
const BAD_BELOW: u8 = 5;
const CRITERIA: [&str; 6] = ["persona", "lore", "responsiveness", "usefulness", "style", "safety"];

/// One criterion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// 0 (wholly failed) to 10 (nothing to improve).
    pub score: u8,
    /// The judge's sentence; may be empty.
    pub evidence: String,
}

/// A whole rating.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rubric {
    pub persona: Score,
    pub lore: Score,
    pub responsiveness: Score,
    pub usefulness: Score,
    pub style: Score,
    pub safety: Score,
    /// What this rating cost; 0 when it was known already.
    pub cost: f64,
}

impl Rubric {
    /// Persona, lore or responsiveness below 5. A phrase that breaks the role is the verifiers' to find, not the judge's.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        [&self.persona, &self.lore, &self.responsiveness].iter().any(|criterion| criterion.score < BAD_BELOW)
    }

    /// The mean of the six criteria, in [0, 1].
    #[must_use]
    pub fn quality(&self) -> f64 {
        let all = [&self.persona, &self.lore, &self.responsiveness, &self.usefulness, &self.style, &self.safety];
        all.iter().map(|criterion| f64::from(criterion.score)).sum::<f64>() / 60.0
    }

    /// Reads `{"persona": {"score": 0-10, "evidence": "..."}, ...}`; a bare number is a score without evidence.
    pub(crate) fn read(answer: &Answer) -> Result<Self, JudgeError> {
        let fields = object(answer, "persona")?;
        let criterion = |name: &str| -> Result<Score, JudgeError> {
            let (score, evidence) = match fields.get(name).cloned().unwrap_or_default() {
                Value::Object(map) => {
                    let mut parts = lower(map);
                    (parts.remove("score").unwrap_or_default(), parts.remove("evidence").unwrap_or_default())
                }
                bare => (bare, Value::Null),
            };
            let number = score.as_u64().filter(|score| *score <= SCORE_MAX);
            let number = number.and_then(|score| u8::try_from(score).ok()).ok_or_else(|| {
                unreadable(answer, &format!("the score of `{name}` is {score} and must be a whole number from 0 to 10"))
            })?;
            Ok(Score { score: number, evidence: evidence.as_str().unwrap_or_default().to_owned() })
        };
        let [persona, lore, responsiveness, usefulness, style, safety] = CRITERIA.map(criterion);
        Ok(Self {
            persona: persona?,
            lore: lore?,
            responsiveness: responsiveness?,
            usefulness: usefulness?,
            style: style?,
            safety: safety?,
            cost: 0.0,
        })
    }
}
