//! What dashboards for generative models look for, and what the teacher did wrong.

use std::sync::Arc;

use handover::State;
use parking_lot::Mutex;

use super::client::{QUESTION, STREAMED};
use super::students::Says;
use super::teacher::Teaches;
use super::until;
use super::world::{NOW_MS, Setup, World};
use crate::{Span, Spans};

fn usage(answer: &str) -> String {
    format!(
        "{answer},\"usage\":{{\"prompt_tokens\":30,\"completion_tokens\":9,\"prompt_tokens_details\":{{\"cached_tokens\":20}},\"completion_tokens_details\":{{\"reasoning_tokens\":5}}}}}}"
    )
}

#[test]
fn tokens_are_told_apart_where_the_teacher_does_and_an_odd_form_of_that_costs_nothing() {
    let world = World::start(Setup::new(State::Teacher));
    let answer = r#"{"model":"gpt-1","choices":[{"index":0,"message":{"content":"Aye."},"finish_reason":"stop"}]"#;
    world.teacher.does(Teaches::Whole(200, usage(answer).into_bytes()));
    assert_eq!(world.ask(QUESTION).status, 200);
    let tokens = |kind| world.metrics.tokens_total("shop", "teacher", kind).get();
    until("the tokens", || tokens("input") == 30);
    assert_eq!(["output", "cached_input", "reasoning"].map(tokens), [9, 20, 5]);
    let used = |kind| {
        let histogram = world.metrics.gen_ai_client_token_usage("chat", "openai", "gpt", "gpt-1", kind);
        (histogram.get_sample_count(), histogram.get_sample_sum())
    };
    assert_eq!((used("input"), used("output")), ((1, 30.0), (1, 9.0)));

    let odd = usage(answer).replace("{\"cached_tokens\":20}", "[\"many\"]").replace("{\"reasoning_tokens\":5}", "null");
    world.teacher.does(Teaches::Whole(200, odd.into_bytes()));
    assert_eq!(world.ask(QUESTION).status, 200);
    until("the tokens", || tokens("input") == 60);
    assert_eq!(["cached_input", "reasoning"].map(tokens), [20, 5]);
}

#[test]
fn a_stream_has_a_first_token_and_a_time_for_each_one_after_it_and_a_whole_answer_has_not() {
    let world = World::start(Setup::new(State::Teacher));
    let metrics = &world.metrics;
    let first =
        || metrics.gen_ai_server_time_to_first_token_seconds("chat", "openai", "gpt", "gpt-1").get_sample_count();
    let each =
        || metrics.gen_ai_server_time_per_output_token_seconds("chat", "openai", "gpt", "gpt-1").get_sample_count();
    let whole =
        || metrics.gen_ai_server_request_duration_seconds("chat", "openai", "gpt", "gpt-1", "").get_sample_count();
    let leg =
        || metrics.gen_ai_client_operation_duration_seconds("chat", "openai", "gpt", "gpt-1", "").get_sample_count();
    let answer = r#"{"model":"gpt-1","choices":[{"index":0,"message":{"content":"Aye."},"finish_reason":"stop"}]"#;
    world.teacher.does(Teaches::Whole(200, usage(answer).into_bytes()));
    assert_eq!(world.ask(QUESTION).status, 200);
    until("the request", || whole() == 1);
    assert_eq!((first(), each(), leg()), (0, 0, 1));

    let chunk = r#"{"model":"gpt-1","choices":[{"index":0,"delta":{"content":"Aye."},"finish_reason":"stop"}]"#;
    let stream = format!("data: {chunk}}}\n\ndata: {}\n\ndata: [DONE]\n\n", usage(r#"{"model":"gpt-1","choices":[]"#));
    world.teacher.does(Teaches::Whole(200, stream.into_bytes()));
    assert_eq!(world.ask(STREAMED).status, 200);
    until("the request", || whole() == 2);
    assert_eq!((first(), each(), leg()), (1, 1, 2));
}

#[test]
fn a_students_answer_is_measured_under_its_own_name() {
    let world = World::start(Setup::new(State::Student));
    world.students.say(Says::text("Aye."));
    assert_eq!(world.ask(QUESTION).route(), "student");
    let (metrics, names) = (&world.metrics, ("chat", "apprentice", "gpt", "shop@1-a"));
    let whole = metrics.gen_ai_server_request_duration_seconds(names.0, names.1, names.2, names.3, "");
    assert_eq!(whole.get_sample_count(), 1);
    assert_eq!(metrics.gen_ai_client_token_usage(names.0, names.1, names.2, names.3, "output").get_sample_count(), 1);
}

#[test]
fn what_the_teacher_did_wrong_has_a_name_of_a_closed_list() {
    let world = World::start(Setup::new(State::Teacher));
    let count = |kind| world.metrics.teacher_errors_total("shop", kind).get();
    for (status, kind) in [
        (400, "bad_request"),
        (422, "bad_request"),
        (401, "refused_key"),
        (403, "refused_key"),
        (408, "timeout"),
        (429, "rate_limited"),
        (503, "overloaded"),
        (529, "overloaded"),
        (500, "server_error"),
        (502, "server_error"),
    ] {
        let before = count(kind);
        world.teacher.does(Teaches::Whole(status, b"{}".to_vec()));
        assert_eq!(world.ask(QUESTION).status, status);
        until(kind, || count(kind) == before + 1);
    }
    world.teacher.does(Teaches::HangsUp);
    assert_eq!(world.ask(QUESTION).status, 502);
    assert_eq!(count("cut"), 1);
    world.teacher.does(Teaches::BreaksOff("data: {\"choices\":[]}\n\n".into()));
    assert!(!world.ask(STREAMED).whole);
    until("cut", || count("cut") == 2);
    let failed = world.metrics.gen_ai_server_request_duration_seconds("chat", "openai", "gpt", "", "cut");
    assert_eq!(failed.get_sample_count(), 2);
    world.teacher.does(Teaches::text("yes"));
    assert_eq!(world.ask(QUESTION).status, 200);
    world.until_idle();
    let text = world.metrics.render().unwrap();
    let sum: u64 = text
        .lines()
        .filter_map(|line| line.strip_prefix("apprentice_teacher_errors_total{"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(sum, 12, "a good answer is none of them: {text}");
}

#[test]
fn requests_of_a_site_without_a_place_are_counted_as_others_and_models_past_a_number_too() {
    let world = World::start(Setup::new(State::Teacher));
    let mut past = None;
    for number in 0..2_000 {
        world.teacher.does(Teaches::text("yes"));
        let body = QUESTION.replace("\"gpt\"", &format!("\"gpt-{}\"", number % 200));
        let reply = world.send("POST", &format!("/s/site-{number}/v1/chat/completions"), &[], &body);
        if reply.reason() == "too-many-sites" {
            past = Some(number);
            break;
        }
    }
    assert!(past.is_some(), "there should be an end to the places");
    assert_eq!(world.metrics.requests_total("_other", "teacher", "200").get(), 1);
    assert_eq!(world.metrics.requests_total("default", "teacher", "200").get(), 0);
    let hour = world.metrics.traffic().last_hour("_other", NOW_MS).unwrap();
    assert_eq!((hour.teacher, hour.model.as_str()), (1, "_other"), "names of models are as few as they are in labels");
    let text = world.metrics.render().unwrap();
    let models: std::collections::BTreeSet<&str> =
        text.lines().filter_map(|line| line.split("gen_ai_request_model=\"").nth(1)?.split('"').next()).collect();
    assert!(models.contains("_other") && models.len() == 64, "{}", models.len());
}

/// Keeps what it gets.
#[derive(Default)]
struct Kept(Mutex<Vec<Span>>);

impl Spans for Kept {
    fn ended(&self, span: Span) {
        self.0.lock().push(span);
    }
}

#[test]
fn every_answer_and_every_silence_is_a_span() {
    const TRACED: (&str, &str) = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let kept = Arc::new(Kept::default());
    let of = |state| World::start(Setup { spans: Some(kept.clone()), ..Setup::new(state) });
    let world = of(State::Teacher);
    let spans = |count| {
        until("the spans", || kept.0.lock().len() == count);
        kept.0.lock().clone()
    };
    let answer = r#"{"model":"gpt-1","choices":[{"index":0,"message":{"content":"Aye."},"finish_reason":"stop"}]"#;
    world.teacher.does(Teaches::Whole(200, usage(answer).into_bytes()));
    let reply = world.ask_with(&[TRACED], QUESTION);
    let [span] = spans(1).try_into().unwrap();
    assert_eq!(span.id.to_string(), reply.header("x-apprentice-request-id"));
    assert_eq!((span.site.as_str(), span.route, span.provider, span.error), ("shop", "teacher", "openai", ""));
    assert_eq!((span.asked.as_str(), span.answered.as_str(), span.first), ("gpt", "gpt-1", None));
    assert_eq!(span.usage.map(|usage| (usage.prompt_tokens, usage.completion_tokens)), Some((30, 9)));
    assert_eq!((span.traceparent.as_deref(), span.tracestate), (Some(TRACED.1), None));

    world.teacher.does(Teaches::Whole(429, b"{}".to_vec()));
    assert_eq!(world.ask(QUESTION).status, 429);
    world.teacher.does(Teaches::HangsUp);
    assert_eq!(world.ask(QUESTION).status, 502);
    let errors: Vec<&str> = spans(3).iter().map(|span| span.error).collect();
    assert_eq!(errors, ["", "rate_limited", "cut"]);

    let world = of(State::Student);
    world.students.say(Says::text("aye"));
    assert_eq!(world.ask(QUESTION).route(), "student");
    let by_student = spans(4).pop().unwrap();
    assert_eq!((by_student.route, by_student.provider), ("student", "apprentice"));
    assert_eq!(by_student.answered, "shop@1-a");
    assert!(by_student.usage.is_some());
}
