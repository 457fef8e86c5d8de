//! `config.json` of an encoder of BERT's kind, as far as the graph depends on it.
//!
//! What the graph cannot express is refused here, by its key.

use std::path::Path;

use fs_err as fs;
use serde::Deserialize;

use crate::ExportError;

/// BERT's shapes (Devlin et al. 2019); the names are Hugging Face's.
#[derive(Debug, Deserialize)]
pub(crate) struct EncoderConfig {
    model_type: String,
    #[serde(default)]
    hidden_act: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
    #[serde(default)]
    is_decoder: bool,
    pub(crate) vocab_size: usize,
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) num_hidden_layers: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) max_position_embeddings: usize,
    pub(crate) type_vocab_size: usize,
    #[serde(default = "layer_norm_eps")]
    pub(crate) layer_norm_eps: f64,
}

fn absolute() -> String {
    "absolute".to_owned()
}

/// BERT's own; the files of the first models leave it out.
fn layer_norm_eps() -> f64 {
    1e-12
}

impl EncoderConfig {
    /// Reads `base/config.json`.
    pub(crate) fn load(base: &Path) -> Result<Self, ExportError> {
        let path = base.join("config.json");
        let text = fs::read(&path)?;
        let problem = |problem: String| ExportError::Encoder { path: path.clone(), problem };
        let config: Self = serde_json::from_slice(&text).map_err(|error| problem(error.to_string()))?;
        config.check().map_err(problem)?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let text = |key: &str, found: &str, wanted: &str| {
            if found == wanted { Ok(()) } else { Err(format!("`{key}` is {found:?} and only {wanted:?} is built")) }
        };
        text("model_type", &self.model_type, "bert")?;
        text("hidden_act", &self.hidden_act, "gelu")?;
        text("position_embedding_type", &self.position_embedding_type, "absolute")?;
        if self.is_decoder {
            return Err("`is_decoder` is true and only encoders are built".to_owned());
        }
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ];
        if let Some((key, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            return Err(format!("`{key}` is 0 and must be at least 1"));
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let (hidden, heads) = (self.hidden_size, self.num_attention_heads);
            return Err(format!("`hidden_size` is {hidden} and must be a multiple of `num_attention_heads` = {heads}"));
        }
        Ok(())
    }

    /// Width of an attention head.
    pub(crate) fn head_dim(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }
}
