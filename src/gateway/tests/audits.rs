use std::time::Duration;

use capture::Source;
use handover::policy::step;
use handover::{AuditOutcome, Dice, Numbers, State};
use verify::Comparison;
use wire::ModelError;

use super::DEADLINE;
use super::client::{QUESTION, STREAMED};
use super::students::Says;
use super::teacher::Teaches;
use super::until;
use super::world::{Setup, World, site, version};

const REFUSED: &str = "As an AI, I have no shop.";

fn compared(quality: f64, confidence: f64, verified: bool) -> AuditOutcome {
    AuditOutcome::Compared { quality, bad: quality < 1.0, confidence, verified, numbers: Numbers::default() }
}

/// How many audits of `shop` were counted as this.
fn counted(world: &World, outcome: &str) -> u64 {
    world.metrics.audits_total("shop", outcome).get()
}

#[test]
fn an_audit_is_good_or_bad_by_the_sites_own_measure() {
    // Three quarters and a third of the words agree: neither is judged by one half.
    for (student, quality, bad_below, label, other) in [
        ("open until six", 0.75, 0.8, "bad", "good"),
        ("open", 1.0 / 3.0, 0.3, "good", "bad"),
        ("open", 1.0 / 3.0, 1.0 / 3.0, "good", "bad"),
    ] {
        let mut setup = Setup { comparison: Comparison::Similar, ..Setup::audited(State::Shadow) };
        setup.policy.bad_below = bad_below;
        let world = World::start(setup);
        world.teacher.does(Teaches::text("open until six or seven"));
        world.students.say(Says::text(student));
        let reply = world.ask(QUESTION);
        assert_eq!((reply.route(), reply.text().as_str()), ("teacher", "open until six or seven"));
        let audit = &world.audits_once(1)[0];
        assert_eq!((audit.request.as_str(), &audit.version, audit.served), (reply.id(), &version("1-a"), false));
        let AuditOutcome::Compared { quality: found, confidence, verified, .. } = audit.outcome else {
            panic!("{audit:?}")
        };
        assert!((found - quality).abs() < 1e-9 && verified, "{audit:?}");
        assert!((confidence - 1.0).abs() < 1e-9, "{audit:?}");
        assert!(audit.features.is_some(), "a new confidence may learn from it");
        until("the count", || counted(&world, label) == 1);
        assert_eq!((counted(&world, other), world.losses()), (0, vec![]));
        assert_eq!((world.teacher.asked().len(), world.students.asked()), (1, 1));
    }
}

#[test]
fn an_audited_stream_is_compared_like_a_whole_answer() {
    let Teaches::Stream(mut without_usage) = Teaches::stream("yes") else { panic!() };
    without_usage.remove(2);
    for teaches in [Teaches::stream("yes"), Teaches::Stream(without_usage)] {
        let world = World::start(Setup::audited(State::Shadow));
        world.teacher.does(teaches);
        assert!(world.ask(STREAMED).whole);
        assert_eq!(world.audits_once(1)[0].outcome, compared(1.0, 1.0, true));
    }
}

#[test]
fn an_answer_that_a_verifier_refuses_is_bad_however_much_it_agrees() {
    for state in [State::Shadow, State::Student] {
        let world = World::start(Setup::audited(state));
        world.teacher.does(Teaches::text(REFUSED));
        world.students.say(Says::text(REFUSED));
        let reply = world.ask(QUESTION);
        let audit = &world.audits_once(1)[0];
        assert_eq!((reply.route(), audit.served, audit.outcome), ("teacher", false, compared(1.0, 1.0, false)));
        until("the count", || counted(&world, "bad") == 1);
        assert_eq!((counted(&world, "good"), world.students.asked()), (0, 1), "{state:?}");
    }
}

#[test]
fn a_student_without_an_answer_is_recorded_once_as_that() {
    for state in [State::Shadow, State::Student] {
        for says in [Says::failure(), Says::Never, Says::Panics] {
            let time = if matches!(says, Says::Never) { Duration::from_millis(50) } else { DEADLINE };
            let world = World::start(Setup { student_time: time, ..Setup::audited(state) });
            world.students.say(says);
            assert_eq!(world.ask(QUESTION).route(), "teacher");
            assert_eq!(world.audits_once(1)[0].outcome, AuditOutcome::NoAnswer);
            until("the count", || counted(&world, "no_answer") == 1);
            assert_eq!((world.students.asked(), world.audits().len(), world.losses()), (1, 1, vec![]), "{state:?}");
        }
    }
}

#[test]
fn an_answer_that_was_not_sure_enough_is_evidence_without_being_made_again() {
    let world = World::start(Setup::audited(State::Student));
    world.students.say(Says::answer("yes", f32::ln(0.25)));
    assert_eq!(world.ask(QUESTION).reason(), "unsure");
    let audit = &world.audits_once(1)[0];
    let AuditOutcome::Compared { quality, confidence, verified, .. } = audit.outcome else { panic!("{audit:?}") };
    assert!((confidence - 0.25).abs() < 1e-6 && verified && !audit.served, "{audit:?}");
    assert!((quality - 1.0).abs() < 1e-9, "{audit:?}");
    assert_eq!((world.students.asked(), world.teacher.asked().len()), (1, 1));
}

#[test]
fn a_busy_student_is_asked_again_when_the_audits_turn_comes() {
    let mut world = World::start(Setup { auditing: false, ..Setup::audited(State::Student) });
    world.students.say(Says::Error(ModelError::Busy));
    assert_eq!(world.ask(QUESTION).reason(), "student-busy");
    world.students.say(Says::text("yes"));
    world.work_on_audits();
    assert_eq!(world.audits_once(1)[0].outcome, compared(1.0, 1.0, true));
    assert_eq!((world.students.asked(), world.losses()), (2, vec![]));
}

#[test]
fn a_repeated_request_is_no_new_evidence() {
    for (state, route) in [(State::Shadow, "teacher"), (State::Student, "student")] {
        let mut world = World::start(Setup { auditing: false, ..Setup::audited(state) });
        assert_eq!(world.ask_with(&[("x-stainless-retry-count", "1")], QUESTION).route(), route);
        let first_try = world.ask_with(&[("x-stainless-retry-count", "0")], QUESTION);
        let (by_clients, retry) = (world.teacher.asked().len(), world.kept_once(2)[0].retry);
        world.work_on_audits();
        let audit = &world.audits_once(1)[0];
        assert_eq!((audit.request.as_str(), retry), (first_try.id(), true));
        // Audits begin in order: an earlier one would have asked before.
        let background = world.students.asked() + world.teacher.asked().len() - by_clients;
        assert_eq!((background, world.losses()), (if state == State::Student { 3 } else { 1 }, vec![]));
    }
}

#[test]
fn a_served_answer_is_compared_in_the_background_and_that_exchange_is_kept_too() {
    for (question, teaches) in [(QUESTION, Teaches::text("yes")), (STREAMED, Teaches::stream("yes"))] {
        let mut world = World::start(Setup { auditing: false, ..Setup::audited(State::Student) });
        world.teacher.does(teaches);
        let path = "/s/shop/v1/chat/completions?a=b";
        let reply = world.send("POST", path, &[("authorization", "Bearer mine")], question);
        assert_eq!((reply.route(), world.teacher.asked().len()), ("student", 0));
        world.work_on_audits();
        let audit = &world.audits_once(1)[0];
        assert_eq!((audit.request.as_str(), audit.served, audit.outcome), (reply.id(), true, compared(1.0, 1.0, true)));
        let asked = world.teacher.asked();
        assert_eq!((asked.len(), asked[0].body.as_str(), world.students.asked()), (1, question, 1));
        assert!(asked[0].head.starts_with("post /v1/chat/completions?a=b "), "{}", asked[0].head);
        assert!(asked[0].head.contains("authorization: bearer mine"), "{}", asked[0].head);
        let kept = world.kept_once(2);
        assert_eq!((kept[0].id.to_string().as_str(), &kept[0].source), (reply.id(), &Source::Student(version("1-a"))));
        assert_eq!((&kept[1].source, kept[1].status, kept[1].complete), (&Source::Teacher, 200, true));
        assert_eq!((kept[1].request.as_str(), &kept[1].site), (question, &site("shop")));
        assert_ne!(kept[1].id, kept[0].id);
        assert_eq!(world.metrics.tokens_total("shop", "teacher", "input").get(), 11);
        assert_eq!(world.metrics.requests_total("shop", "teacher", "200").get(), 0, "no client was answered");
    }
}

#[test]
fn a_version_that_did_not_serve_is_asked_for_its_own_audit() {
    // The route die falls to the newer version, the audit die to the one that serves.
    let world = World::start(Setup { dice: Dice { route: 0.0, audit: 0.2 }, ..Setup::audited(State::Student) });
    let mut setup = Setup::audited(State::Student);
    setup.policy.canary = vec![step(0.5, 1_000_000)];
    world.change_rules(&setup);
    world.try_version("2-b", &setup.policy, |world| {
        let view = world.ledger.view(&site("shop")).unwrap();
        view.challenger.is_some_and(|challenger| challenger.state == State::Canary)
    });
    let before = world.audits().len();
    for (says, route) in [(Says::text("yes"), "student"), (Says::failure(), "teacher")] {
        world.students.say(says);
        assert_eq!(world.ask(QUESTION).route(), route);
    }
    let audits = world.audits_once(before + 2);
    assert!(audits[before..].iter().all(|audit| audit.version == version("1-a") && !audit.served), "{audits:?}");
    let mut asked = world.students.versions_asked();
    asked.sort();
    assert_eq!(asked, ["1-a", "1-a", "2-b", "2-b"]);
}
