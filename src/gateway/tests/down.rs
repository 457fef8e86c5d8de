//! A teacher that fails on the wire: what clients hear, when it is not asked any more, and who stands in for it.

use std::time::Duration;

use handover::{Dice, State};
use teacher::{BreakerSettings, Resilience, Timeouts};

use super::client::{QUESTION, STREAMED};
use super::students::Says;
use super::teacher::Teaches;
use super::until;
use super::world::{Setup, World};

const FIRST: &str = "data: {\"choices\":[]}\n\n";

fn patient(of: impl FnOnce(&mut Timeouts)) -> Setup {
    let mut setup = Setup::new(State::Teacher);
    of(&mut setup.resilience.timeouts);
    setup
}

/// The error that a stream ended with.
fn event(body: &str) -> serde_json::Value {
    let last = body.strip_suffix("\n\n").unwrap().rsplit("data: ").next().unwrap();
    let error: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(error["error"].as_object().unwrap().len(), 4, "{error}");
    error["error"].clone()
}

#[test]
fn a_stream_that_the_teacher_cuts_off_ends_with_an_error_event_and_no_proper_end() {
    let short = Duration::from_millis(60);
    for (setup, teaches, code) in [
        (Setup::new(State::Teacher), Teaches::BreaksOff(FIRST.into()), "answer_broke_off"),
        (patient(|timeouts| timeouts.idle = short), Teaches::Stalls(FIRST.into()), "answer_stalled"),
        (patient(|timeouts| timeouts.total = short), Teaches::Stalls(FIRST.into()), "answer_too_long"),
    ] {
        let world = World::start(setup);
        world.teacher.does(teaches);
        for path in ["/s/shop/v1/chat/completions", "/v1/completions"] {
            let reply = world.send("POST", path, &[], STREAMED);
            assert_eq!((reply.status, reply.whole), (200, false));
            assert!(reply.body.starts_with(FIRST) && !reply.body.contains("[DONE]"), "{}", reply.body);
            let error = event(&reply.body);
            assert_eq!((error["code"].as_str(), error["type"].as_str()), (Some(code), Some("apprentice_error")));
        }
        assert_eq!(world.metrics.teacher_failures_total(code).get(), 2);
        // What the proxy adds is not what the teacher said.
        let kept = world.kept_once(1).remove(0);
        assert_eq!((kept.response.as_str(), kept.complete), (FIRST, false));
    }
}

#[test]
fn no_event_is_put_into_another() {
    for cut in ["data: {\"choi", "data: {\"choices\":[]}\n", "data: {\"choices\":[]}\r\n"] {
        let world = World::start(Setup::new(State::Teacher));
        world.teacher.does(Teaches::BreaksOff(cut.into()));
        let reply = world.ask(STREAMED);
        assert_eq!((reply.body.as_str(), reply.whole), (cut, false));
        assert_eq!(world.metrics.teacher_failures_total("answer_broke_off").get(), 1);
    }
    // Nor is one added to what is packed: nobody could read it.
    for cut in ["data: {\"choices\":[]}\r\n\r\n", ": ping\r\r"] {
        let world = World::start(Setup::new(State::Teacher));
        world.teacher.does(Teaches::BreaksOff(cut.into()));
        assert_eq!(event(&world.ask(STREAMED).body)["code"], "answer_broke_off");
        world.teacher.does(Teaches::BreaksOffPacked(cut.into()));
        assert_eq!(world.ask(STREAMED).body, cut);
    }
}

#[test]
fn a_plain_answer_that_is_cut_off_has_no_proper_end() {
    let world = World::start(Setup::new(State::Teacher));
    world.teacher.does(Teaches::CutShort(r#"{"choices":[{"mess"#.into()));
    let reply = world.ask(QUESTION);
    assert_eq!((reply.body.as_str(), reply.whole), (r#"{"choices":[{"mess"#, false));
    assert_eq!(world.metrics.teacher_failures_total("answer_broke_off").get(), 1);
}

#[test]
fn a_teacher_that_never_begins_is_waited_for_no_longer_than_said() {
    let world = World::start(patient(|timeouts| timeouts.first_byte = Duration::from_millis(60)));
    world.teacher.does(Teaches::Silent);
    let reply = world.ask(QUESTION);
    assert_eq!((reply.status, reply.header("x-should-retry")), (504, "false"));
    assert!(reply.body.contains("teacher_timeout") && reply.body.contains("teacher.first_byte_s"), "{}", reply.body);
    until("the teacher to be left", || world.teacher.left() == 1);
}

#[test]
fn every_answer_has_a_request_id_and_the_teachers_own_stays() {
    let world = World::start(Setup::new(State::Teacher));
    let id = |reply: &super::client::Reply| reply.header("x-request-id").to_owned();
    let plain = world.ask(QUESTION);
    assert_eq!((id(&plain).as_str(), id(&plain).len()), (plain.id(), 36));
    world.teacher.does(Teaches::HangsUp);
    let (failed, other) = (world.ask(QUESTION), world.ask(QUESTION));
    assert_eq!((failed.status, id(&failed).as_str()), (502, failed.id()));
    assert_ne!(id(&failed), id(&other));
    for (method, path) in [("GET", "/nowhere"), ("POST", "/s/-/v1/chat/completions"), ("GET", "/v1/models")] {
        assert_eq!(id(&world.send(method, path, &[], "")).len(), 36, "{path}");
    }
    world.teacher.does(Teaches::Identified("req_7".into()));
    assert_eq!([id(&world.ask(QUESTION)), id(&world.send("GET", "/v1/models", &[], ""))], ["req_7", "req_7"]);
}

/// A teacher that is not asked after `failures` in a row, for `open`.
fn breaking(failures: u32, open: Duration) -> World {
    let mut setup = Setup::new(State::Teacher);
    setup.resilience = Resilience { breaker: BreakerSettings { failures, open }, ..Resilience::default() };
    World::start(setup)
}

#[test]
fn a_teacher_that_answers_nobody_is_left_alone_for_a_while_and_then_tried_by_one() {
    let world = breaking(3, Duration::from_millis(1_500));
    world.teacher.does(Teaches::HangsUp);
    for _ in 0..3 {
        assert_eq!(world.ask(QUESTION).status, 502);
    }
    let asked = world.teacher.asked().len();
    let refused = [world.ask(QUESTION), world.send("GET", "/v1/models", &[], "")];
    for reply in refused {
        assert_eq!((reply.status, reply.header("retry-after")), (503, "2"), "{}", reply.body);
        assert!(reply.body.contains("teacher_unavailable"), "{}", reply.body);
    }
    assert_eq!((world.teacher.asked().len(), world.metrics.teacher_circuit_open().get()), (asked, 1.0));
    assert_eq!(world.metrics.teacher_failures_total("teacher_unavailable").get(), 2);
    // The first to try fails, and everybody waits once more; the next one finds it well.
    std::thread::sleep(Duration::from_millis(1_600));
    assert_eq!((world.ask(QUESTION).status, world.ask(QUESTION).status), (502, 503));
    world.teacher.does(Teaches::text("yes"));
    std::thread::sleep(Duration::from_millis(1_600));
    assert_eq!((world.ask(QUESTION).status, world.ask(QUESTION).status), (200, 200));
    assert_eq!(world.metrics.teacher_circuit_open().get(), 0.0);
}

#[test]
fn an_error_of_the_teachers_own_is_an_answer_and_comes_as_it_is() {
    let world = breaking(2, Duration::from_secs(60));
    for status in [500, 502, 503, 429, 529] {
        for _ in 0..3 {
            world.teacher.does(Teaches::Whole(status, b"{\"error\":\"its own\"}".to_vec()));
            let reply = world.ask(QUESTION);
            assert_eq!((reply.status, reply.body.as_str()), (status, "{\"error\":\"its own\"}"));
        }
    }
}

#[test]
fn a_probe_whose_client_leaves_lets_another_try() {
    let world = breaking(1, Duration::from_millis(50));
    world.teacher.does(Teaches::HangsUp);
    assert_eq!(world.ask(QUESTION).status, 502);
    std::thread::sleep(Duration::from_millis(60));
    world.teacher.does(Teaches::Silent);
    let client = world.begin(&[], QUESTION);
    until("the probe", || world.teacher.asked().len() == 2);
    assert_eq!(world.ask(QUESTION).status, 503);
    drop(client);
    until("the teacher to be left", || world.teacher.left() == 1);
    world.teacher.does(Teaches::text("yes"));
    assert_eq!(world.ask(QUESTION).status, 200);
    assert_eq!(world.metrics.requests_total("default", "proxy", "499").get(), 1);
}

/// A site whose student is unsure of everything, in `state`.
fn unsure(state: State, fallback: bool) -> World {
    let world = World::start(Setup { offline_fallback: fallback, ..Setup::new(state) });
    world.students.say(Says::answer("aye", -9.0));
    world.teacher.does(Teaches::HangsUp);
    world
}

#[test]
fn the_student_of_a_handed_over_site_stands_in_for_a_teacher_that_is_down() {
    let world = unsure(State::Student, true);
    for down in [
        Teaches::HangsUp,
        Teaches::Whole(503, b"{}".to_vec()),
        Teaches::Whole(404, b"{}".to_vec()),
        Teaches::Whole(410, b"{}".to_vec()),
    ] {
        world.teacher.does(down);
        let reply = world.ask(QUESTION);
        assert_eq!((reply.status, reply.route(), reply.reason()), (200, "student", "teacher-down"), "{}", reply.body);
        assert_eq!(reply.text(), "aye");
    }
    // It was asked once a request: what it had said already was good enough.
    assert_eq!(world.students.asked(), 4);
    assert_eq!(world.metrics.routed_total("shop", "student", "teacher-down").get(), 4);
    assert!(world.metrics.teacher_failures_total("teacher_broke_off").get() > 0);
    world.teacher.does(Teaches::text("yes"));
    assert_eq!((world.ask(QUESTION).route().to_owned(), world.ask(QUESTION).text()), ("teacher".into(), "yes".into()));
}

#[test]
fn an_audit_that_the_stand_in_leaves_without_a_teacher_says_why() {
    for (down, cause) in
        [(Teaches::Whole(503, b"{}".to_vec()), "teacher_error"), (Teaches::HangsUp, "teacher_unreachable")]
    {
        let world = World::start(Setup { offline_fallback: true, ..Setup::audited(State::Student) });
        world.students.say(Says::answer("aye", -9.0));
        world.teacher.does(down);
        assert_eq!(world.ask(QUESTION).reason(), "teacher-down");
        world.assert_lost(cause);
    }
}

#[test]
fn nobody_stands_in_unasked_unproven_or_against_a_verifier() {
    for world in [unsure(State::Student, false), unsure(State::Canary, true), unsure(State::Shadow, true)] {
        assert_eq!((world.ask(QUESTION).status, world.ask(QUESTION).route().to_owned()), (502, "teacher".into()));
    }
    let world = unsure(State::Student, true);
    world.students.say(Says::text("As an AI, I have no shop."));
    assert_eq!((world.ask(QUESTION).status, world.ask(QUESTION).reason().to_owned()), (502, "forbidden-phrase".into()));
    world.students.say(Says::answer("aye", -9.0));
    // What the teacher says of the request itself is the client's to hear.
    for status in [400, 401, 403, 429] {
        world.teacher.does(Teaches::Whole(status, b"{}".to_vec()));
        assert_eq!(world.ask(QUESTION).status, status);
    }
}

#[test]
fn what_the_dice_gave_to_the_teacher_is_answered_too() {
    let mut setup = Setup { offline_fallback: true, ..Setup::new(State::Student) };
    setup.policy.share_max = 0.5;
    setup.dice = Dice { route: 0.9, audit: 0.5 };
    let world = World::start(setup);
    world.students.say(Says::text("aye"));
    world.teacher.does(Teaches::text("yes"));
    assert_eq!((world.ask(QUESTION).text().as_str(), world.students.asked()), ("yes", 0));
    world.teacher.does(Teaches::HangsUp);
    let reply = world.ask(QUESTION);
    assert_eq!((reply.reason(), reply.text().as_str()), ("teacher-down", "aye"));
}
