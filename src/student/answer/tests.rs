//! An answer from logits that are made up.

use gemma::Tokenizer;
use int8::Kernel;
use wire::{Finish, Prompt, Sampling};

use super::{Next, Writing};
use crate::format::Format;
use crate::lane::Logits;
use crate::tests::fixture::golden;

#[test]
fn a_character_that_never_became_whole_is_shown_with_its_tokens_and_the_closing_token_is_not() {
    let tokenizer = Tokenizer::load(&golden()).unwrap();
    let (end, vocabulary) = (tokenizer.special.end_of_turn, tokenizer.vocab_size());
    let dragon = tokenizer.encode("\u{1f409}").unwrap();
    let format = Format { tokenizer, stop_ids: vec![end], context: 99, kernel: Kernel::portable() };
    let prompt = Prompt { logprobs: Some(0), ..Prompt::new(Vec::new(), 9, Sampling::Greedy) };
    let mut writing = Writing::new(&prompt, &[1], None).unwrap();
    let parts = &dragon[..2];
    for (at, token) in parts.iter().chain([&end]).enumerate() {
        let mut logits = vec![0.0; vocabulary];
        logits[*token as usize] = 9.0;
        let next = writing.take(&format, Logits { values: &logits, whole: true }, at + 1).unwrap();
        let wanted = if *token == end { Next::End(Finish::Stop) } else { Next::Tokens(vec![*token]) };
        assert_eq!(next, wanted);
    }
    let answer = writing.finish(&format, Finish::Stop).unwrap();
    let shown = answer.logprobs.unwrap();
    let bytes: Vec<Vec<u8>> = shown.iter().map(|token| token.chosen.bytes.clone()).collect();
    let wanted: Vec<Vec<u8>> = parts.iter().map(|id| format.tokenizer.bytes_of(*id)).collect();
    assert!(answer.text.ends_with('\u{fffd}'), "{:?}", answer.text);
    assert_eq!((bytes, shown.last().map(|token| token.end)), (wanted, Some(answer.text.len())));
}
