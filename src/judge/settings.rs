//! The `[judge]` section of a configuration.

use serde::{Deserialize, Serialize};

/// Tokens of a verdict: fewer cut the JSON off, more are an essay.
const MAX_TOKENS: std::ops::RangeInclusive<u32> = 32..=4096;
/// Most that a day or a million tokens may cost: above it a digit is wrong, not a budget.
const MONEY_MAX: f64 = 1e6;

/// Which model judges, and what it may cost. Money is in one currency, the prices'; which one is the operator's matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JudgeSettings {
    /// The judge's name at the teacher's address; empty: no judge. Another version than the teacher's, if there is one:
    /// models prefer what they wrote themselves.
    pub model: String,
    /// Most that all verdicts of a UTC day may cost together; never passed.
    pub budget_per_day: f64,
    /// Price of a million tokens read.
    pub input_price: f64,
    /// Price of a million tokens written.
    pub output_price: f64,
    /// Longest verdict, tokens.
    pub max_tokens: u32,
}

impl Default for JudgeSettings {
    fn default() -> Self {
        Self { model: String::new(), budget_per_day: 0.0, input_price: 0.0, output_price: 0.0, max_tokens: 256 }
    }
}

impl JudgeSettings {
    /// Whether a judge is configured at all.
    #[must_use]
    pub fn enabled(&self) -> bool {
        !self.model.trim().is_empty()
    }

    /// What is wrong with the numbers: key, value and range of each; empty when nothing is. The budget and prices of a
    /// judge that is switched off may be zero.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let money = |key: &str, value: f64| {
            (!(0.0..=MONEY_MAX).contains(&value)).then(|| format!("{key} = {value} must lie in [0, {MONEY_MAX}]"))
        };
        let (least, most) = MAX_TOKENS.into_inner();
        let problems = [
            money("budget_per_day", self.budget_per_day),
            money("input_price", self.input_price),
            money("output_price", self.output_price),
            (self.enabled() && self.budget_per_day == 0.0 && self.input_price + self.output_price > 0.0)
                .then(|| "budget_per_day = 0 must be above 0: with these prices no verdict could be paid".to_owned()),
            (!MAX_TOKENS.contains(&self.max_tokens))
                .then(|| format!("max_tokens = {} must lie in [{least}, {most}]", self.max_tokens)),
        ];
        problems.into_iter().flatten().collect()
    }
}
