//! Making a small tokenizer: byte-level BPE, every digit a token of its own.

use std::path::Path;

use tokenizers::decoders::byte_level::ByteLevel as ByteLevelDecoder;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::{AddedToken, TokenizerBuilder};

use crate::error::GemmaError;

/// The control tokens, in the order of their ids.
const CONTROL: [&str; 6] = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"];

/// Trains a tokenizer of `vocabulary` tokens, control tokens and the 256 bytes included, on `texts`
/// and writes it to `path` in the form that [`crate::Tokenizer::load`] reads.
///
/// # Errors
/// When the training fails or the file cannot be written.
pub fn train_tokenizer(texts: Vec<String>, vocabulary: usize, path: &Path) -> Result<(), GemmaError> {
    let fail = |e: tokenizers::Error| GemmaError::Tokenizer { path: path.to_path_buf(), problem: e.to_string() };
    let bytes = ByteLevel::new(false, false, true);
    let pieces =
        Sequence::new(vec![PreTokenizerWrapper::Digits(Digits::new(true)), PreTokenizerWrapper::ByteLevel(bytes)]);
    let mut tokenizer = TokenizerBuilder::default()
        .with_model(BPE::default())
        .with_normalizer(None::<tokenizers::NormalizerWrapper>)
        .with_pre_tokenizer(Some(pieces))
        .with_post_processor(None::<tokenizers::PostProcessorWrapper>)
        .with_decoder(Some(ByteLevelDecoder::new(false, false, true)))
        .build()
        .map_err(fail)?;
    let mut trainer = BpeTrainer::builder()
        .vocab_size(vocabulary)
        .show_progress(false)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .special_tokens(CONTROL.iter().map(|text| AddedToken::from(*text, true)).collect())
        .build();
    tokenizer.train(&mut trainer, texts.into_iter()).map_err(fail)?;
    let text = tokenizer.to_string(true).map_err(fail)?;
    Ok(files::replace(path, text.as_bytes())?)
}
