//! What the practice base is made from: a small language, a tokenizer, a model's shape and a pretraining job.
//!
//! The language shares the practice world's words and its kind of task (facts in the system text,
//! somebody asks, the answer repeats facts) but none of the scenes' answers' wording: that is what
//! lessons are for.

use std::io::Write;
use std::path::{Path, PathBuf};

use gemma::{Config, GemmaError, LayerKind};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::json;

use crate::words::COMMON;

mod grammar;

pub use grammar::conversation;

/// Why the practice base's inputs could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Tokenizer(#[from] GemmaError),
}

/// Tokens of the practice tokenizer, control tokens and single bytes included.
const VOCABULARY: usize = 1536;
const HELD_OUT: usize = 256;
/// Conversations at most; a longer run sees them again.
const MOST_ROWS: usize = 24_000;
/// Texts that the tokenizer is made from.
const TOKENIZER_TEXTS: usize = 6000;

/// How much is trained; all of it goes into the job file.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    pub steps: usize,
    pub batch_size: usize,
    pub threads: usize,
    /// Limit of the wall time.
    pub seconds: f64,
}

/// Writes `dir/base/{config.json,tokenizer.json,tokenizer_config.json}`, `dir/train.jsonl`,
/// `dir/held_out.jsonl` and `dir/base.toml`, a job that pretrains into `out` (relative to `dir`);
/// gives back the job file's path. The same seed and effort give the same files.
///
/// # Errors
/// When something cannot be written or the tokenizer cannot be trained.
pub fn write(dir: &Path, out: &Path, seed: u64, effort: Effort) -> Result<PathBuf, CorpusError> {
    let base = dir.join("base");
    std::fs::create_dir_all(&base).map_err(failed(&base))?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let rows = (effort.steps * effort.batch_size).min(MOST_ROWS);
    let mut texts = Vec::new();
    let path = dir.join("train.jsonl");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).map_err(failed(&path))?);
    for row in 0..rows + HELD_OUT {
        if row == rows {
            file.flush().map_err(failed(&path))?;
            let path = dir.join("held_out.jsonl");
            file = std::io::BufWriter::new(std::fs::File::create(&path).map_err(failed(&path))?);
        }
        let [system, player, reply] = conversation(&mut rng);
        let messages = json!({"messages": [
            {"role": "system", "content": system}, {"role": "user", "content": player}, {"role": "assistant", "content": reply},
        ]});
        writeln!(file, "{messages}").map_err(failed(&path))?;
        if texts.len() < TOKENIZER_TEXTS {
            texts.push(format!("user\n{system}\n\n{player}\nmodel\n{reply}"));
        }
    }
    file.flush().map_err(failed(&path))?;
    texts.extend(common_words());
    gemma::train_tokenizer(texts, VOCABULARY, &base.join("tokenizer.json"))?;
    let path = base.join("config.json");
    std::fs::write(&path, config().to_json()).map_err(failed(&path))?;
    let path = base.join("tokenizer_config.json");
    std::fs::write(&path, tokenizer_config()).map_err(failed(&path))?;
    let path = dir.join("base.toml");
    std::fs::write(&path, job(out, seed, effort)).map_err(failed(&path))?;
    Ok(path)
}

/// Common words inside a sentence and at its start, as often as makes them worth a token each.
fn common_words() -> impl Iterator<Item = String> {
    COMMON.iter().flat_map(|word| {
        let mut start: Vec<char> = word.chars().collect();
        if let Some(first) = start.first_mut() {
            first.make_ascii_uppercase();
        }
        let start: String = start.into_iter().collect();
        [format!(" {word}").repeat(40), format!("{start} ").repeat(4)]
    })
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> CorpusError + use<> {
    let path = path.to_path_buf();
    move |source| CorpusError::Write { path, source }
}

/// The practice base's shape. `query_pre_attn_scalar` is small on purpose: with normalised queries
/// and keys whose gains stay one, scores are bounded by sqrt(head_dim), too flat to copy with.
fn config() -> Config {
    Config {
        vocab_size: VOCABULARY,
        hidden_size: 128,
        intermediate_size: 256,
        num_hidden_layers: 3,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 32,
        rms_norm_eps: 1e-6,
        query_pre_attn_scalar: 2.0,
        sliding_window: 64,
        layers: vec![LayerKind::Local, LayerKind::Global, LayerKind::Global],
        rope_theta_global: 1e6,
        rope_theta_local: 1e4,
        max_position_embeddings: 512,
        // sqrt(128) in bfloat16.
        embed_scale: 11.3125,
        dtype: "bfloat16".to_owned(),
        eos_token_ids: vec![1, 5],
        bos_token_id: 2,
        pad_token_id: 0,
    }
}

/// Gemma's chat format as a Jinja template, for programs that read the folder with transformers.
const CHAT_TEMPLATE: &str = "{{ bos_token }}{% set system = messages[0]['content'] + '\n\n' if messages[0]['role'] == 'system' else '' %}{% for m in (messages[1:] if system else messages) %}<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n{{ system if loop.first else '' }}{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}";

fn tokenizer_config() -> String {
    let value = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>",
        "add_bos_token": false,
        "clean_up_tokenization_spaces": false,
        "chat_template": CHAT_TEMPLATE,
    });
    format!("{value:#}\n")
}

fn job(out: &Path, seed: u64, effort: Effort) -> String {
    let Effort { steps, batch_size, threads, seconds } = effort;
    let out = out.display();
    format!(
        r#"# How models/practice was made: `apprentice practice-base`.
method = "pretrain"
base = "base"
train = "train.jsonl"
held_out = "held_out.jsonl"
out = "{out}"
checkpoint = "checkpoint"
seed = {seed}
threads = {threads}
max_tokens = 256
head_chunk = 512
checkpoint_every_s = 60

[optim]
learning_rate = 4e-3
batch_size = {batch_size}
max_steps = {steps}
max_seconds = {seconds:.1}
warmup_steps = 50
schedule = "cosine"

[evaluate]
every_steps = 200

[pretrain]
matrix_learning_rate = 0.02
copy_share_first = 0.1
copy_share_after = 0.1
"#
    )
}

#[cfg(test)]
mod tests;
