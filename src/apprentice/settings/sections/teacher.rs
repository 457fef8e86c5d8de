//! `[teacher]`, and what happens without it.

use std::path::PathBuf;
use std::time::Duration;

use capture::Distillable;
use serde::{Deserialize, Serialize};
use teacher::{BreakerSettings, Resilience, Timeouts};
use wire::{ParameterRule, ParameterRules};

/// `[teacher]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Teacher {
    pub(crate) base_url: String,
    /// Environment variable with the key; when it is unset the clients' own keys are passed on.
    pub(crate) key_env: String,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) distillable: Distillable,
    /// Table of prices by model and day; the one that is shipped otherwise.
    pub(crate) price_file: Option<PathBuf>,
    /// Prices of a million tokens of whatever model, in place of a table; both or none.
    pub(crate) input_price: Option<f64>,
    pub(crate) output_price: Option<f64>,
    /// Time limits of a connection, of the answer's beginning, between two pieces of it, and of the whole.
    pub(crate) connect_s: u64,
    pub(crate) first_byte_s: u64,
    pub(crate) idle_s: u64,
    pub(crate) total_s: u64,
    /// How often a request is sent again of which the teacher has seen nothing.
    pub(crate) retries: u32,
    /// Requests in a row without an answer after which the teacher is not asked for a while; 0 is never.
    pub(crate) breaker_failures: u32,
    pub(crate) breaker_open_s: u64,
    /// What its models refuse.
    pub(crate) parameters: ParameterRules,
}

/// `[offline]`
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Offline {
    /// Whether the student of a handed-over site answers what the teacher cannot.
    pub(crate) fallback: bool,
}

impl Default for Teacher {
    fn default() -> Self {
        Self {
            base_url: "https://api.openai.com/v1".into(),
            key_env: "OPENAI_API_KEY".into(),
            ca_file: None,
            distillable: Distillable::Unknown,
            price_file: None,
            input_price: None,
            output_price: None,
            connect_s: 10,
            first_byte_s: 600,
            idle_s: 300,
            total_s: 3_600,
            retries: 2,
            breaker_failures: 5,
            breaker_open_s: 10,
            parameters: parameters(),
        }
    }
}

/// What the models of `https://api.openai.com` refuse. Of its models that reason, only those are named that refuse at every effort.
fn parameters() -> ParameterRules {
    const FOREIGN: [&str; 3] = ["min_p", "repetition_penalty", "top_k"];
    const REASONING: [&str; 8] = [
        "temperature",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "top_logprobs",
        "logit_bias",
        "max_tokens",
    ];
    let rule = |models: &[&str], refuses: &[&str]| {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        ParameterRule { models: names(models), refuses: names(refuses) }
    };
    let reasoning = [&REASONING[..], &FOREIGN].concat();
    ParameterRules(vec![
        rule(&["gpt-5-chat*"], &FOREIGN),
        rule(&["gpt-5", "gpt-5-*", "gpt-5.1*", "gpt-6*", "o1*", "o3*", "o4*"], &reasoning),
        rule(&["gpt-3.5*", "gpt-4*", "gpt-5*", "chatgpt-*"], &FOREIGN),
    ])
}

impl Teacher {
    pub(crate) fn resilience(&self) -> Resilience {
        Resilience {
            timeouts: Timeouts {
                connect: Duration::from_secs(self.connect_s),
                first_byte: Duration::from_secs(self.first_byte_s),
                idle: Duration::from_secs(self.idle_s),
                total: Duration::from_secs(self.total_s),
            },
            retries_max: self.retries,
            breaker: BreakerSettings {
                failures: self.breaker_failures,
                open: Duration::from_secs(self.breaker_open_s),
            },
        }
    }
}
