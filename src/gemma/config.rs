//! The shape of a Gemma 3 text model, read from either spelling of its `config.json`.

use std::path::Path;

use serde_json::{Map, Value, json};

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
    /// Reads `dir/config.json`.
    ///
    /// # Errors
    /// When the file cannot be read, is no JSON, or describes a model that is not handled here.
    pub fn load(dir: &Path) -> Result<Self, GemmaError> {
        let path = dir.join("config.json");
        let text = fs_err::read_to_string(&path)?;
        let value = serde_json::from_str(&text).map_err(|source| GemmaError::Json { path, source })?;
        Self::from_value(&value)
    }

    /// Reads the text of a `config.json`, in the spelling of transformers 4.x or 5.x.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_json(text: &str) -> Result<Self, GemmaError> {
        let value =
            serde_json::from_str(text).map_err(|source| GemmaError::Json { path: "config.json".into(), source })?;
        Self::from_value(&value)
    }

    fn from_value(value: &Value) -> Result<Self, GemmaError> {
        let f = Fields(value);
        f.refuse_unsupported()?;
        let num_hidden_layers = f.size("num_hidden_layers")?;
        let hidden_size = f.size("hidden_size")?;
        let dtype = f.text("dtype").or_else(|| f.text("torch_dtype")).unwrap_or("float32").to_owned();
        let config = Self {
            vocab_size: f.size("vocab_size")?,
            hidden_size,
            intermediate_size: f.size("intermediate_size")?,
            num_hidden_layers,
            num_attention_heads: f.size("num_attention_heads")?,
            num_key_value_heads: f.size("num_key_value_heads")?,
            head_dim: f.size("head_dim")?,
            rms_norm_eps: f.number("rms_norm_eps")?,
            query_pre_attn_scalar: f.number("query_pre_attn_scalar")?,
            sliding_window: f.size("sliding_window")?,
            layers: f.layers(num_hidden_layers)?,
            rope_theta_global: f.rope_theta("rope_theta", "full_attention")?,
            rope_theta_local: f.rope_theta("rope_local_base_freq", "sliding_attention")?,
            max_position_embeddings: f.size("max_position_embeddings")?,
            embed_scale: embed_scale(hidden_size, &dtype)?,
            dtype,
            eos_token_ids: f.ids("eos_token_id").unwrap_or_else(|| vec![1]),
            bos_token_id: f.id("bos_token_id").unwrap_or(2),
            pad_token_id: f.id("pad_token_id").unwrap_or(0),
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), GemmaError> {
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

/// sqrt(hidden), rounded as the reference rounds it.
fn embed_scale(hidden_size: usize, dtype: &str) -> Result<f64, GemmaError> {
    let exact = f64::from(u32::try_from(hidden_size).unwrap_or(u32::MAX)).sqrt();
    match dtype {
        "bfloat16" => Ok(half::bf16::from_f64(exact).to_f64()),
        "float16" => Ok(half::f16::from_f64(exact).to_f64()),
        "float32" => Ok(exact),
        other => Err(GemmaError::Config {
            key: "dtype",
            problem: format!("is `{other}`; bfloat16, float16 and float32 are known"),
        }),
    }
}

/// Typed look-ups that name the field when it is missing or of the wrong kind.
struct Fields<'a>(&'a Value);

impl<'a> Fields<'a> {
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|v| !v.is_null())
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key).and_then(Value::as_str)
    }

    fn size(&self, key: &'static str) -> Result<usize, GemmaError> {
        let value = self.get(key).ok_or_else(|| missing(key))?;
        value.as_u64().and_then(|v| usize::try_from(v).ok()).filter(|v| *v > 0).ok_or_else(|| GemmaError::Config {
            key,
            problem: format!("must be a positive whole number, found {value}"),
        })
    }

    fn number(&self, key: &'static str) -> Result<f64, GemmaError> {
        let value = self.get(key).ok_or_else(|| missing(key))?;
        value
            .as_f64()
            .filter(|v| *v > 0.0)
            .ok_or_else(|| GemmaError::Config { key, problem: format!("must be a positive number, found {value}") })
    }

    fn id(&self, key: &str) -> Option<u32> {
        self.get(key).and_then(Value::as_u64).and_then(|v| u32::try_from(v).ok())
    }

    fn ids(&self, key: &str) -> Option<Vec<u32>> {
        match self.get(key)? {
            Value::Array(items) => items.iter().map(|v| v.as_u64().and_then(|v| u32::try_from(v).ok())).collect(),
            _ => self.id(key).map(|id| vec![id]),
        }
    }

    fn rope_theta(&self, flat: &'static str, nested: &'static str) -> Result<f64, GemmaError> {
        match self
            .get("rope_parameters")
            .and_then(|p| p.get(nested))
            .and_then(|p| p.get("rope_theta"))
            .and_then(Value::as_f64)
        {
            Some(theta) if theta > 0.0 => Ok(theta),
            _ => self.number(flat),
        }
    }

    fn layers(&self, count: usize) -> Result<Vec<LayerKind>, GemmaError> {
        let key = "layer_types";
        let Some(types) = self.get(key).and_then(Value::as_array) else {
            let pattern = match self.get("sliding_window_pattern") {
                Some(_) => self.size("sliding_window_pattern")?,
                None => {
                    return Err(GemmaError::Config {
                        key,
                        problem: "is missing, and so is `sliding_window_pattern`".into(),
                    });
                }
            };
            // Every `pattern`-th layer sees everything.
            return Ok((1..=count)
                .map(|i| if i.is_multiple_of(pattern) { LayerKind::Global } else { LayerKind::Local })
                .collect());
        };
        if types.len() != count {
            return Err(GemmaError::Config { key, problem: format!("has {} entries for {count} layers", types.len()) });
        }
        let kind = |v: &Value| match v.as_str() {
            Some("sliding_attention") => Ok(LayerKind::Local),
            Some("full_attention") => Ok(LayerKind::Global),
            _ => Err(GemmaError::Config {
                key,
                problem: format!("holds {v}; sliding_attention and full_attention are known"),
            }),
        };
        types.iter().map(kind).collect()
    }

    fn refuse_unsupported(&self) -> Result<(), GemmaError> {
        let refuse = |key, problem: String| Err(GemmaError::Config { key, problem });
        if self.0.as_object().is_none_or(Map::is_empty) {
            return refuse("model_type", "is missing: the file holds no object with fields".into());
        }
        match self.text("model_type") {
            None | Some("gemma3_text") => {}
            Some(other) => {
                return refuse(
                    "model_type",
                    format!("is `{other}`; only `gemma3_text` (Gemma 3 text models such as 1B) is handled"),
                );
            }
        }
        for key in ["attn_logit_softcapping", "final_logit_softcapping", "rope_scaling"] {
            if let Some(value) = self.get(key) {
                return refuse(key, format!("is {value}; only null is handled"));
            }
        }
        for kind in ["full_attention", "sliding_attention"] {
            let rope = self.get("rope_parameters").and_then(|p| p.get(kind));
            match rope.and_then(|r| r.get("rope_type")).and_then(Value::as_str) {
                None | Some("default") => {}
                Some(other) => {
                    return refuse("rope_parameters", format!("has rope_type `{other}`; only `default` is handled"));
                }
            }
        }
        for key in ["attention_bias", "use_bidirectional_attention"] {
            if self.get(key).and_then(Value::as_bool) == Some(true) {
                return refuse(key, "is true; only false is handled".into());
            }
        }
        if self.get("tie_word_embeddings").and_then(Value::as_bool) == Some(false) {
            return refuse("tie_word_embeddings", "is false; only a head that shares the embedding is handled".into());
        }
        match self.text("hidden_activation").or_else(|| self.text("hidden_act")) {
            None | Some("gelu_pytorch_tanh") => Ok(()),
            Some(other) => refuse("hidden_activation", format!("is `{other}`; only `gelu_pytorch_tanh` is handled")),
        }
    }
}

fn missing(key: &'static str) -> GemmaError {
    GemmaError::Config { key, problem: "is missing".into() }
}

#[cfg(test)]
mod tests;
