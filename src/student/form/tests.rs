//! Answers of a model that knows nothing, kept to a form.

use std::sync::Arc;

use gemma::{GraphFormat, Tokenizer};
use wire::{Answer, ChatModel, Finish, Form, Ineligible, ModelError, Prompt, Role, Sampling, Turn};

use crate::tests::fixture::{Tiny, edited_base, golden, tiny_of, wait};

/// Room for an answer that a model of random weights spreads over many tokens.
fn student() -> (Tiny, Arc<dyn ChatModel>) {
    let base = edited_base(|config| config["max_position_embeddings"] = 2048.into());
    let tiny = tiny_of(base.path(), GraphFormat::F32, 4, 2000);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    (tiny, model)
}

fn prompt(form: Form, seed: Option<u64>) -> Prompt {
    let turns = vec![Turn { role: Role::User, text: "How much is the lantern?".to_owned() }];
    let sampling =
        seed.map_or(Sampling::Greedy, |seed| Sampling::Random { temperature: 1.0, top_p: 1.0, seed: Some(seed) });
    Prompt { form, ..Prompt::new(turns, 1900, sampling) }
}

fn schema(text: &str) -> Form {
    Form::JsonSchema(text.to_owned())
}

const OFFER: &str = r#"{"type":"object","properties":{
    "price":{"type":"integer","minimum":1,"maximum":99},
    "item":{"enum":["rope","oil lamp","café"]},
    "tags":{"type":"array","items":{"type":"boolean"},"minItems":1,"maxItems":3}},
    "required":["price","item","tags"],"additionalProperties":false}"#;

fn checked(answer: &Answer) {
    assert_eq!(answer.finish, Finish::Stop, "{answer:?}");
    let offer: serde_json::Value =
        serde_json::from_str(&answer.text).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    assert_eq!(offer.as_object().unwrap().len(), 3, "{offer}");
    assert!((1..=99).contains(&offer["price"].as_u64().unwrap()), "{offer}");
    assert!(["rope", "oil lamp", "café"].contains(&offer["item"].as_str().unwrap()), "{offer}");
    let tags = offer["tags"].as_array().unwrap();
    assert!((1..=3).contains(&tags.len()) && tags.iter().all(serde_json::Value::is_boolean), "{offer}");
}

#[test]
fn answers_keep_to_a_schema_however_they_are_sampled() {
    let (_tiny, model) = student();
    for seed in [None, Some(1), Some(2), Some(3)] {
        let answer = wait(model.answer(prompt(schema(OFFER), seed))).unwrap();
        checked(&answer);
        assert_eq!(wait(model.answer(prompt(schema(OFFER), seed))).unwrap(), answer, "a second time");
        // What can only be said so is not chosen.
        assert!(answer.signals.tokens < answer.usage.completion_tokens, "{answer:?}");
        assert!(answer.signals.mean_logprob.is_finite() && answer.signals.mean_logprob < 0.0);
    }
}

#[test]
fn answers_of_several_forms_are_written_together_as_they_are_alone() {
    let (_tiny, model) = student();
    let forms = || [schema(OFFER), Form::Text, schema(r#"{"enum":["yes","no"]}"#), schema(OFFER)];
    let ask = |form| model.answer(Prompt { max_tokens: 200, ..prompt(form, None) });
    let alone: Vec<Answer> = forms().into_iter().map(|form| wait(ask(form)).unwrap()).collect();
    let asked: Vec<_> = forms().into_iter().map(ask).collect();
    for (together, alone) in asked.into_iter().map(|answer| wait(answer).unwrap()).zip(&alone) {
        assert_eq!((&together.text, together.finish, together.usage), (&alone.text, alone.finish, alone.usage));
    }
    checked(&alone[0]);
    assert!(["\"yes\"", "\"no\""].contains(&alone[2].text.trim()), "{:?}", alone[2]);
}

#[test]
fn any_object_will_do_where_any_is_asked_for() {
    let (_tiny, model) = student();
    for seed in 1..6 {
        let answer = wait(model.answer(prompt(Form::JsonObject, Some(seed)))).unwrap();
        if answer.finish == Finish::Stop {
            assert!(serde_json::from_str::<serde_json::Map<_, _>>(&answer.text).is_ok(), "{answer:?}");
        }
        assert!(answer.text.trim_start().starts_with('{'), "{answer:?}");
    }
}

#[test]
fn only_what_the_values_say_makes_an_answer_in_json_sure_or_unsure() {
    let (_tiny, model) = student();
    let lamp = r#"{"type":"object","properties":{"kind":{"const":"lamp"},"lit":{"type":"boolean"},"a":{"const":[]}},
        "required":["kind","lit","a"],"additionalProperties":false}"#;
    for seed in 1..6 {
        let answer = wait(model.answer(prompt(schema(lamp), Some(seed)))).unwrap();
        assert_eq!(answer.finish, Finish::Stop, "{answer:?}");
        // White space is free and there is a lot of it; chosen are the letters of `true` or `false` at most, and where `lamp` begins.
        assert!((1..=6).contains(&answer.signals.tokens), "{answer:?}");
    }
}

#[test]
fn tokens_that_the_form_forced_are_told_as_certain() {
    let (_tiny, model) = student();
    let answer = wait(model.answer(Prompt { logprobs: Some(1), ..prompt(schema(OFFER), Some(1)) })).unwrap();
    let tokens = answer.logprobs.as_ref().unwrap();
    let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.chosen.bytes.clone()).collect();
    assert_eq!(String::from_utf8(bytes).unwrap(), answer.text);
    let forced = tokens.iter().filter(|token| token.chosen.logprob == 0.0);
    assert!(
        forced.clone().count() > 0 && forced.clone().all(|token| token.top == [token.chosen.clone()]),
        "{tokens:?}"
    );
    assert!(tokens.iter().any(|token| token.chosen.logprob < 0.0));
}

#[test]
fn a_schema_that_is_none_is_said_to_be_so_and_the_next_is_answered() {
    let (_tiny, model) = student();
    for bad in [
        "",
        "7",
        r#"{"type":"nonsense"}"#,
        r##"{"$ref":"#/nowhere"}"##,
        r#"{"$ref":"https://example.com/x.json"}"#,
        r#"{"not":{}}"#,
    ] {
        let refused = wait(model.answer(prompt(schema(bad), None)));
        let Err(ModelError::Ineligible(Ineligible::Schema(why))) = &refused else { panic!("{bad}: {refused:?}") };
        assert!(!why.is_empty() && why.len() < 2000, "{bad}: {why}");
    }
    checked(&wait(model.answer(prompt(schema(OFFER), None))).unwrap());
}

#[test]
fn a_schema_that_means_harm_ends_itself_at_most() {
    let (_tiny, model) = student();
    let many = |item: &str, count: usize| vec![item; count].join(",");
    for hostile in [
        format!("{}{}{}", r#"{"allOf":["#.repeat(60), "{}", "]}".repeat(60)),
        format!("{}{}{}", r#"{"items":"#.repeat(100), "{}", "}".repeat(100)),
        format!(r#"{{"type":"string","pattern":"{}"}}"#, "(a|b)*c".repeat(400)),
        r#"{"type":"string","pattern":"((((a{1,99}){1,99}){1,99}){1,99})"}"#.to_owned(),
        r##"{"$ref":"#"}"##.to_owned(),
        r##"{"allOf":[{"$ref":"#"}]}"##.to_owned(),
        r##"{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}"##.to_owned(),
        r##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}"##.to_owned(),
        r##"{"$defs":{"a":{"allOf":[{"$ref":"#/$defs/b"},{"type":"object"}]},"b":{"allOf":[{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}"##.to_owned(),
        r#"{"type":"array","minItems":1000000000,"items":{"type":"null"}}"#.to_owned(),
        r#"{"type":"string","minLength":1000000000}"#.to_owned(),
        r#"{"type":"number","multipleOf":0}"#.to_owned(),
        r#"{"type":"integer","minimum":1e308,"maximum":-1e308}"#.to_owned(),
        format!(r#"{{"enum":[{}]}}"#, many(r#""rope""#, 100_000)),
        format!(r#"{{"oneOf":[{}]}}"#, many(r#"{"type":"object","properties":{"a":{"type":"string"}}}"#, 2_000)),
    ] {
        let began = std::time::Instant::now();
        // Answered or refused, whatever it is.
        let said = wait(model.answer(Prompt { max_tokens: 20, ..prompt(schema(&hostile), None) }));
        println!("{:.60}: {:.1} s, {:.80}", hostile, began.elapsed().as_secs_f64(), format!("{said:?}"));
        assert!(matches!(said, Ok(_) | Err(ModelError::Ineligible(Ineligible::Schema(_)))), "no failure of the student's");
        checked(&wait(model.answer(prompt(schema(OFFER), None))).unwrap());
    }
}

#[test]
fn the_bytes_of_tokens_are_those_of_the_text() {
    let tokenizer = Tokenizer::load(&golden()).unwrap();
    let bytes = tokenizer.token_bytes();
    assert_eq!(bytes.len(), tokenizer.vocab_size());
    for text in [
        "The \u{1f409} pays \u{20ac}42 \u{2014} caf\u{e9}!",
        "  two  spaces\n\n\ttab",
        "{\"a\": [1, 2]}",
        "<0x41> <bos>",
    ] {
        let said: Vec<u8> = tokenizer.encode(text).unwrap().iter().flat_map(|id| bytes[*id as usize].clone()).collect();
        assert_eq!(String::from_utf8(said).unwrap(), text);
    }
    let special = tokenizer.special;
    for control in [special.bos, special.eos, special.pad, special.start_of_turn, special.end_of_turn] {
        assert!(bytes[control as usize].is_empty());
    }
}
