//! Answers: what a caller of the student sees.

use std::sync::Arc;

use gemma::GraphFormat;
use wire::{Answer, ChatModel, Decoding, Finish, Ineligible, ModelError, Prompt, Role, Sampling, Turn, Usage};

use super::fixture::{argmax, edited_base, golden, settings, tiny, tiny_of, wait};
use crate::{Student, StudentConfig};

fn prompt(text: &str, max_tokens: u32) -> Prompt {
    let turns = vec![Turn { role: Role::User, text: text.to_owned() }];
    Prompt::new(turns, max_tokens, Sampling::Greedy)
}

const QUESTION: &str = "How much is the lantern?";

fn ask(model: &Arc<dyn ChatModel>, prompt: &Prompt) -> Answer {
    wait(model.answer(prompt.clone())).unwrap()
}

#[test]
fn a_greedy_answer_is_the_most_probable_token_each_time() {
    let tiny = tiny(GraphFormat::F32);
    let adapter = golden().join("adapter");
    let model = tiny.student.model("shop@1".to_owned(), Some(&adapter)).unwrap();
    assert_eq!(model.name(), "shop@1");
    let prompt = prompt(QUESTION, 12);
    let answer = ask(&model, &prompt);

    // The same, by way of whole prefills.
    let mut ids = gemma::prompt_ids(&tiny.student.engine.format.tokenizer, &prompt.turns).unwrap();
    let prompt_tokens = ids.len();
    for _ in 0..12 {
        let logits = tiny.student.logits(Some(&adapter), &ids, ids.len()).unwrap();
        ids.push(argmax(logits.last().unwrap()));
    }
    assert_eq!(answer.text, tiny.student.engine.format.tokenizer.decode(&ids[prompt_tokens..]).unwrap());
    assert_eq!(answer.finish, Finish::Length);
    assert_eq!(answer.usage, Usage { prompt_tokens: prompt_tokens as u32, completion_tokens: 12 });
    assert_eq!(answer.signals.tokens, 12);
    assert!(answer.signals.mean_logprob < 0.0 && answer.signals.mean_entropy > 0.0);
    assert_eq!(ask(&model, &prompt), answer, "a second time");
}

#[test]
fn models_of_one_student_answer_with_their_own_adapter() {
    let tiny = tiny(GraphFormat::F32);
    let base = tiny.student.model("base".to_owned(), None).unwrap();
    let adapted = tiny.student.model("adapted".to_owned(), Some(&golden().join("adapter"))).unwrap();
    let prompt = prompt(QUESTION, 12);
    let (first, other) = (ask(&base, &prompt), ask(&adapted, &prompt));
    assert_ne!(first.text, other.text);
    assert_eq!((ask(&base, &prompt), ask(&adapted, &prompt)), (first, other));
}

#[test]
fn an_answer_ends_before_a_stop_text_and_nothing_of_it_is_shown() {
    let tiny = tiny(GraphFormat::F32);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let whole = ask(&model, &prompt(QUESTION, 20)).text;
    let characters: Vec<char> = whole.chars().collect();
    for (from, to) in [(0, 2), (3, 6), (8, 9), (9, 14)] {
        let stop: String = characters[from..to].iter().collect();
        let answer = ask(&model, &Prompt { stop: vec!["never".to_owned(), stop.clone()], ..prompt(QUESTION, 20) });
        let wanted = whole.split(&stop).next().unwrap();
        assert_eq!((answer.text.as_str(), answer.finish), (wanted, Finish::Stop), "stop {stop:?} of {whole:?}");
    }
}

#[test]
fn an_answer_ends_at_a_stop_token_which_is_counted_and_not_shown() {
    let plain = tiny(GraphFormat::F32);
    let model = plain.student.model("base".to_owned(), None).unwrap();
    let asked = prompt(QUESTION, 3);
    let mut ids = gemma::prompt_ids(&plain.student.engine.format.tokenizer, &asked.turns).unwrap();
    let prompt_tokens = ids.len();
    for _ in 0..3 {
        ids.push(argmax(plain.student.logits(None, &ids, ids.len()).unwrap().last().unwrap()));
    }
    assert_ne!(ids[prompt_tokens], ids[prompt_tokens + 2], "the fixture must not repeat itself so early");
    assert_eq!(ask(&model, &asked).finish, Finish::Length);

    let base = edited_base(|config| config["eos_token_id"] = vec![ids[prompt_tokens + 2]].into());
    let stopping = tiny_of(base.path(), GraphFormat::F32, 1, 128);
    let model = stopping.student.model("base".to_owned(), None).unwrap();
    let answer = ask(&model, &prompt(QUESTION, 20));
    assert_eq!(answer.finish, Finish::Stop);
    assert_eq!((answer.usage.completion_tokens, answer.signals.tokens), (3, 3));
    let shown = plain.student.engine.format.tokenizer.decode(&ids[prompt_tokens..prompt_tokens + 2]).unwrap();
    assert_eq!(answer.text, shown);
}

#[test]
fn no_tokens_are_made_when_none_are_asked_for() {
    let tiny = tiny(GraphFormat::F32);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let answer = ask(&model, &prompt(QUESTION, 0));
    assert_eq!((answer.text.as_str(), answer.finish, answer.usage.completion_tokens), ("", Finish::Length, 0));
}

#[test]
fn an_answer_that_fills_the_context_ends_there() {
    let base = golden();
    let tokens = {
        let tiny = tiny(GraphFormat::F32);
        gemma::prompt_ids(&tiny.student.engine.format.tokenizer, &prompt(QUESTION, 1).turns).unwrap().len()
    };
    let exact = tiny_of(&base, GraphFormat::F32, 1, tokens + 4);
    let model = exact.student.model("base".to_owned(), None).unwrap();
    let answer = ask(&model, &prompt(QUESTION, 100));
    assert_eq!(answer.finish, Finish::Length);
    // The last token needs no place: nothing is read after it.
    assert_eq!(answer.usage.completion_tokens, 5);

    let short = tiny_of(&base, GraphFormat::F32, 1, tokens - 1);
    let model = short.student.model("base".to_owned(), None).unwrap();
    let asked = prompt(QUESTION, 100);
    let too_long = Ineligible::TooLong { tokens, limit: tokens - 1 };
    assert_eq!(model.accepts(&asked), Err(too_long.clone()));
    assert_eq!(wait(model.answer(asked)), Err(ModelError::Ineligible(too_long)), "and never a failure");
    // Shorter in bytes than the context; the chat format is what does not fit.
    let tight = tiny_of(&base, GraphFormat::F32, 1, 5).student.model("base".to_owned(), None).unwrap();
    assert!(matches!(tight.accepts(&prompt("ab", 1)), Err(Ineligible::TooLong { limit: 5, .. })));
    assert_eq!(exact.student.model("base".to_owned(), None).unwrap().accepts(&prompt(QUESTION, 100)), Ok(()));
}

#[test]
fn the_length_of_a_prompt_of_several_runs_is_known_before_the_first() {
    let tiny = tiny(GraphFormat::F32);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let asked = prompt(&"a b ".repeat(150), 1);
    let tokens = gemma::prompt_ids(&tiny.student.engine.format.tokenizer, &asked.turns).unwrap().len();
    assert!(tokens > 256, "longer than a run: {tokens}");
    let refused = Ineligible::TooLong { tokens, limit: 128 };
    assert_eq!(wait(model.answer(asked)), Err(ModelError::Ineligible(refused)));
}

#[test]
fn a_text_longer_than_any_that_fits_is_refused_without_being_tokenised() {
    let tiny = tiny(GraphFormat::F32);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let bytes = 3_000_000;
    let asked = prompt(&"a ".repeat(bytes / 2), 1);
    let least = tiny.student.engine.format.tokenizer.tokens_at_least(bytes - 1);
    let refused = Ineligible::TooLong { tokens: least, limit: 128 };
    assert_eq!(model.accepts(&asked), Err(refused.clone()), "the bound and not the number of tokens");
    assert_eq!(wait(model.answer(asked)), Err(ModelError::Ineligible(refused)));
}

#[test]
fn sampled_answers_repeat_with_their_seed_and_vary_with_it_and_without_one() {
    let tiny = tiny(GraphFormat::F32);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let text = |seed| {
        let sampling = Sampling::Random { temperature: 1.0, top_p: 0.9, seed };
        ask(&model, &Prompt { sampling, ..prompt(QUESTION, 16) })
    };
    let first = text(Some(1));
    assert_eq!(text(Some(1)), first);
    assert!((2..6).any(|seed| text(Some(seed)).text != first.text));
    let drawn = text(None);
    assert!((0..4).any(|_| text(None).text != drawn.text));
}

#[test]
fn penalties_and_cuts_change_what_is_said_and_not_how_sure_it_was_said() {
    let tiny = tiny(GraphFormat::F32);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let asked = |sampling, decoding| ask(&model, &Prompt { sampling, decoding, ..prompt(QUESTION, 16) });
    let plain = asked(Sampling::Greedy, Decoding::default());
    let heated = Sampling::Random { temperature: 2.0, top_p: 1.0, seed: Some(3) };
    for only in [Decoding { top_k: 1, ..Decoding::default() }, Decoding { min_p: 1.0, ..Decoding::default() }] {
        assert_eq!(asked(heated, only), plain, "one token is left: the most probable");
    }
    assert_ne!(asked(heated, Decoding::default()).text, plain.text);
    for penalty in [
        Decoding { frequency_penalty: 2.0, presence_penalty: 2.0, ..Decoding::default() },
        Decoding { repetition_penalty: 2.0, ..Decoding::default() },
    ] {
        let penalised = asked(Sampling::Greedy, penalty);
        assert_eq!(asked(Sampling::Greedy, penalty), penalised, "a second time");
        assert_ne!(penalised.text, plain.text);
        assert!(penalised.signals.mean_logprob < plain.signals.mean_logprob, "by the model's own distribution");
    }
}

#[test]
fn the_tokens_of_an_answer_are_told_with_their_logprobs_to_those_who_ask() {
    let tiny = tiny(GraphFormat::F32);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let told = Prompt { logprobs: Some(3), ..prompt(QUESTION, 12) };
    let (plain, answer) = (ask(&model, &prompt(QUESTION, 12)), ask(&model, &told));
    assert_eq!((&plain.text, plain.signals, &plain.logprobs), (&answer.text, answer.signals, &None));
    let tokens = answer.logprobs.clone().unwrap();
    let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.chosen.bytes.clone()).collect();
    assert_eq!((String::from_utf8_lossy(&bytes).as_ref(), tokens.len()), (answer.text.as_str(), 12));

    // The same, by way of a whole prefill.
    let mut ids = gemma::prompt_ids(&tiny.student.engine.format.tokenizer, &told.turns).unwrap();
    for token in &tokens {
        let logits = tiny.student.logits(None, &ids, ids.len()).unwrap().pop().unwrap();
        let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
        let mut sorted: Vec<f64> = logits.iter().map(|logit| f64::from(*logit) - sum.ln()).collect();
        sorted.sort_by(|left, right| right.total_cmp(left));
        for (found, wanted) in token.top.iter().zip(&sorted) {
            assert!((f64::from(found.logprob) - wanted).abs() < 1e-4, "{found:?} {wanted}");
        }
        assert_eq!((token.top.len(), &token.top[0]), (3, &token.chosen), "the answer is greedy");
        ids.push(argmax(&logits));
    }
    let least = tokens.iter().map(|token| token.chosen.logprob).fold(0.0, f32::min);
    assert!((least - answer.signals.min_logprob).abs() < 1e-5);

    // However it is sampled, the distribution is the model's own.
    let heated = Sampling::Random { temperature: 2.0, top_p: 0.5, seed: Some(3) };
    let first = ask(&model, &Prompt { sampling: heated, ..told.clone() }).logprobs.unwrap();
    assert_eq!(first[0].top, tokens[0].top);

    let stop: String = answer.text.chars().skip(5).take(3).collect();
    let stopped = ask(&model, &Prompt { stop: vec![stop], ..told });
    let (shown, end) = (stopped.logprobs.unwrap(), stopped.text.len());
    assert_eq!(shown.last().map(|token| token.end), (end > 0).then_some(end), "and nothing of the stop text");
    assert!(shown.len() < stopped.usage.completion_tokens as usize);
}

#[test]
fn several_choices_are_what_their_seeds_say_by_themselves() {
    let tiny = tiny_of(&golden(), GraphFormat::F32, 4, 128);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let asked = |sampling, choices| ask(&model, &Prompt { sampling, choices, ..prompt(QUESTION, 8) });
    let texts = |answer: &Answer| answer.choices().map(|choice| choice.text.clone()).collect::<Vec<_>>();
    let seeded = Sampling::Random { temperature: 1.0, top_p: 1.0, seed: Some(7) };
    let (one, five) = (asked(seeded, 1), asked(seeded, 5));
    assert_eq!((texts(&five).len(), &five.text), (5, &one.text), "the first has the request's seed");
    assert!(five.further.iter().any(|choice| choice.text != one.text));
    assert_eq!(texts(&asked(seeded, 5)), texts(&five), "a second time");
    assert_eq!((five.usage.prompt_tokens, five.usage.completion_tokens), (one.usage.prompt_tokens, 5 * 8));
    let greedy = asked(Sampling::Greedy, 3);
    assert_eq!(texts(&greedy), vec![greedy.text.clone(); 3]);
    // More than there are places.
    let many = Prompt { choices: 99, sampling: seeded, ..prompt(QUESTION, 8) };
    assert_eq!(wait(model.answer(many)), Err(ModelError::Busy));
    assert_eq!(asked(Sampling::Greedy, 1).text, greedy.text, "and the next is answered");
}

#[test]
fn a_conversation_must_end_with_the_user() {
    let tiny = tiny(GraphFormat::F32);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let ended = Turn { role: Role::Assistant, text: "Ten coins.".to_owned() };
    let asked = Turn { role: Role::User, text: QUESTION.to_owned() };
    for turns in [Vec::new(), vec![ended.clone()], vec![asked, ended]] {
        let prompt = Prompt { turns, ..prompt("", 5) };
        assert_eq!(model.accepts(&prompt), Err(Ineligible::LastTurn));
        assert_eq!(wait(model.answer(prompt)), Err(ModelError::Ineligible(Ineligible::LastTurn)));
    }
}

#[test]
fn answers_that_are_written_together_are_what_they_are_alone() {
    let tiny = tiny_of(&golden(), GraphFormat::F32, 4, 128);
    let models = [None, Some(golden().join("adapter"))]
        .map(|adapter| tiny.student.model("site".to_owned(), adapter.as_deref()).unwrap());
    let questions = ["How much is the lantern?", "Who are you?", "Where is the old mill?"];
    let cases: Vec<_> = models.iter().flat_map(|model| questions.map(|text| (model, prompt(text, 10)))).collect();
    let alone: Vec<Answer> = cases.iter().map(|(model, prompt)| ask(model, prompt)).collect();
    let answering: Vec<_> = cases.iter().map(|(model, prompt)| model.answer(prompt.clone())).collect();
    let together: Vec<Answer> = answering.into_iter().map(|answering| wait(answering).unwrap()).collect();
    for (together, alone) in together.iter().zip(&alone) {
        assert_eq!((&together.text, together.finish, together.usage), (&alone.text, alone.finish, alone.usage));
        // Sums over several rows are rounded otherwise.
        let (together, alone) = (together.signals, alone.signals);
        assert!((together.mean_logprob - alone.mean_logprob).abs() < 1e-4, "{together:?} {alone:?}");
    }
}

/// A model whose answers are so long that they are still being written when the test is over.
fn endless() -> (super::fixture::Tiny, Arc<dyn ChatModel>) {
    let base = edited_base(|config| config["max_position_embeddings"] = 8192.into());
    let tiny = tiny_of(base.path(), GraphFormat::F32, 1, 8192);
    let settings = StudentConfig { queue: 1, ..settings(&tiny.dir, base.path(), 1, 8192) };
    let model = Student::open(&super::fixture::runtime(), settings, Box::new(|_| {}))
        .unwrap()
        .model("base".to_owned(), None)
        .unwrap();
    (tiny, model)
}

#[test]
fn a_student_with_no_place_left_is_busy_and_who_leaves_makes_room() {
    let (_tiny, model) = endless();
    let first = model.answer(prompt(QUESTION, 8000));
    let second = model.answer(prompt(QUESTION, 2));
    assert_eq!(wait(model.answer(prompt(QUESTION, 2))), Err(ModelError::Busy));
    drop(second);
    let third = model.answer(prompt(QUESTION, 2));
    assert_eq!(wait(model.answer(prompt(QUESTION, 2))), Err(ModelError::Busy));
    drop(first);
    assert_eq!(wait(third).unwrap().usage.completion_tokens, 2);
}

#[test]
fn who_has_an_answer_can_ask_for_the_next_without_a_queue() {
    let tiny = tiny(GraphFormat::F32);
    let settings = StudentConfig { queue: 0, ..settings(&tiny.dir, &golden(), 1, 128) };
    let student = Student::open(&super::fixture::runtime(), settings, Box::new(|_| {})).unwrap();
    let model = student.model("base".to_owned(), None).unwrap();
    for round in 0..200 {
        assert_eq!(ask(&model, &prompt(QUESTION, 1 + round % 2)).usage.completion_tokens, 1 + round % 2);
    }
}

#[test]
fn a_student_that_goes_away_ends_what_waits_and_what_is_written() {
    let (tiny, model) = endless();
    let (first, second) = (model.answer(prompt(QUESTION, 8000)), model.answer(prompt(QUESTION, 2)));
    drop((tiny, model));
    drop(first);
    assert_eq!(wait(second).unwrap().usage.completion_tokens, 2, "who waits is answered");
}

#[test]
fn dropping_an_answer_gives_its_place_to_the_next() {
    let base = edited_base(|config| config["max_position_embeddings"] = 8192.into());
    let tiny = tiny_of(base.path(), GraphFormat::F32, 1, 8192);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let short = ask(&model, &prompt(QUESTION, 3));
    for _ in 0..20 {
        // Twenty whole ones would be 160,000 tokens.
        drop(model.answer(prompt(QUESTION, 8000)));
        assert_eq!(ask(&model, &prompt(QUESTION, 3)), short);
    }
}

/// Twenty answers are waited for: one that would take a moment alone is too late for who wants it soon, and for nobody else.
#[test]
fn who_would_only_be_late_because_of_others_hears_that_the_student_is_busy() {
    let tiny = tiny(GraphFormat::F32);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let began = std::time::Instant::now();
    ask(&model, &prompt(QUESTION, 80));
    let took = began.elapsed();
    let within = |factor: u32| Prompt { within: Some(took * factor), ..prompt(QUESTION, 1) };
    assert!(wait(model.answer(within(3))).is_ok(), "nobody is before it");
    let asked: Vec<_> = (0..20).map(|_| model.answer(prompt(QUESTION, 80))).collect();
    assert_eq!(wait(model.answer(within(3))), Err(ModelError::Busy));
    assert!(wait(model.answer(within(500))).is_ok());
    for answer in asked {
        assert!(wait(answer).is_ok(), "those who wait are not touched");
    }
}
