//! The shape of a Gemma 3 text model. How it is read from a file stands in `config_file`.

use serde_json::{Value, json};

use crate::error::GemmaError;

/// What a layer's attention may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerKind {
    /// Itself and the `sliding_window - 1` positions before it.
    Local,
    /// Every earlier position.
    Global,
}

/// A Gemma 3 text model's hyper-parameters. Sizes are counts of features, heads or tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub num_key_value_heads: usize,
    pub head_dim: usize,
    pub rms_norm_eps: f64,
    /// Attention scores are multiplied by this to the power of -1/2; it need not be `head_dim`.
    pub query_pre_attn_scalar: f64,
    pub sliding_window: usize,
    /// One entry a layer.
    pub layers: Vec<LayerKind>,
    pub rope_theta_global: f64,
    pub rope_theta_local: f64,
    pub max_position_embeddings: usize,
    /// Embeddings are multiplied by this: sqrt(hidden) rounded to the checkpoint's own number
    /// format, because the reference casts the factor before it multiplies (34.0, not 33.94, for
    /// the published 1B weights).
    pub embed_scale: f64,
    /// The checkpoint's number format as the file says it: `bfloat16`, `float16` or `float32`.
    pub dtype: String,
    pub eos_token_ids: Vec<u32>,
    pub bos_token_id: u32,
    pub pad_token_id: u32,
}

impl Config {
    /// Checks what only several fields together show.
    pub(crate) fn check(&self) -> Result<(), GemmaError> {
        if !self.num_attention_heads.is_multiple_of(self.num_key_value_heads) {
            let problem = format!(
                "{} does not divide num_attention_heads {}",
                self.num_key_value_heads, self.num_attention_heads
            );
            return Err(GemmaError::Config { key: "num_key_value_heads", problem });
        }
        if !self.head_dim.is_multiple_of(2) {
            return Err(GemmaError::Config {
                key: "head_dim",
                problem: format!("{} is odd; rotary halves need an even one", self.head_dim),
            });
        }
        Ok(())
    }

    /// The file's text in transformers 5.x spelling, which transformers loads.
    #[must_use]
    pub fn to_json(&self) -> String {
        let layer_types: Vec<&str> = self
            .layers
            .iter()
            .map(|kind| match kind {
                LayerKind::Local => "sliding_attention",
                LayerKind::Global => "full_attention",
            })
            .collect();
        let value = json!({
            "architectures": ["Gemma3ForCausalLM"],
            "model_type": "gemma3_text",
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "num_hidden_layers": self.num_hidden_layers,
            "num_attention_heads": self.num_attention_heads,
            "num_key_value_heads": self.num_key_value_heads,
            "head_dim": self.head_dim,
            "hidden_activation": "gelu_pytorch_tanh",
            "rms_norm_eps": self.rms_norm_eps,
            "query_pre_attn_scalar": whole(self.query_pre_attn_scalar),
            "sliding_window": self.sliding_window,
            "layer_types": layer_types,
            "rope_parameters": {
                "full_attention": {"rope_type": "default", "rope_theta": self.rope_theta_global},
                "sliding_attention": {"rope_type": "default", "rope_theta": self.rope_theta_local},
            },
            "max_position_embeddings": self.max_position_embeddings,
            "attention_bias": false,
            "attention_dropout": 0.0,
            "attn_logit_softcapping": null,
            "final_logit_softcapping": null,
            "tie_word_embeddings": true,
            "dtype": self.dtype,
            "bos_token_id": self.bos_token_id,
            "eos_token_id": self.eos_token_ids,
            "pad_token_id": self.pad_token_id,
        });
        format!("{value:#}\n")
    }
}

/// A whole number without a decimal point: transformers refuses `2.0` where it expects `2`.
fn whole(value: f64) -> Value {
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}

#[cfg(test)]
mod tests;
