//! Audits that come to nothing, by cause.

use handover::State;
use wire::{Ineligible, ModelError};

use super::client::{QUESTION, STREAMED};
use super::students::Says;
use super::teacher::Teaches;
use super::until;
use super::world::{Setup, World};
use crate::limits;

#[test]
fn an_audit_that_finds_no_place_is_lost() {
    let world = World::start(Setup { auditing: false, ..Setup::audited(State::Student) });
    (0..limits::AUDITS_MAX).for_each(|_| assert_eq!(world.ask(QUESTION).route(), "student"));
    assert!(world.losses().is_empty());
    assert_eq!(world.ask(QUESTION).route(), "student");
    world.assert_lost("queue_full");
}

#[test]
fn without_a_plain_answer_of_the_teacher_there_is_nothing_to_compare() {
    let message = |message: serde_json::Value| Teaches::message(&message, "stop");
    let cut_off = Teaches::message(&serde_json::json!({"content": "on and on"}), "length");
    let not_done = Teaches::Stream(vec!["data: {\"choices\":[]}\n\n".into()]);
    for (question, teaches, cause) in [
        (QUESTION, Teaches::HangsUp, "teacher_unreachable"),
        (QUESTION, Teaches::Whole(500, b"{}".to_vec()), "teacher_error"),
        (QUESTION, message(serde_json::json!({"tool_calls": [{}], "content": "so"})), "teacher_not_plain"),
        (QUESTION, message(serde_json::json!({"content": ""})), "teacher_not_plain"),
        (QUESTION, cut_off, "teacher_not_plain"),
        (QUESTION, Teaches::Whole(200, b"not json".to_vec()), "teacher_not_plain"),
        (STREAMED, Teaches::BreaksOff("data: {}\n\n".into()), "teacher_not_plain"),
        (STREAMED, not_done, "teacher_not_plain"),
    ] {
        // Before the student is asked, after it has answered, and after its answer was served.
        for (state, says) in [
            (State::Shadow, Says::text("yes")),
            (State::Student, Says::answer("yes", -9.0)),
            (State::Student, Says::text("yes")),
        ] {
            let world = World::start(Setup::audited(state));
            world.teacher.does(teaches.clone());
            world.students.say(says);
            world.ask(question);
            world.assert_lost(cause);
            assert_eq!(world.students.asked(), usize::from(state == State::Student), "{cause}");
        }
    }
}

#[test]
fn a_teachers_error_is_lost_even_when_its_body_is_an_answer() {
    let Teaches::Whole(_, body) = Teaches::text("yes") else { panic!() };
    for state in [State::Shadow, State::Student] {
        let world = World::start(Setup::audited(state));
        world.teacher.does(Teaches::Whole(203, body.clone()));
        world.ask(QUESTION);
        world.assert_lost("teacher_error");
    }
}

#[test]
fn a_student_that_is_busy_or_cannot_be_asked_loses_the_audit_and_nothing_else() {
    let too_long = ModelError::Ineligible(Ineligible::TooLong { tokens: 9, limit: 8 });
    for (error, cause) in [(ModelError::Busy, "student_busy"), (too_long.clone(), "ineligible")] {
        let mut setup = Setup::audited(State::Shadow);
        setup.policy.failures_max = 1;
        let world = World::start(setup);
        world.students.say(Says::Error(error));
        assert_eq!(world.ask(QUESTION).status, 200);
        world.assert_lost(cause);
    }
    // The same when it was asked before the teacher was.
    let world = World::start(Setup::audited(State::Student));
    world.students.say(Says::Error(too_long));
    assert_eq!(world.ask(QUESTION).route(), "teacher");
    world.assert_lost("ineligible");
    assert_eq!((world.students.asked(), world.state()), (1, State::Student));
}

#[test]
fn an_audit_that_cannot_be_written_is_lost() {
    let mut world = World::start(Setup { auditing: false, ..Setup::audited(State::Shadow) });
    assert_eq!(world.ask(QUESTION).reason(), "shadow");
    world.break_log();
    world.work_on_audits();
    world.assert_lost("log_unavailable");
    until("the comparison", || world.students.asked() == 1);
    assert_eq!(world.metrics.audits_total("shop", "good").get(), 0);
}
