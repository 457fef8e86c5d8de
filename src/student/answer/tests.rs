//! An answer from logits that are made up.

use std::sync::Arc;

use gemma::Tokenizer;
use packed::Kernel;
use wire::{Answer, Finish, Form, Function, Prompt, Sampling, ToolChoice, Tools};

use super::{Next, Writing};
use crate::form::Forms;
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

/// An answer that may call `look`, whose logits want `said` and the end. Also whether its form held it to the last.
fn said(choice: ToolChoice, said: &str) -> (Answer, bool) {
    let tokenizer = Tokenizer::load(&golden()).unwrap();
    let (end, vocabulary, ids) =
        (tokenizer.special.end_of_turn, tokenizer.vocab_size(), tokenizer.encode(said).unwrap());
    let format = Arc::new(Format { tokenizer, stop_ids: vec![end], context: 999, kernel: Kernel::portable() });
    let parameters = r#"{"properties":{"at":{"enum":["sea","sky"]}},"required":["at"]}"#.to_owned();
    let look = Function { name: "look".to_owned(), description: String::new(), parameters, strict: false };
    let tools = Tools { functions: vec![look], choice, parallel: true, otherwise: Form::Text };
    let form = Form::Calls(Box::new(tools));
    let constraint = Forms::new(Arc::clone(&format)).begin(&form).unwrap();
    let prompt = Prompt { form, ..Prompt::new(Vec::new(), 900, Sampling::Greedy) };
    let mut writing = Writing::new(&prompt, &[1], constraint).unwrap();
    let (mut left, mut held) = (ids.as_slice(), true);
    loop {
        let mut logits = vec![0.0; vocabulary];
        logits[left.first().copied().unwrap_or(end) as usize] = 9.0;
        match writing.take(&format, Logits { values: &logits, whole: true }, 1).unwrap() {
            Next::Tokens(taken) => left = left.get(taken.len()..).unwrap_or_default(),
            Next::End(finish) => return (writing.finish(&format, finish).unwrap(), held),
            Next::Unlisted => panic!("all logits are there"),
        }
        held = writing.constraint.is_some();
    }
}

#[test]
fn a_text_is_held_by_its_form_no_longer_than_it_might_be_a_call() {
    let (answer, held) = said(ToolChoice::Auto, "The sea {is} blue.");
    assert_eq!((answer.text.as_str(), answer.finish, held), ("The sea {is} blue.", Finish::Stop, false));
    assert_eq!(answer.signals.tokens, answer.usage.completion_tokens, "all of a text says something");
    let (answer, held) = said(ToolChoice::Auto, "{sea}");
    assert_eq!((answer.text.as_str(), answer.finish, held), ("{sea}", Finish::Stop, true));
}

#[test]
fn of_a_call_the_name_the_arguments_and_that_it_is_one_say_something() {
    let call = r#"{"tool_calls":[{"name":"look","arguments":{"at":"sea"}}]}"#;
    let (free, held) = said(ToolChoice::Auto, call);
    assert_eq!((free.text.as_str(), free.finish, held), (call, Finish::ToolCalls, true));
    let (demanded, _) = said(ToolChoice::Required, call);
    assert_eq!((demanded.text.as_str(), demanded.finish), (call, Finish::ToolCalls));
    // There is one function: its name could be no other, and of what is chosen only `sea` and that it calls count.
    assert!(demanded.signals.tokens < free.signals.tokens, "{demanded:?} {free:?}");
    assert!(free.signals.tokens < free.usage.completion_tokens);
}
