//! Sizes of the model's tensors, and of all of them together.

use crate::config::Config;
use crate::names::{Linear, Norm};

impl Linear {
    /// `(out, in)` features.
    #[must_use]
    pub fn shape(self, config: &Config) -> (usize, usize) {
        let queries = config.num_attention_heads * config.head_dim;
        let keys = config.num_key_value_heads * config.head_dim;
        match self {
            Self::Q => (queries, config.hidden_size),
            Self::K | Self::V => (keys, config.hidden_size),
            Self::O => (config.hidden_size, queries),
            Self::Gate | Self::Up => (config.intermediate_size, config.hidden_size),
            Self::Down => (config.hidden_size, config.intermediate_size),
        }
    }
}

impl Norm {
    /// Number of features it normalises.
    #[must_use]
    pub fn width(self, config: &Config) -> usize {
        match self {
            Self::Query | Self::Key => config.head_dim,
            _ => config.hidden_size,
        }
    }
}

impl Config {
    /// Number of the base model's parameters; the head shares the embedding's.
    #[must_use]
    pub fn parameters(&self) -> usize {
        let linears: usize = Linear::ALL.iter().map(|l| l.shape(self)).map(|(out, inn)| out * inn).sum();
        let norms = 4 * self.hidden_size + 2 * self.head_dim;
        self.vocab_size * self.hidden_size + self.num_hidden_layers * (linears + norms) + self.hidden_size
    }

    /// Number of trained parameters of an adapter of `rank` on all seven linears.
    #[must_use]
    pub fn lora_parameters(&self, rank: usize) -> usize {
        let per_rank: usize = Linear::ALL.iter().map(|l| l.shape(self)).map(|(out, inn)| out + inn).sum();
        self.num_hidden_layers * per_rank * rank
    }
}
