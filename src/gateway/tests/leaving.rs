//! Clients that do not wait for the end, and the count of requests that are being answered.

use std::io::Read;

use capture::Source;
use handover::{AuditOutcome, Numbers, State};

use super::client::{self, QUESTION, STREAMED};
use super::students::Says;
use super::teacher::Teaches;
use super::until;
use super::world::{Setup, World};

#[test]
fn a_client_that_leaves_ends_the_students_work_and_the_audit_is_made_without_it() {
    let world = World::start(Setup::audited(State::Student));
    world.students.say(Says::Never);
    let client = world.begin(&[], QUESTION);
    until("the student", || world.students.asked() == 1);
    assert_eq!((world.students.dropped(), world.metrics.requests_in_flight().get()), (0, 1.0));
    world.students.say(Says::text("yes"));
    drop(client);
    until("the end of the work", || world.students.dropped() == 1);
    let audit = &world.audits_once(1)[0];
    let numbers = Numbers::default();
    let compared = AuditOutcome::Compared { quality: 1.0, bad: false, confidence: 1.0, verified: true, numbers };
    assert_eq!(audit.outcome, compared);
    assert_eq!((audit.served, world.students.asked(), world.teacher.asked().len()), (false, 2, 1));
    let kept = &world.kept_once(1)[0];
    assert_eq!((&kept.source, kept.request.as_str(), world.losses()), (&Source::Teacher, QUESTION, vec![]));
    assert_ne!(kept.id.to_string(), audit.request);
    world.until_idle();
}

#[test]
fn a_client_that_leaves_without_an_audit_costs_nothing_more() {
    let world = World::start(Setup::new(State::Student));
    world.students.say(Says::Never);
    let client = world.begin(&[], QUESTION);
    until("the student", || world.students.asked() == 1);
    drop(client);
    until("the end of the work", || world.students.dropped() == 1);
    world.until_idle();
    world.students.say(Says::text("yes"));
    assert_eq!(world.ask(QUESTION).route(), "student");
    assert_eq!((world.teacher.asked().len(), world.audits(), world.losses()), (0, vec![], vec![]));
}

#[test]
fn a_client_that_leaves_while_the_teacher_thinks_leaves_no_evidence() {
    // With a student that was never asked, and with one that had answered.
    for state in [State::Shadow, State::Student] {
        let world = World::start(Setup::audited(state));
        world.teacher.does(Teaches::Silent);
        world.students.say(Says::answer("yes", -9.0));
        let client = world.begin(&[], QUESTION);
        until("the teacher", || world.teacher.asked().len() == 1);
        drop(client);
        world.assert_lost("client_left");
        until("the teacher to be left", || world.teacher.left() == 1);
        world.until_idle();
        assert_eq!(world.students.asked(), usize::from(state == State::Student));
    }
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_stream_leaves_no_evidence_and_half_an_exchange() {
    let world = World::start(Setup::audited(State::Shadow));
    world.teacher.does(Teaches::Stalls("data: {\"choices\":[]}\n\n".into()));
    let mut client = world.begin(&[], STREAMED);
    let mut got = String::new();
    until("the first event", || {
        let mut more = [0; 512];
        let count = client.read(&mut more).unwrap();
        got.push_str(&String::from_utf8_lossy(&more[..count]));
        got.contains("choices")
    });
    assert_eq!(world.metrics.requests_in_flight().get(), 1.0);
    drop(client);
    world.assert_lost("client_left");
    let kept = &world.kept_once(1)[0];
    assert_eq!((kept.complete, kept.response.as_str()), (false, "data: {\"choices\":[]}\n\n"));
    assert_eq!(world.metrics.request_duration_seconds("shop", "teacher").get_sample_count(), 1);
    until("the teacher to be left", || world.teacher.left() == 1);
    world.until_idle();
    assert_eq!(world.students.asked(), 0);
}

#[test]
fn requests_are_counted_while_they_are_answered_and_not_after() {
    let world = World::start(Setup::new(State::Student));
    world.students.say(Says::Never);
    let clients: Vec<_> = (0..3).map(|_| world.begin(&[], QUESTION)).collect();
    until("the students", || world.students.asked() == 3);
    assert_eq!(world.metrics.requests_in_flight().get(), 3.0);
    drop(clients);
    world.until_idle();
    world.students.say(Says::text("yes"));
    let served = client::end(world.begin(&[], QUESTION));
    world.until_idle();
    world.students.say(Says::failure());
    let taught = world.ask(QUESTION);
    world.until_idle();
    world.teacher.does(Teaches::HangsUp);
    let unreachable = world.ask(QUESTION);
    world.until_idle();
    let refused = world.send("POST", "/v1/chat/completions", &[("origin", "https://evil.example")], QUESTION);
    world.until_idle();
    assert_eq!([served.status, taught.status, unreachable.status, refused.status], [200, 200, 502, 403]);
}
