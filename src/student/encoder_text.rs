//! What lies beside an encoder's graph: its words, how long a text may be, how its tokens become one vector.
//!
//! Files are Hugging Face's and sentence-transformers'; what they ask for and is not built is refused by name.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{Tokenizer, TruncationParams};

use crate::StudentError;

/// Tokens of a text where no file says how many the encoder takes: BERT's own.
const POSITIONS_DEFAULT: usize = 512;
/// A word and the two tokens at its ends.
const POSITIONS_MIN: usize = 3;

/// How the tokens' vectors become the text's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// The mean over the tokens that the mask leaves in.
    Mean,
    /// The first token's.
    First,
}

/// The text's side of an encoder folder.
#[derive(Debug)]
pub(crate) struct TextSide {
    tokenizer: Tokenizer,
    pub(crate) pooling: Pooling,
    /// Tokens of a text, the two at its ends included.
    pub(crate) limit: usize,
}

#[derive(Default, Deserialize)]
struct Config {
    vocab_size: Option<usize>,
    max_position_embeddings: Option<usize>,
}

#[derive(Default, Deserialize)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
}

#[derive(Default, Deserialize)]
struct TokenizerConfig {
    do_lower_case: Option<bool>,
}

#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
}

impl TextSide {
    pub(crate) fn load(folder: &Path) -> Result<Self, StudentError> {
        let config = read::<Config>(&folder.join("config.json"))?.unwrap_or_default();
        let sentence = read::<SentenceConfig>(&folder.join("sentence_bert_config.json"))?.unwrap_or_default();
        let limits = [config.max_position_embeddings, sentence.max_seq_length];
        let limit = limits.into_iter().flatten().min().unwrap_or(POSITIONS_DEFAULT);
        if limit < POSITIONS_MIN {
            return Err(bad(folder, &format!("it takes {limit} positions, and {POSITIONS_MIN} is the least")));
        }
        check_modules(&folder.join("modules.json"))?;
        let pooling = pooling(&folder.join("1_Pooling/config.json"))?;
        let mut tokenizer = tokenizer(folder)?;
        let words = tokenizer.get_vocab_size(true);
        if let Some(known) = config.vocab_size.filter(|known| *known < words) {
            return Err(bad(folder, &format!("its tokenizer has {words} tokens and the encoder knows {known}")));
        }
        let refused = |error: tokenizers::Error| bad(folder, &error.to_string());
        let cut = TruncationParams { max_length: limit, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(cut)).map_err(refused)?;
        tokenizer.with_padding(None);
        // A text that spells a control token is a text.
        tokenizer.set_encode_special_tokens(true);
        Ok(Self { tokenizer, pooling, limit })
    }

    /// The tokens of `text` with the encoder's own at both ends, cut to [`limit`](Self::limit).
    pub(crate) fn ids(&self, text: &str) -> Result<Vec<i64>, StudentError> {
        let encoding = self.tokenizer.encode_fast(text, true);
        let encoding = encoding.map_err(|error| StudentError::Runtime(format!("a text has no tokens: {error}")))?;
        Ok(encoding.get_ids().iter().map(|id| i64::from(*id)).collect())
    }
}

fn tokenizer(folder: &Path) -> Result<Tokenizer, StudentError> {
    let path = folder.join("tokenizer.json");
    if path.try_exists()? {
        return Tokenizer::from_file(&path).map_err(|error| bad(&path, &error.to_string()));
    }
    let path = folder.join("vocab.txt");
    let refused = |error: tokenizers::Error| bad(&path, &error.to_string());
    let name = path.to_str().ok_or_else(|| bad(&path, "the path is not UTF-8"))?;
    let words = WordPiece::from_file(name).unk_token("[UNK]".to_owned()).build().map_err(refused)?;
    let lower = read::<TokenizerConfig>(&folder.join("tokenizer_config.json"))?.unwrap_or_default().do_lower_case;
    let mut tokenizer = Tokenizer::new(words);
    let end = |text: &str| {
        let id = tokenizer.token_to_id(text).ok_or_else(|| bad(&path, &format!("it has no line `{text}`")))?;
        Ok::<_, StudentError>((text.to_owned(), id))
    };
    let ends = BertProcessing::new(end("[SEP]")?, end("[CLS]")?);
    tokenizer
        .with_normalizer(Some(BertNormalizer::new(true, true, None, lower.unwrap_or(true))))
        .map_err(refused)?
        .with_pre_tokenizer(Some(BertPreTokenizer))
        .with_post_processor(Some(ends));
    Ok(tokenizer)
}

/// Refuses a folder whose vector takes more than pooling and normalising to make.
fn check_modules(path: &Path) -> Result<(), StudentError> {
    let modules = read::<Vec<Module>>(path)?.unwrap_or_default();
    let known = |module: &Module| ["Transformer", "Pooling", "Normalize"].iter().any(|end| module.kind.ends_with(end));
    match modules.into_iter().find(|module| !known(module)) {
        Some(other) => Err(bad(path, &format!("the module {} is not built", other.kind))),
        None => Ok(()),
    }
}

/// Which of sentence-transformers' poolings is on; the mean without a file.
fn pooling(path: &Path) -> Result<Pooling, StudentError> {
    let Some(modes) = read::<serde_json::Map<String, serde_json::Value>>(path)? else { return Ok(Pooling::Mean) };
    let on = modes.iter().filter(|(key, value)| key.starts_with("pooling_mode_") && value.as_bool() == Some(true));
    match on.map(|(key, _)| key.as_str()).collect::<Vec<_>>().as_slice() {
        ["pooling_mode_mean_tokens"] => Ok(Pooling::Mean),
        ["pooling_mode_cls_token"] => Ok(Pooling::First),
        others => Err(bad(path, &format!("the pooling {others:?} is not built; one of mean_tokens and cls_token is"))),
    }
}

/// A file that may be missing.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StudentError> {
    match fs_err::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| bad(path, &error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn bad(path: &Path, reason: &str) -> StudentError {
    StudentError::Encoder { path: PathBuf::from(path), reason: reason.to_owned() }
}
