//! Failures in a row.

use std::time::Duration;

use handover::{AuditOutcome, State};
use wire::{Ineligible, ModelError};

use super::client::QUESTION;
use super::students::Says;
use super::teacher::Teaches;
use super::until;
use super::world::{Setup, World};
use crate::limits;

/// A serving student that may fail less than `failures_max` times in a row.
fn world(failures_max: u32, mut setup: Setup) -> World {
    setup.policy.failures_max = failures_max;
    World::start(setup)
}

/// What became of one request of a student that says this.
fn reason(world: &World, says: Says) -> String {
    world.students.say(says);
    world.ask(QUESTION).reason().to_owned()
}

#[test]
fn too_many_failures_in_a_row_send_the_site_to_the_teacher_at_once() {
    for (says, time, why) in [
        (Says::failure(), super::DEADLINE, "student-failed"),
        (Says::Never, Duration::from_millis(50), "student-timeout"),
    ] {
        let world = world(3, Setup { student_time: time, ..Setup::new(State::Student) });
        (0..3).for_each(|_| assert_eq!(reason(&world, says.clone()), why));
        assert_eq!(reason(&world, Says::text("yes")), "student-failing");
        world.ledger.flush(1);
        assert_eq!((reason(&world, Says::text("yes")).as_str(), world.state()), ("teacher", State::Teacher));
        assert_eq!(world.students.asked(), 3);
        assert_eq!(world.metrics.rollbacks_total("shop", "failures").get(), 1);
    }
}

#[test]
fn answers_that_come_too_late_too_often_send_the_site_to_the_teacher() {
    let mut setup = Setup::new(State::Student);
    setup.policy.latency_max_ms = Some(20);
    let world = World::start(setup);
    let Says::Answer(yes) = Says::text("yes") else { panic!() };
    let late = Says::Later(Duration::from_millis(25), yes);
    let served = (0..100).take_while(|_| reason(&world, late.clone()) == "student").count();
    assert!((20..30).contains(&served), "{served}");
    assert_eq!(reason(&world, Says::text("yes")), "student-failing");
    world.ledger.flush(1);
    assert_eq!(world.state(), State::Teacher);
    assert_eq!(world.metrics.rollbacks_total("shop", "latency_budget").get(), 1);
}

#[test]
fn any_answer_ends_the_row() {
    for (says, why) in [
        (Says::text("yes"), "student"),
        (Says::answer("yes", -9.0), "unsure"),
        (Says::text("As an AI, I have no shop."), "forbidden-phrase"),
    ] {
        let world = world(2, Setup::new(State::Student));
        for _ in 0..3 {
            assert_eq!(reason(&world, Says::failure()), "student-failed");
            assert_eq!(reason(&world, says.clone()), why);
        }
    }
}

#[test]
fn a_student_that_is_busy_or_cannot_be_asked_has_not_failed_nor_answered() {
    let too_long = || Says::Error(ModelError::Ineligible(Ineligible::TooLong { tokens: 9, limit: 8 }));
    let world = world(2, Setup::new(State::Student));
    assert_eq!(reason(&world, Says::failure()), "student-failed");
    for _ in 0..3 {
        assert_eq!(reason(&world, Says::Error(ModelError::Busy)), "student-busy");
        assert_eq!(reason(&world, too_long()), "prompt-too-long");
    }
    assert_eq!(reason(&world, Says::failure()), "student-failed");
    assert_eq!(reason(&world, Says::text("yes")), "student-failing");
}

#[test]
fn a_failure_that_is_audited_counts_once() {
    let world = world(2, Setup::audited(State::Student));
    assert_eq!(reason(&world, Says::failure()), "student-failed");
    assert_eq!(world.audits_once(1)[0].outcome, AuditOutcome::NoAnswer);
    until("the count", || world.metrics.audits_total("shop", "no_answer").get() == 1);
    assert_eq!(world.state(), State::Student);
    assert_eq!(reason(&world, Says::failure()), "student-failed");
    until("the way back", || world.state() == State::Teacher);
    assert_eq!((world.audits().len(), world.students.asked()), (2, 2));
}

#[test]
fn a_failure_counts_whatever_becomes_of_its_audit() {
    for (teaches, cause) in [
        (Teaches::HangsUp, "teacher_unreachable"),
        (Teaches::Whole(500, b"{}".to_vec()), "teacher_error"),
        (Teaches::Whole(200, b"not json".to_vec()), "teacher_not_plain"),
    ] {
        let world = world(3, Setup::audited(State::Student));
        world.teacher.does(teaches);
        (0..3).for_each(|_| assert_eq!(reason(&world, Says::failure()), "student-failed"));
        until("the losses", || world.losses() == [format!("{cause} 3")]);
        assert_eq!(reason(&world, Says::text("yes")), "student-failing", "{cause}");
        assert_eq!(world.audits(), []);
    }
}

#[test]
fn a_lost_audit_of_a_student_that_could_not_be_asked_is_no_failure() {
    let world = world(1, Setup::audited(State::Student));
    world.teacher.does(Teaches::HangsUp);
    let too_long = ModelError::Ineligible(Ineligible::TooLong { tokens: 9, limit: 8 });
    assert_eq!(reason(&world, Says::Error(too_long)), "prompt-too-long");
    world.assert_lost("teacher_unreachable");
    assert_eq!(reason(&world, Says::text("yes")), "student");
}

#[test]
fn a_failure_counts_although_the_client_does_not_wait_for_the_teacher() {
    let world = world(1, Setup::audited(State::Student));
    world.teacher.does(Teaches::Silent);
    world.students.say(Says::failure());
    let client = world.begin(&[], QUESTION);
    until("the teacher", || world.teacher.asked().len() == 1);
    drop(client);
    world.assert_lost("client_left");
    world.teacher.does(Teaches::text("yes"));
    assert_eq!(reason(&world, Says::text("yes")), "student-failing");
}

#[test]
fn a_failure_counts_although_there_is_no_place_for_its_audit() {
    let world = world(1, Setup { auditing: false, ..Setup::audited(State::Student) });
    (0..limits::AUDITS_MAX).for_each(|_| assert_eq!(reason(&world, Says::text("yes")), "student"));
    assert_eq!(reason(&world, Says::failure()), "student-failed");
    world.assert_lost("queue_full");
    assert_eq!(reason(&world, Says::text("yes")), "student-failing");
}
