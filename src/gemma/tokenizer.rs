//! Text to tokens and back, without ever letting text pose as a control token.

use std::path::Path;

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

/// A `tokenizer.json` of Gemma's shape.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    pub special: Special,
}

const SPECIAL_TEXTS: [&str; 5] = ["<bos>", "<eos>", "<pad>", "<start_of_turn>", "<end_of_turn>"];

impl Tokenizer {
    /// Reads `dir/tokenizer.json`.
    ///
    /// # Errors
    /// When the file is missing, broken, or lacks one of the five control tokens.
    pub fn load(dir: &Path) -> Result<Self, GemmaError> {
        let path = dir.join("tokenizer.json");
        let fail = |problem: String| GemmaError::Tokenizer { path: path.clone(), problem };
        let inner = tokenizers::Tokenizer::from_file(&path).map_err(|e| fail(e.to_string()))?;
        let id = |text: &str| inner.token_to_id(text).ok_or_else(|| fail(format!("has no token `{text}`")));
        let [bos, eos, pad, start, end] = SPECIAL_TEXTS;
        let special =
            Special { bos: id(bos)?, eos: id(eos)?, pad: id(pad)?, start_of_turn: id(start)?, end_of_turn: id(end)? };
        Ok(Self { inner, special })
    }

    /// The tokens of `text`, none added. A control token's spelling inside `text` stays text: it is
    /// cut after its first character before the tokenizer sees it.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, GemmaError> {
        let mut ids = Vec::new();
        for piece in defused(text) {
            let encoding = self.inner.encode_fast(piece, false).map_err(|e| GemmaError::Encode(e.to_string()))?;
            ids.extend_from_slice(encoding.get_ids());
        }
        Ok(ids)
    }

    /// The text of `ids`; control tokens are left out.
    ///
    /// # Errors
    /// When the tokenizer's decoder fails.
    pub fn decode(&self, ids: &[u32]) -> Result<String, GemmaError> {
        self.inner.decode(ids, true).map_err(|e| GemmaError::Decode(e.to_string()))
    }

    /// Number of tokens, the added ones included.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }
}

/// Cuts `text` so that no piece contains a control token's spelling.
fn defused(text: &str) -> Vec<&str> {
    let mut cuts: Vec<usize> =
        SPECIAL_TEXTS.iter().flat_map(|special| text.match_indices(special).map(|(at, _)| at + 1)).collect();
    cuts.sort_unstable();
    let mut pieces = Vec::with_capacity(cuts.len() + 1);
    let mut rest = text;
    let mut start = 0;
    for cut in cuts {
        // `<` is one byte, so every cut is a character boundary.
        if let Some((piece, tail)) = rest.split_at_checked(cut - start) {
            pieces.push(piece);
            rest = tail;
            start = cut;
        }
    }
    pieces.push(rest);
    pieces
}

/// Turns tokens into text one at a time, holding back what is not yet whole characters.
pub struct Detokenizer<'a> {
    tokenizer: &'a Tokenizer,
    ids: Vec<u32>,
    /// `ids[..settled]` is context whose text is out; `ids[settled..sent]` is out as well.
    settled: usize,
    sent: usize,
}

impl<'a> Detokenizer<'a> {
    #[must_use]
    pub fn new(tokenizer: &'a Tokenizer) -> Self {
        Self { tokenizer, ids: Vec::new(), settled: 0, sent: 0 }
    }

    /// The text that `id` completes; empty while a character is still in pieces.
    ///
    /// # Errors
    /// When the tokenizer's decoder fails.
    pub fn push(&mut self, id: u32) -> Result<String, GemmaError> {
        self.ids.push(id);
        let (before, after) = self.texts()?;
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
    pub fn finish(self) -> Result<String, GemmaError> {
        let (before, after) = self.texts()?;
        Ok(after.strip_prefix(before.as_str()).unwrap_or_default().to_owned())
    }

    /// The text of the window up to what was sent, and the text of the whole window. Decoding both
    /// with the same left context keeps decoders that look at their neighbours honest.
    fn texts(&self) -> Result<(String, String), GemmaError> {
        let before = self.ids.get(self.settled..self.sent).unwrap_or_default();
        let all = self.ids.get(self.settled..).unwrap_or_default();
        Ok((self.tokenizer.decode(before)?, self.tokenizer.decode(all)?))
    }
}

#[cfg(test)]
mod tests;
