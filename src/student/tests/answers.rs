//! Answers: what a caller of the student sees.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use export::Format;
use wire::{Answer, ChatModel, Finish, ModelError, Prompt, Role, Sampling, Turn, Usage};

use super::fixture::{argmax, edited_base, golden, tiny, tiny_of};

fn prompt(text: &str, max_tokens: u32) -> Prompt {
    let turns = vec![Turn { role: Role::User, text: text.to_owned() }];
    Prompt { turns, max_tokens, sampling: Sampling::Greedy, stop: Vec::new() }
}

const QUESTION: &str = "How much is the lantern?";

fn ask(model: &Arc<dyn ChatModel>, prompt: &Prompt) -> (Answer, Vec<String>) {
    let mut pieces = Vec::new();
    let answer = model.answer(prompt, &mut |piece| {
        pieces.push(piece.to_owned());
        ControlFlow::Continue(())
    });
    (answer.unwrap(), pieces)
}

#[test]
fn a_greedy_answer_is_the_most_probable_token_each_time() {
    let tiny = tiny(Format::F32);
    let adapter = golden().join("adapter");
    let model = tiny.student.model("shop@1".to_owned(), Some(&adapter)).unwrap();
    assert_eq!(model.name(), "shop@1");
    let prompt = prompt(QUESTION, 12);
    let (answer, pieces) = ask(&model, &prompt);

    // The same, by way of whole prefills.
    let mut ids = gemma::prompt_ids(&tiny.student.tokenizer, &prompt.turns).unwrap();
    let prompt_tokens = ids.len();
    for _ in 0..12 {
        let logits = tiny.student.logits(Some(&adapter), &ids, ids.len()).unwrap();
        ids.push(argmax(logits.last().unwrap()));
    }
    assert_eq!(answer.text, tiny.student.tokenizer.decode(&ids[prompt_tokens..]).unwrap());
    assert_eq!(answer.finish, Finish::Length);
    assert_eq!(answer.usage, Usage { prompt_tokens: prompt_tokens as u32, completion_tokens: 12 });
    assert_eq!(answer.signals.tokens, 12);
    assert!(answer.signals.mean_logprob < 0.0 && answer.signals.mean_entropy > 0.0);
    assert_eq!(pieces.concat(), answer.text);
    assert!(pieces.len() > 1, "the answer should arrive in pieces");
    assert_eq!(ask(&model, &prompt).0, answer, "a second time");
}

#[test]
fn models_of_one_student_answer_with_their_own_adapter() {
    let tiny = tiny(Format::F32);
    let base = tiny.student.model("base".to_owned(), None).unwrap();
    let adapted = tiny.student.model("adapted".to_owned(), Some(&golden().join("adapter"))).unwrap();
    let prompt = prompt(QUESTION, 12);
    let (first, other) = (ask(&base, &prompt).0, ask(&adapted, &prompt).0);
    assert_ne!(first.text, other.text);
    assert_eq!((ask(&base, &prompt).0, ask(&adapted, &prompt).0), (first, other));
}

#[test]
fn an_answer_ends_before_a_stop_text_and_nothing_of_it_is_shown() {
    let tiny = tiny(Format::F32);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let whole = ask(&model, &prompt(QUESTION, 20)).0.text;
    let characters: Vec<char> = whole.chars().collect();
    for (from, to) in [(0, 2), (3, 6), (8, 9), (9, 14)] {
        let stop: String = characters[from..to].iter().collect();
        let (answer, pieces) =
            ask(&model, &Prompt { stop: vec!["never".to_owned(), stop.clone()], ..prompt(QUESTION, 20) });
        let wanted = whole.split(&stop).next().unwrap();
        assert_eq!((answer.text.as_str(), answer.finish), (wanted, Finish::Stop), "stop {stop:?} of {whole:?}");
        assert_eq!(pieces.concat(), wanted);
    }
}

#[test]
fn an_answer_ends_at_a_stop_token_which_is_counted_and_not_shown() {
    let plain = tiny(Format::F32);
    let model = plain.student.model("base".to_owned(), None).unwrap();
    let asked = prompt(QUESTION, 3);
    let mut ids = gemma::prompt_ids(&plain.student.tokenizer, &asked.turns).unwrap();
    let prompt_tokens = ids.len();
    for _ in 0..3 {
        ids.push(argmax(plain.student.logits(None, &ids, ids.len()).unwrap().last().unwrap()));
    }
    assert_ne!(ids[prompt_tokens], ids[prompt_tokens + 2], "the fixture must not repeat itself so early");
    assert_eq!(ask(&model, &asked).0.finish, Finish::Length);

    let base = edited_base(|config| config["eos_token_id"] = vec![ids[prompt_tokens + 2]].into());
    let stopping = tiny_of(base.path(), Format::F32, 1, 128);
    let model = stopping.student.model("base".to_owned(), None).unwrap();
    let (answer, pieces) = ask(&model, &prompt(QUESTION, 20));
    assert_eq!(answer.finish, Finish::Stop);
    assert_eq!((answer.usage.completion_tokens, answer.signals.tokens), (3, 3));
    let shown = plain.student.tokenizer.decode(&ids[prompt_tokens..prompt_tokens + 2]).unwrap();
    assert_eq!((answer.text.as_str(), pieces.concat().as_str()), (shown.as_str(), shown.as_str()));
}

#[test]
fn no_tokens_are_made_when_none_are_asked_for() {
    let tiny = tiny(Format::F32);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let (answer, pieces) = ask(&model, &prompt(QUESTION, 0));
    assert_eq!((answer.text.as_str(), answer.finish, answer.usage.completion_tokens), ("", Finish::Length, 0));
    assert!(pieces.is_empty());
}

#[test]
fn an_answer_that_fills_the_context_ends_there() {
    let base = golden();
    let tokens = {
        let tiny = tiny(Format::F32);
        gemma::prompt_ids(&tiny.student.tokenizer, &prompt(QUESTION, 1).turns).unwrap().len()
    };
    let exact = tiny_of(&base, Format::F32, 1, tokens + 4);
    let model = exact.student.model("base".to_owned(), None).unwrap();
    let (answer, _) = ask(&model, &prompt(QUESTION, 100));
    assert_eq!(answer.finish, Finish::Length);
    // The last token needs no place: nothing is read after it.
    assert_eq!(answer.usage.completion_tokens, 5);

    let short = tiny_of(&base, Format::F32, 1, tokens - 1);
    let model = short.student.model("base".to_owned(), None).unwrap();
    let refused = model.answer(&prompt(QUESTION, 100), &mut |_| ControlFlow::Continue(()));
    assert_eq!(refused, Err(ModelError::PromptTooLong { tokens, limit: tokens - 1 }));
}

#[test]
fn sampled_answers_repeat_with_their_seed_and_vary_with_it() {
    let tiny = tiny(Format::F32);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let text = |seed| {
        let sampling = Sampling::Random { temperature: 1.0, top_p: 0.9, seed };
        ask(&model, &Prompt { sampling, ..prompt(QUESTION, 16) }).0
    };
    let first = text(1);
    assert_eq!(text(1), first);
    assert!((2..6).any(|seed| text(seed).text != first.text));
}

#[test]
fn a_caller_can_stop_an_answer_and_ask_again() {
    let tiny = tiny(Format::F32);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let whole = ask(&model, &prompt(QUESTION, 20));
    let mut seen = 0;
    let stopped = model.answer(&prompt(QUESTION, 20), &mut |_| {
        seen += 1;
        if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((stopped, seen), (Err(ModelError::Cancelled), 2));
    assert_eq!(ask(&model, &prompt(QUESTION, 20)), whole);
}

#[test]
fn a_conversation_must_end_with_the_user() {
    let tiny = tiny(Format::F32);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let ended = Turn { role: Role::Assistant, text: "Ten coins.".to_owned() };
    for turns in [Vec::new(), vec![ended]] {
        let answer = model.answer(&Prompt { turns, ..prompt("", 5) }, &mut |_| ControlFlow::Continue(()));
        assert!(matches!(answer, Err(ModelError::Unsupported(_))), "{answer:?}");
    }
}

#[test]
fn workers_answer_at_the_same_time_as_they_answer_alone() {
    let tiny = tiny_of(&golden(), Format::F32, 2, 128);
    let models = [None, Some(golden().join("adapter"))]
        .map(|adapter| tiny.student.model("site".to_owned(), adapter.as_deref()).unwrap());
    let questions = ["How much is the lantern?", "Who are you?", "Where is the old mill?"];
    let cases: Vec<_> = models.iter().flat_map(|model| questions.map(|text| (model, prompt(text, 10)))).collect();
    let alone: Vec<Answer> = cases.iter().map(|(model, prompt)| ask(model, prompt).0).collect();
    let together: Vec<Answer> = thread::scope(|scope| {
        let handles: Vec<_> = cases.iter().map(|(model, prompt)| scope.spawn(|| ask(model, prompt).0)).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    assert_eq!(together, alone);
}
