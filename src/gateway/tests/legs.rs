use capture::{Distillable, Source};
use handover::State;

use super::client::{QUESTION, STREAMED};
use super::students::Says;
use super::teacher::Teaches;
use super::world::{NOW_MS, Setup, World, site, version};

/// Tokens of `shop` by route: read and written.
fn tokens(world: &World, route: &str) -> (u64, u64) {
    let count = |kind| world.metrics.tokens_total("shop", route, kind).get();
    (count("input"), count("output"))
}

#[test]
fn a_students_answer_has_the_clients_shape_and_is_kept_and_counted() {
    let world = World::start(Setup::new(State::Student));
    world.students.say(Says::text("Open until six."));
    let reply = world.ask(QUESTION);
    assert_eq!((reply.header("content-type"), reply.header("x-request-id")), ("application/json", reply.id()));
    assert_eq!((reply.header("x-apprentice-model"), reply.header("x-apprentice-confidence")), ("shop@1-a", "1.0000"));
    let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!((body["model"].as_str(), body["choices"][0]["finish_reason"].as_str()), (Some("gpt"), Some("stop")));
    assert_eq!((reply.text().as_str(), body["usage"]["total_tokens"].as_u64()), ("Open until six.", Some(10)));
    // The world's clock, in seconds.
    assert_eq!(body["created"].as_u64(), Some(1_700_000_000));
    assert_eq!(body["id"].as_str().unwrap(), format!("chatcmpl-{}", reply.id().replace('-', "")));
    let kept = &world.kept_once(1)[0];
    assert_eq!(
        (kept.id.to_string().as_str(), &kept.site, &kept.source),
        (reply.id(), &site("shop"), &Source::Student(version("1-a")))
    );
    assert_eq!((kept.request.as_str(), &kept.response, kept.status), (QUESTION, &reply.body, 200));
    assert_eq!((kept.stream, kept.complete, kept.retry, kept.distillable), (false, true, false, Distillable::Yes));
    assert_eq!((tokens(&world, "student"), tokens(&world, "teacher")), ((7, 3), (0, 0)));
    assert_eq!(world.metrics.requests_total("shop", "student", "200").get(), 1);
    assert_eq!(world.metrics.request_duration_seconds("shop", "student").get_sample_count(), 1);
    let hour = world.metrics.traffic().last_hour("shop", NOW_MS).unwrap();
    assert_eq!([hour.teacher, hour.escalated, hour.student], [0, 0, 1]);
    assert_eq!((hour.recognised_by, hour.model.as_str()), (vec![("path", 1)], "gpt"));
    assert!(world.teacher.asked().is_empty());
}

#[test]
fn a_students_stream_ends_with_usage_when_asked_for() {
    let world = World::start(Setup::new(State::Student));
    world.students.say(Says::text("Open until six."));
    let reply = world.ask(STREAMED);
    assert_eq!((reply.route(), reply.header("content-type"), reply.whole), ("student", "text/event-stream", true));
    let said = wire::Api::Chat.read(true, reply.body.as_bytes()).unwrap();
    assert_eq!((said.text.as_str(), said.spent.usage.unwrap().completion_tokens), ("Open until six.", 3));
    let kept = &world.kept_once(1)[0];
    assert_eq!((kept.stream, kept.complete, &kept.response), (true, true, &reply.body));
    assert_eq!(tokens(&world, "student"), (7, 3));
}

#[test]
fn a_teachers_answer_passes_through_untouched_and_is_kept_and_counted() {
    let world = World::start(Setup::new(State::Teacher));
    let headers = [
        ("authorization", "Bearer mine"),
        ("x-mine", "kept"),
        ("accept-encoding", "br"),
        ("x-stainless-retry-count", "0"),
    ];
    let reply = world.send("POST", "/s/shop/v1/chat/completions?a=b", &headers, QUESTION);
    let Teaches::Whole(_, sent) = Teaches::text("yes") else { panic!() };
    assert_eq!((reply.body.as_bytes(), reply.header("x-teacher"), reply.header("keep-alive")), (&sent[..], "seen", ""));
    let asked = &world.teacher.asked()[0];
    assert!(asked.head.starts_with("post /v1/chat/completions?a=b "), "{}", asked.head);
    assert!(asked.head.contains("authorization: bearer mine") && asked.head.contains("x-mine: kept"), "{}", asked.head);
    assert!(asked.head.contains("accept-encoding: br"), "{}", asked.head);
    assert_eq!(asked.body, QUESTION);
    let kept = &world.kept_once(1)[0];
    assert_eq!((kept.id.to_string().as_str(), &kept.source, kept.status), (reply.id(), &Source::Teacher, 200));
    assert_eq!((&kept.response, kept.stream, kept.complete, kept.retry), (&reply.body, false, true, false));
    assert_eq!(kept.at_ms, NOW_MS);
    assert_eq!((tokens(&world, "teacher"), tokens(&world, "student")), ((11, 5), (0, 0)));
    let metrics = &world.metrics;
    assert_eq!(metrics.requests_total("shop", "teacher", "200").get(), 1);
    assert_eq!(metrics.request_duration_seconds("shop", "teacher").get_sample_count(), 1);
    assert_eq!(metrics.time_to_first_byte_seconds("shop").get_sample_count(), 1);
    let hour = metrics.traffic().last_hour("shop", NOW_MS).unwrap();
    assert_eq!([hour.teacher, hour.escalated, hour.student], [1, 0, 0]);
    assert_eq!(metrics.proxy_overhead_seconds("shop").get_sample_count(), 1);
}

#[test]
fn a_teachers_stream_passes_through_and_its_usage_is_counted() {
    let world = World::start(Setup::new(State::Teacher));
    world.teacher.does(Teaches::stream("Open."));
    let Teaches::Stream(events) = Teaches::stream("Open.") else { panic!() };
    let reply = world.ask(STREAMED);
    assert_eq!((reply.body.as_str(), reply.whole), (events.concat().as_str(), true));
    let kept = &world.kept_once(1)[0];
    assert_eq!((kept.stream, kept.complete, &kept.response), (true, true, &reply.body));
    assert_eq!(tokens(&world, "teacher"), (11, 5));
}

#[test]
fn a_teachers_error_is_the_clients_and_is_kept_with_its_status() {
    let world = World::start(Setup::new(State::Teacher));
    world.teacher.does(Teaches::Whole(429, br#"{"error":{"message":"slower"}}"#.to_vec()));
    let reply = world.ask_with(&[("x-stainless-retry-count", "2")], QUESTION);
    assert_eq!((reply.status, reply.body.as_str()), (429, r#"{"error":{"message":"slower"}}"#));
    let kept = &world.kept_once(1)[0];
    assert_eq!((kept.status, kept.complete, kept.retry), (429, true, true));
    assert_eq!(world.metrics.requests_total("shop", "teacher", "429").get(), 1);
    assert_eq!(tokens(&world, "teacher"), (0, 0));
}

#[test]
fn a_teachers_answer_that_breaks_off_is_kept_as_such() {
    let world = World::start(Setup::new(State::Teacher));
    world.teacher.does(Teaches::BreaksOff("data: {\"choices\":[]}\n\n".into()));
    let reply = world.ask(STREAMED);
    assert_eq!((reply.status, reply.whole), (200, false));
    let kept = &world.kept_once(1)[0];
    assert_eq!((kept.complete, kept.response.as_str()), (false, "data: {\"choices\":[]}\n\n"));
}

#[test]
fn a_teacher_that_cannot_be_reached_is_an_error_that_says_whose_request_it_was() {
    let world = World::start(Setup::new(State::Teacher));
    world.teacher.does(Teaches::HangsUp);
    let reply = world.ask(QUESTION);
    assert_eq!((reply.status, reply.route(), reply.reason()), (502, "teacher", "teacher"));
    assert!(reply.body.contains("teacher_broke_off") && reply.header("x-should-retry").is_empty(), "{reply:?}");
    assert_eq!((reply.header("x-apprentice-site"), reply.header("x-apprentice-model")), ("shop", "gpt"));
    assert_eq!(world.metrics.requests_total("shop", "teacher", "502").get(), 1);
    assert_eq!(world.metrics.requests_total("default", "proxy", "502").get(), 0);
}

#[test]
fn an_answer_that_is_no_text_is_counted_and_not_kept() {
    let world = World::start(Setup::new(State::Teacher));
    world.teacher.does(Teaches::Whole(200, vec![0xff, 0xfe]));
    assert_eq!(world.ask(QUESTION).status, 200);
    assert_eq!(world.metrics.capture_dropped_total("not-text").get(), 1);
}

#[test]
fn nothing_is_kept_that_the_client_or_the_site_does_not_want_kept() {
    for state in [State::Teacher, State::Student] {
        let world = World::start(Setup::new(state));
        let unstored = QUESTION.replacen('{', r#"{"store":false,"#, 1);
        assert_eq!(world.ask_with(&[("x-apprentice-capture", "off")], QUESTION).status, 200);
        assert_eq!(world.ask(&unstored).status, 200);
        world.change_rules(&Setup { capture: false, ..Setup::new(state) });
        assert_eq!(world.ask(QUESTION).status, 200);
        world.change_rules(&Setup::new(state));
        let wanted = world.ask_with(&[("x-apprentice-capture", "on")], QUESTION);
        // They are written in order.
        assert_eq!(world.kept_once(1)[0].id.to_string(), wanted.id());
    }
}
