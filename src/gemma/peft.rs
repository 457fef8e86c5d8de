//! LoRA adapters in PEFT's folder format, as PEFT and vLLM load them.
//!
//! A linear with an adapter computes `x Wᵀ + (alpha / rank) (x Aᵀ) Bᵀ` (Hu et al. 2021).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fs_err as fs;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::Config;
use crate::error::GemmaError;
use crate::names::Linear;
use crate::weights::{SaveAs, Tensor32, Weights, write_file};

/// The two factors for one linear, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct LoraPair {
    /// `[rank, in]`
    pub a: Vec<f32>,
    /// `[out, rank]`
    pub b: Vec<f32>,
}

/// A trained adapter.
#[derive(Clone, Debug, PartialEq)]
pub struct Adapter {
    pub rank: usize,
    pub alpha: f64,
    /// What it was trained on, as `base_model_name_or_path` says.
    pub base: Option<String>,
    /// By layer and linear.
    pub pairs: BTreeMap<(usize, Linear), LoraPair>,
}

#[derive(Deserialize)]
struct Settings {
    peft_type: String,
    r: usize,
    lora_alpha: f64,
    base_model_name_or_path: Option<String>,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    use_dora: bool,
    bias: Option<String>,
    #[serde(default)]
    modules_to_save: Value,
    #[serde(default)]
    rank_pattern: Value,
    #[serde(default)]
    alpha_pattern: Value,
}

impl Settings {
    fn problem(&self) -> Option<String> {
        let filled = |value: &Value| match value {
            Value::Null => false,
            Value::Array(items) => !items.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            _ => true,
        };
        if !self.peft_type.eq_ignore_ascii_case("lora") {
            return Some(format!("peft_type is {}; only LORA is handled", self.peft_type));
        }
        if self.r == 0 {
            return Some("r is 0".into());
        }
        if self.use_rslora || self.use_dora {
            return Some("use_rslora and use_dora are not handled".into());
        }
        if self.bias.as_deref().is_some_and(|b| b != "none") {
            return Some("bias must be none".into());
        }
        [
            ("modules_to_save", &self.modules_to_save),
            ("rank_pattern", &self.rank_pattern),
            ("alpha_pattern", &self.alpha_pattern),
        ]
        .into_iter()
        .find(|(_, value)| filled(value))
        .map(|(key, value)| format!("{key} is {value}; only an empty one is handled"))
    }
}

impl Adapter {
    /// The factor of the low-rank term.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.alpha / f64::from(u32::try_from(self.rank).unwrap_or(u32::MAX))
    }

    /// Reads `adapter_config.json` and `adapter_model.safetensors`, and checks them against `config`.
    ///
    /// # Errors
    /// When a file is missing or broken, the adapter is of a kind that is not handled, or it does
    /// not fit the model: a wrong shape, a tensor for another module, half a pair, a value that is not finite.
    pub fn load(dir: &Path, config: &Config) -> Result<Self, GemmaError> {
        let path = dir.join("adapter_config.json");
        let text = fs::read_to_string(&path)?;
        let settings: Settings =
            serde_json::from_str(&text).map_err(|source| GemmaError::Json { path: path.clone(), source })?;
        if let Some(problem) = settings.problem() {
            return Err(GemmaError::adapter(&path, problem));
        }
        let path = dir.join("adapter_model.safetensors");
        let weights = Weights::load_file(&path)?;
        let mut left: BTreeSet<&str> = weights.names().collect();
        let mut pairs = BTreeMap::new();
        for layer in 0..config.num_hidden_layers {
            for linear in Linear::ALL {
                let (name_a, name_b) = (linear.lora_name(layer, "A"), linear.lora_name(layer, "B"));
                match (left.remove(name_a.as_str()), left.remove(name_b.as_str())) {
                    (true, true) => {}
                    (false, false) => continue,
                    _ => {
                        return Err(GemmaError::adapter(&path, format!("has only one of `{name_a}` and `{name_b}`")));
                    }
                }
                let (out, inn) = linear.shape(config);
                let a = weights.get(&name_a)?.expect(&name_a, &[settings.r, inn])?;
                let b = weights.get(&name_b)?.expect(&name_b, &[out, settings.r])?;
                if a.iter().chain(&b).any(|value| !value.is_finite()) {
                    let problem = format!("`{name_a}` or `{name_b}` holds a value that is not finite");
                    return Err(GemmaError::adapter(&path, problem));
                }
                pairs.insert((layer, linear), LoraPair { a, b });
            }
        }
        if let Some(name) = left.first() {
            return Err(GemmaError::adapter(&path, format!("holds `{name}`, which this model has no place for")));
        }
        Ok(Self { rank: settings.r, alpha: settings.lora_alpha, base: settings.base_model_name_or_path, pairs })
    }

    /// Writes the folder. Each file is replaced atomically, the weights before the configuration,
    /// so a folder with an `adapter_config.json` is complete.
    ///
    /// # Errors
    /// When the folder cannot be written or a factor's length is no multiple of the rank.
    pub fn save(&self, dir: &Path) -> Result<(), GemmaError> {
        fs::create_dir_all(dir)?;
        let path = dir.join("adapter_model.safetensors");
        if self.rank == 0 {
            return Err(GemmaError::adapter(&path, "its rank is 0"));
        }
        let mut tensors = Vec::new();
        for ((layer, linear), pair) in &self.pairs {
            let (inn, out) = (pair.a.len() / self.rank, pair.b.len() / self.rank);
            tensors
                .push((linear.lora_name(*layer, "A"), Tensor32 { shape: vec![self.rank, inn], data: pair.a.clone() }));
            tensors
                .push((linear.lora_name(*layer, "B"), Tensor32 { shape: vec![out, self.rank], data: pair.b.clone() }));
        }
        write_file(&path, tensors, SaveAs::F32)?;
        Ok(files::replace(&dir.join("adapter_config.json"), self.settings_json().as_bytes())?)
    }

    fn settings_json(&self) -> String {
        let modules: BTreeSet<&str> = self.pairs.keys().map(|(_, linear)| linear.module()).collect();
        let layers: BTreeSet<usize> = self.pairs.keys().map(|(layer, _)| *layer).collect();
        // A whole number is written as one: vLLM and older PEFT read it into an integer.
        let alpha = if self.alpha.fract() == 0.0 { json!(self.alpha as i64) } else { json!(self.alpha) };
        let mut value = json!({
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": self.base,
            "r": self.rank,
            "lora_alpha": alpha,
            "lora_dropout": 0.0,
            "bias": "none",
            "fan_in_fan_out": false,
            "inference_mode": true,
            "init_lora_weights": true,
            "use_rslora": false,
            "use_dora": false,
            "modules_to_save": null,
            "target_modules": modules,
        });
        // Without this PEFT would miss the factors of the layers that have none.
        if layers.first().is_some_and(|lowest| *lowest > 0) {
            value["layers_to_transform"] = json!(layers);
            value["layers_pattern"] = json!("layers");
        }
        format!("{value:#}\n")
    }
}

#[cfg(test)]
mod tests;
