//! What the practice base is made from: a small language, a tokenizer, a model's shape and a pretraining job.
//!
//! The language shares the practice world's words and its kind of task (facts in the system text,
//! somebody asks, the answer repeats facts) but none of the scenes' answers' wording: that is what
//! lessons are for.

use std::path::{Path, PathBuf};

use dataset::{ChatExample, write_chat};
use gemma::{Config, GemmaError, LayerKind};
use jobs::{Method, ObjectiveArguments, Pretraining, Schedule, TrainJob, TrainingArguments};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::json;
use wire::{Role, Turn};

use crate::words::COMMON;

mod grammar;

pub use grammar::conversation;

/// Why the practice base's inputs could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// The message names what was tried and the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Data(#[from] dataset::DatasetError),
    #[error(transparent)]
    Tokenizer(#[from] GemmaError),
    #[error("cannot put the training job as text: {0}")]
    Job(String),
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
    pub steps: u32,
    pub batch_size: u32,
    pub threads: u32,
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
    fs_err::create_dir_all(&base)?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let rows = (effort.steps as usize * effort.batch_size as usize).min(MOST_ROWS);
    let conversations: Vec<[String; 3]> = (0..rows + HELD_OUT).map(|_| conversation(&mut rng)).collect();
    let examples: Vec<ChatExample> = conversations.iter().map(example).collect();
    let (train, held_out) = examples.split_at(rows);
    write_chat(&dir.join("train.jsonl"), train)?;
    write_chat(&dir.join("held_out.jsonl"), held_out)?;
    let text = |[system, player, reply]: &[String; 3]| format!("user\n{system}\n\n{player}\nmodel\n{reply}");
    let mut texts: Vec<String> = conversations.iter().take(TOKENIZER_TEXTS).map(text).collect();
    texts.extend(common_words());
    gemma::train_tokenizer(texts, VOCABULARY, &base.join("tokenizer.json"))?;
    files::replace(&base.join("config.json"), config().to_json().as_bytes())?;
    files::replace(&base.join("tokenizer_config.json"), tokenizer_config().as_bytes())?;
    let path = dir.join("base.toml");
    let job = job(out, seed, effort).to_toml().map_err(CorpusError::Job)?;
    files::replace(&path, format!("{HEADING}{job}").as_bytes())?;
    Ok(path)
}

fn example([system, player, reply]: &[String; 3]) -> ChatExample {
    let turn = |role, text: &String| Turn { role, text: text.clone() };
    let messages = vec![turn(Role::System, system), turn(Role::User, player), turn(Role::Assistant, reply)];
    ChatExample::new(messages)
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

/// The job file's first line.
const HEADING: &str = "# How models/practice was made: `apprentice practice-base`.\n";

fn job(out: &Path, seed: u64, effort: Effort) -> TrainJob {
    TrainJob {
        method: Method::Pretrain,
        base: "base".into(),
        train: "train.jsonl".into(),
        held_out: "held_out.jsonl".into(),
        out: out.to_path_buf(),
        checkpoint: "checkpoint".into(),
        reference: None,
        arguments: TrainingArguments {
            learning_rate: 4e-3,
            schedule: Schedule::Cosine,
            warmup_steps: 50,
            batch_size: effort.batch_size,
            // A model this small fits any memory whole.
            micro_batch_tokens: Some(0),
            max_tokens: 256,
            head_chunk: 512,
            threads: effort.threads,
            max_steps: effort.steps,
            max_seconds: effort.seconds,
            epochs: 0.0,
            evaluate_every_steps: 200,
            stop_loss: None,
            patience: 0,
            seed,
            ..TrainingArguments::default()
        },
        objective: ObjectiveArguments::default(),
        pretraining: Pretraining { copy_share_first: 0.1, copy_share_after: 0.1, ..Pretraining::default() },
    }
}

#[cfg(test)]
mod tests;
