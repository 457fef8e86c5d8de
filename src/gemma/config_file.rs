//! Reading a `config.json` in the spelling of transformers 4.x or 5.x, and refusing models that are not handled.

use std::num::NonZeroUsize;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::{Config, LayerKind};
use crate::error::GemmaError;

impl Config {
    /// Reads `dir/config.json`.
    ///
    /// # Errors
    /// When the file cannot be read, lacks a field or has one of the wrong kind, or describes a model that is not
    /// handled here.
    pub fn load(dir: &Path) -> Result<Self, GemmaError> {
        let path = dir.join("config.json");
        read(&fs_err::read_to_string(&path)?, &path)
    }

    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_json(text: &str) -> Result<Self, GemmaError> {
        read(text, Path::new("config.json"))
    }
}

fn read(text: &str, path: &Path) -> Result<Config, GemmaError> {
    // First, because a model of another kind lacks fields whose absence would be blamed instead.
    parse::<Unsupported>(text, path)?.refuse()?;
    let config = parse::<Shape>(text, path)?.config()?;
    config.check()?;
    Ok(config)
}

/// The error names the field.
fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, GemmaError> {
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text))
        .map_err(|error| GemmaError::ConfigFile { path: path.to_path_buf(), problem: error.to_string() })
}

fn refuse(key: &'static str, problem: String) -> GemmaError {
    GemmaError::Config { key, problem }
}

/// The fields that decide whether the model is handled at all.
#[derive(Deserialize)]
struct Unsupported {
    model_type: Option<String>,
    attn_logit_softcapping: Option<Value>,
    final_logit_softcapping: Option<Value>,
    rope_scaling: Option<Value>,
    rope_parameters: Option<RopeParameters>,
    attention_bias: Option<bool>,
    use_bidirectional_attention: Option<bool>,
    tie_word_embeddings: Option<bool>,
    // Two spellings of one field; some files have both.
    hidden_activation: Option<String>,
    hidden_act: Option<String>,
}

impl Unsupported {
    fn refuse(self) -> Result<(), GemmaError> {
        if let Some(other) = self.model_type.filter(|kind| kind != "gemma3_text") {
            let problem = format!("is `{other}`; only `gemma3_text` (Gemma 3 text models such as 1B) is handled");
            return Err(refuse("model_type", problem));
        }
        let nulls = [
            ("attn_logit_softcapping", self.attn_logit_softcapping),
            ("final_logit_softcapping", self.final_logit_softcapping),
            ("rope_scaling", self.rope_scaling),
        ];
        if let Some((key, Some(value))) = nulls.into_iter().find(|(_, value)| value.is_some()) {
            return Err(refuse(key, format!("is {value}; only null is handled")));
        }
        let ropes = self.rope_parameters.into_iter().flat_map(|rope| [rope.full_attention, rope.sliding_attention]);
        if let Some(other) = ropes.flatten().filter_map(|rope| rope.rope_type).find(|kind| kind != "default") {
            let problem = format!("has rope_type `{other}`; only `default` is handled");
            return Err(refuse("rope_parameters", problem));
        }
        let flags = [
            ("attention_bias", self.attention_bias),
            ("use_bidirectional_attention", self.use_bidirectional_attention),
        ];
        if let Some((key, _)) = flags.into_iter().find(|(_, flag)| *flag == Some(true)) {
            return Err(refuse(key, "is true; only false is handled".into()));
        }
        if self.tie_word_embeddings == Some(false) {
            let problem = "is false; only a head that shares the embedding is handled";
            return Err(refuse("tie_word_embeddings", problem.into()));
        }
        match self.hidden_activation.or(self.hidden_act).filter(|name| name != "gelu_pytorch_tanh") {
            Some(other) => {
                Err(refuse("hidden_activation", format!("is `{other}`; only `gelu_pytorch_tanh` is handled")))
            }
            None => Ok(()),
        }
    }
}

/// The fields that make the shape. Those that are optional stand in one of the two spellings only.
#[derive(Deserialize)]
struct Shape {
    vocab_size: NonZeroUsize,
    hidden_size: NonZeroUsize,
    intermediate_size: NonZeroUsize,
    num_hidden_layers: NonZeroUsize,
    num_attention_heads: NonZeroUsize,
    num_key_value_heads: NonZeroUsize,
    head_dim: NonZeroUsize,
    rms_norm_eps: f64,
    query_pre_attn_scalar: f64,
    sliding_window: NonZeroUsize,
    layer_types: Option<Vec<LayerType>>,
    sliding_window_pattern: Option<NonZeroUsize>,
    rope_parameters: Option<RopeParameters>,
    rope_theta: Option<f64>,
    rope_local_base_freq: Option<f64>,
    max_position_embeddings: NonZeroUsize,
    dtype: Option<String>,
    torch_dtype: Option<String>,
    eos_token_id: Option<Ids>,
    bos_token_id: Option<u32>,
    pad_token_id: Option<u32>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LayerType {
    SlidingAttention,
    FullAttention,
}

#[derive(Deserialize)]
struct RopeParameters {
    full_attention: Option<RopeKind>,
    sliding_attention: Option<RopeKind>,
}

#[derive(Deserialize)]
struct RopeKind {
    rope_type: Option<String>,
    rope_theta: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Ids {
    One(u32),
    Several(Vec<u32>),
}

impl Shape {
    fn config(self) -> Result<Config, GemmaError> {
        let dtype = self.dtype.or(self.torch_dtype).unwrap_or_else(|| "float32".to_owned());
        let layers = layers(self.layer_types, self.sliding_window_pattern, self.num_hidden_layers)?;
        let rope = self.rope_parameters;
        let (global, local) = rope.map_or((None, None), |rope| (rope.full_attention, rope.sliding_attention));
        let theta = |nested: Option<RopeKind>, flat| nested.and_then(|rope| rope.rope_theta).or(flat);
        Ok(Config {
            vocab_size: self.vocab_size.get(),
            hidden_size: self.hidden_size.get(),
            intermediate_size: self.intermediate_size.get(),
            num_hidden_layers: self.num_hidden_layers.get(),
            num_attention_heads: self.num_attention_heads.get(),
            num_key_value_heads: self.num_key_value_heads.get(),
            head_dim: self.head_dim.get(),
            rms_norm_eps: positive("rms_norm_eps", Some(self.rms_norm_eps))?,
            query_pre_attn_scalar: positive("query_pre_attn_scalar", Some(self.query_pre_attn_scalar))?,
            sliding_window: self.sliding_window.get(),
            layers,
            rope_theta_global: positive("rope_theta", theta(global, self.rope_theta))?,
            rope_theta_local: positive("rope_local_base_freq", theta(local, self.rope_local_base_freq))?,
            max_position_embeddings: self.max_position_embeddings.get(),
            embed_scale: embed_scale(self.hidden_size.get(), &dtype)?,
            dtype,
            eos_token_ids: match self.eos_token_id {
                None => vec![1],
                Some(Ids::One(id)) => vec![id],
                Some(Ids::Several(ids)) => ids,
            },
            bos_token_id: self.bos_token_id.unwrap_or(2),
            pad_token_id: self.pad_token_id.unwrap_or(0),
        })
    }
}

fn positive(key: &'static str, value: Option<f64>) -> Result<f64, GemmaError> {
    let value = value.ok_or_else(|| refuse(key, "is missing".into()))?;
    if value > 0.0 { Ok(value) } else { Err(refuse(key, format!("must be a positive number, found {value}"))) }
}

fn layers(
    types: Option<Vec<LayerType>>,
    pattern: Option<NonZeroUsize>,
    count: NonZeroUsize,
) -> Result<Vec<LayerKind>, GemmaError> {
    let count = count.get();
    match (types, pattern) {
        (Some(types), _) if types.len() != count => {
            Err(refuse("layer_types", format!("has {} entries for {count} layers", types.len())))
        }
        (Some(types), _) => Ok(types
            .into_iter()
            .map(|kind| match kind {
                LayerType::SlidingAttention => LayerKind::Local,
                LayerType::FullAttention => LayerKind::Global,
            })
            .collect()),
        // Every `pattern`-th layer sees everything.
        (None, Some(pattern)) => Ok((1..=count)
            .map(|i| if i.is_multiple_of(pattern.get()) { LayerKind::Global } else { LayerKind::Local })
            .collect()),
        (None, None) => Err(refuse("layer_types", "is missing, and so is `sliding_window_pattern`".into())),
    }
}

/// sqrt(hidden), rounded as the reference rounds it.
fn embed_scale(hidden_size: usize, dtype: &str) -> Result<f64, GemmaError> {
    let exact = f64::from(u32::try_from(hidden_size).unwrap_or(u32::MAX)).sqrt();
    match dtype {
        "bfloat16" => Ok(half::bf16::from_f64(exact).to_f64()),
        "float16" => Ok(half::f16::from_f64(exact).to_f64()),
        "float32" => Ok(exact),
        other => Err(refuse("dtype", format!("is `{other}`; bfloat16, float16 and float32 are known"))),
    }
}
