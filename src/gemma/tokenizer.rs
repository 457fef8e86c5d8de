//! Text to tokens and back, without ever letting text pose as a control token.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::GemmaError;

mod train;

pub use train::train_tokenizer;

/// The control tokens of the chat format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Special {
    pub bos: u32,
    pub eos: u32,
    pub pad: u32,
    pub start_of_turn: u32,
    pub end_of_turn: u32,
}

/// A token of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub id: u32,
    /// The bytes of the text that it stands for; a part of a character has none of its own.
    pub span: Option<Range<usize>>,
}

/// A `tokenizer.json` of Gemma's shape.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    path: PathBuf,
    /// Bytes of text that one token stands for at most.
    longest: usize,
    pub special: Special,
}

const SPECIAL_TEXTS: [&str; 5] = ["<bos>", "<eos>", "<pad>", "<start_of_turn>", "<end_of_turn>"];

impl Tokenizer {
    /// Reads `dir/tokenizer.json`.
    ///
    /// # Errors
    /// When the file is missing, broken, or lacks one of the five control tokens, or has it as ordinary text.
    pub fn load(dir: &Path) -> Result<Self, GemmaError> {
        let path = dir.join("tokenizer.json");
        let fail = |problem: String| GemmaError::Tokenizer { path: path.clone(), problem };
        let mut inner = tokenizers::Tokenizer::from_file(&path).map_err(|e| fail(e.to_string()))?;
        let id = |text: &str| match inner.token_to_id(text) {
            Some(id) if inner.get_added_vocabulary().is_special_token(text) => Ok(id),
            Some(_) => Err(fail(format!("does not mark `{text}` as special"))),
            None => Err(fail(format!("has no token `{text}`"))),
        };
        let [bos, eos, pad, start, end] = SPECIAL_TEXTS;
        let special =
            Special { bos: id(bos)?, eos: id(eos)?, pad: id(pad)?, start_of_turn: id(start)?, end_of_turn: id(end)? };
        // From here on a special token's spelling is text like any other.
        inner.set_encode_special_tokens(true);
        let longest = inner.get_vocab(true).keys().map(String::len).max().unwrap_or(1).max(1);
        Ok(Self { inner, path, longest, special })
    }

    /// Checks that no text becomes a token that a model of `vocab_size` tokens does not have. Special tokens may lie
    /// beyond it, as Gemma 3's `<image_soft_token>` does for the text models: text cannot reach them.
    ///
    /// # Errors
    /// When an ordinary token lies beyond the model's vocabulary.
    pub fn check_fits(&self, vocab_size: usize) -> Result<(), GemmaError> {
        let added = self.inner.get_added_vocabulary();
        let outside = |(text, id): &(String, u32)| *id as usize >= vocab_size && !added.is_special_token(text);
        match self.inner.get_vocab(true).into_iter().filter(outside).min_by_key(|(_, id)| *id) {
            None => Ok(()),
            Some((text, id)) => Err(GemmaError::Tokenizer {
                path: self.path.clone(),
                problem: format!(
                    "token `{text}` has id {id} and the model's vocabulary has {vocab_size}: \
                     the tokenizer is of another model"
                ),
            }),
        }
    }

    /// The fewest tokens that a text of `bytes` bytes can have.
    #[must_use]
    pub fn tokens_at_least(&self, bytes: usize) -> usize {
        bytes.div_ceil(self.longest)
    }

    /// The tokens of `text`, none added. A special token's spelling inside `text` stays text.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, GemmaError> {
        let encoding = self.inner.encode_fast(text, false).map_err(|e| GemmaError::Encode(e.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The tokens of `text` as [`Tokenizer::encode`] gives them, each with its bytes of the text.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn pieces(&self, text: &str) -> Result<Vec<Piece>, GemmaError> {
        let encoding = self.inner.encode(text, false).map_err(|e| GemmaError::Encode(e.to_string()))?;
        let offsets = encoding.get_offsets();
        let own = |at: usize| {
            let (start, end) = *offsets.get(at)?;
            let before = at.checked_sub(1).and_then(|before| offsets.get(before)).map_or(0, |(_, end)| *end);
            let after = offsets.get(at + 1).map_or(text.len(), |(start, _)| *start);
            // Pieces of one character all claim the whole of it.
            (start < end && before == start && after == end).then_some(start..end)
        };
        Ok(encoding.get_ids().iter().enumerate().map(|(at, id)| Piece { id: *id, span: own(at) }).collect())
    }

    /// The text of `ids`; control tokens are left out.
    ///
    /// # Errors
    /// When the tokenizer's decoder fails.
    pub fn decode(&self, ids: &[u32]) -> Result<String, GemmaError> {
        self.inner.decode(ids, true).map_err(|e| GemmaError::Decode(e.to_string()))
    }

    /// The bytes that each token stands for, by its id: none for control tokens and ids that are nobody's.
    #[must_use]
    pub fn token_bytes(&self) -> Vec<Vec<u8>> {
        let vocabulary = self.inner.get_vocab(true);
        let size = vocabulary.values().max().map_or(0, |largest| *largest as usize + 1);
        let mut bytes = vec![Vec::new(); size];
        let added = self.inner.get_added_vocabulary();
        for (text, id) in vocabulary {
            if let Some(bytes) = bytes.get_mut(id as usize).filter(|_| !added.is_special_token(&text)) {
                *bytes = spelt(&text);
            }
        }
        bytes
    }

    /// The bytes that a token stands for; of a control token its name.
    #[must_use]
    pub fn bytes_of(&self, id: u32) -> Vec<u8> {
        self.inner.id_to_token(id).map(|text| spelt(&text)).unwrap_or_default()
    }

    /// Number of tokens, the added ones included.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }
}

/// What a token of the vocabulary is spelt for: a byte as `<0xE2>`, a space as `▁`.
fn spelt(text: &str) -> Vec<u8> {
    let byte = text.strip_prefix("<0x").and_then(|text| text.strip_suffix('>'));
    match byte.filter(|hex| hex.len() == 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
        Some(byte) => vec![byte],
        None => text.replace('\u{2581}', " ").into_bytes(),
    }
}

/// Turns tokens into text one at a time, holding back what is not yet whole characters.
#[derive(Clone, Debug, Default)]
pub struct Detokenizer {
    ids: Vec<u32>,
    /// `ids[..settled]` is context whose text is out; `ids[settled..sent]` is out as well.
    settled: usize,
    sent: usize,
}

impl Detokenizer {
    /// The text that `id`, one of `tokenizer`'s, completes; empty while a character is still in pieces.
    ///
    /// # Errors
    /// When the tokenizer's decoder fails.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> Result<String, GemmaError> {
        self.ids.push(id);
        let (before, after) = self.texts(tokenizer)?;
        if after.ends_with('\u{FFFD}') {
            return Ok(String::new());
        }
        let new = after.strip_prefix(before.as_str()).unwrap_or_default().to_owned();
        if !new.is_empty() {
            self.settled = self.sent;
            self.sent = self.ids.len();
        }
        Ok(new)
    }

    /// What is left when no token follows; a character that never became whole is U+FFFD.
    ///
    /// # Errors
    /// When the tokenizer's decoder fails.
    pub fn finish(self, tokenizer: &Tokenizer) -> Result<String, GemmaError> {
        let (before, after) = self.texts(tokenizer)?;
        Ok(after.strip_prefix(before.as_str()).unwrap_or_default().to_owned())
    }

    /// The text of the window up to what was sent, and the text of the whole window. Decoding both
    /// with the same left context keeps decoders that look at their neighbours honest.
    fn texts(&self, tokenizer: &Tokenizer) -> Result<(String, String), GemmaError> {
        let before = self.ids.get(self.settled..self.sent).unwrap_or_default();
        let all = self.ids.get(self.settled..).unwrap_or_default();
        Ok((tokenizer.decode(before)?, tokenizer.decode(all)?))
    }
}

#[cfg(test)]
mod tests;
