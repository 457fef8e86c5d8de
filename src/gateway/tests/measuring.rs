//! What audits are measured by: the teacher's own variance, a judge, a refusal.

use std::sync::Arc;

use handover::{AuditOutcome, Numbers, State};
use parking_lot::Mutex;
use verify::{Comparison, Measure};
use wire::Prompt;

use super::client::QUESTION;
use super::students::Says;
use super::teacher::Teaches;
use super::until;
use super::world::{Setup, World, site};
use crate::{Judging, Opinion};

/// Says what it was told to say, and remembers what it was asked.
#[derive(Default)]
struct Scripted {
    says: Mutex<Option<f64>>,
    asked: Mutex<Vec<[String; 2]>>,
}

impl Judging for Scripted {
    fn prefer<'a>(&'a self, _: &'a Prompt, student: &'a str, teacher: &'a str, _: u64) -> Opinion<'a> {
        self.asked.lock().push([student.to_owned(), teacher.to_owned()]);
        let said = self.says.lock().ok_or_else(|| "it is asleep".to_owned());
        Box::pin(async move { said })
    }
}

fn asked(number: u32) -> String {
    QUESTION.replace("the shop", &format!("shop {number}"))
}

fn again(world: &World, purpose: &str) -> u64 {
    world.metrics.teacher_asked_again_total("shop", purpose).get()
}

#[test]
fn what_the_teacher_refuses_is_evidence_against_a_student_that_answers() {
    let refusal = serde_json::json!({"refusal": "no", "content": null});
    for teaches in [
        Teaches::message(&refusal, "stop"),
        Teaches::message(&serde_json::json!({"content": ""}), "content_filter"),
        Teaches::Whole(400, br#"{"error": {"code": "content_filter"}}"#.to_vec()),
    ] {
        for state in [State::Shadow, State::Student] {
            let world = World::start(Setup::audited(state));
            world.teacher.does(teaches.clone());
            world.ask(QUESTION);
            let numbers = Numbers { refused: true, ..Numbers::default() };
            let expected = AuditOutcome::Compared { quality: 0.0, bad: true, confidence: 1.0, verified: true, numbers };
            assert_eq!((world.audits_once(1)[0].outcome, world.losses()), (expected, vec![]), "{state:?}");
        }
    }
}

#[test]
fn the_first_requests_of_a_site_ask_the_teacher_twice_and_choose_its_measure() {
    let mut setup = Setup { comparison: Comparison::Auto, ..Setup::new(State::Teacher) };
    (setup.policy.audit_share_shadow, setup.policy.repeats) = (1.0, 3);
    let world = World::start(setup);
    world.teacher.does(Teaches::text("open from nine until six, every day but Sunday"));
    for number in 0..3 {
        assert_eq!(world.ledger.measure(&site("shop")), None);
        assert_eq!(world.ask(&asked(number)).route(), "teacher");
        // The same again shows nothing new.
        let repeats = || world.ledger.view(&site("shop")).unwrap().teacher_repeats;
        until("the repeat", || repeats() == usize::try_from(number).unwrap() + 1);
        // The same again shows nothing new, and costs nothing.
        world.ask(&asked(number));
    }
    until("the choice", || world.ledger.measure(&site("shop")).is_some());
    let choice = world.ledger.measure(&site("shop")).unwrap();
    assert_eq!(choice.measure, Measure::Exact, "{}", choice.why);
    let before = world.teacher.asked().len();
    world.ask(&asked(9));
    assert_eq!((world.teacher.asked().len(), world.kept_once(7).len()), (before + 1, 7), "answers for us are not kept");
    assert_eq!((again(&world, "repeat"), world.losses()), (3, vec![]));
}

#[test]
fn an_audit_against_the_teachers_own_variance_asks_the_teacher_twice() {
    let measure = Some(Measure::SelfRelative { margin: 0.05, bad_below: 0.1 });
    let world = World::start(Setup { measure, ..Setup::audited(State::Shadow) });
    world.teacher.does(Teaches::text("we open at dawn"));
    world.students.say(Says::text("we open at noon"));
    world.ask(QUESTION);
    let AuditOutcome::Compared { quality, bad, numbers, .. } = world.audits_once(1)[0].outcome else { panic!() };
    // Three of four words, where the teacher is always the same: 1/2 + 3/4 - 1.
    assert!((quality - 0.25).abs() < 1e-9 && !bad, "{quality}");
    assert_eq!((numbers.again, numbers.wrong), (Some(1.0), false));
    assert!((numbers.similarity.unwrap() - 0.75).abs() < 1e-9);
    assert_eq!((world.teacher.asked().len(), again(&world, "repeat")), (2, 1));
}

#[test]
fn a_judged_audit_says_what_the_judge_prefers_and_is_lost_without_a_verdict() {
    let measure = Some(Measure::Judged { margin: 0.05, sensitivity: 0.9 });
    let judge = Arc::new(Scripted::default());
    let setup = Setup { measure, judge: Some(judge.clone()), ..Setup::audited(State::Shadow) };
    let world = World::start(setup);
    world.teacher.does(Teaches::text("open until six"));
    world.students.say(Says::text("until six it is"));
    for (says, bad) in [(1.0, false), (0.5, false), (0.0, true)] {
        *judge.says.lock() = Some(says);
        world.ask(QUESTION);
        until("the audit", || {
            world.audits().last().is_some_and(
                |audit| matches!(audit.outcome, AuditOutcome::Compared { numbers, .. } if numbers.judged == Some(says)),
            )
        });
        let AuditOutcome::Compared { quality, bad: found, .. } = world.audits().last().unwrap().outcome else {
            panic!()
        };
        assert_eq!((quality, found), (says, bad));
    }
    assert_eq!(judge.asked.lock()[0], ["until six it is", "open until six"]);
    *judge.says.lock() = None;
    world.ask(QUESTION);
    until("the loss", || !world.losses().is_empty());
    assert_eq!((world.losses(), world.audits().len(), again(&world, "judge")), (vec!["judge_silent 1".into()], 3, 4));
}

#[test]
fn a_sticky_user_stays_on_one_side_of_a_canary_and_is_counted() {
    let mut setup = Setup::audited(State::Canary);
    setup.policy.sticky = handover::Sticky::User;
    let world = World::start(setup);
    let by = |user: u32| world.ask(&QUESTION.replacen('{', &format!(r#"{{"user":"player {user}","#), 1));
    let mut routes = std::collections::BTreeSet::new();
    for user in 0..12 {
        let first = by(user).route().to_owned();
        assert!((0..3).all(|_| by(user).route() == first), "player {user} changes sides");
        routes.insert(first);
    }
    assert_eq!(routes.len(), 2, "and not all stand on one");
    let audits = world.audits_once(48);
    let users: std::collections::BTreeSet<_> = audits.iter().map(|audit| audit.user.unwrap()).collect();
    assert_eq!(users.len(), 12);
}

#[test]
fn a_judge_that_has_gone_blind_takes_its_site_back_into_shadow() {
    for (says, blind) in [(0.5, true), (0.0, false)] {
        let measure = Some(Measure::Judged { margin: 0.05, sensitivity: 0.9 });
        let judge = Arc::new(Scripted::default());
        // It says the same of every pair: a tie sees nothing, a loss sees everything.
        *judge.says.lock() = Some(says);
        let setup = Setup { measure, judge: Some(judge.clone()), ..Setup::audited(State::Shadow) };
        let world = World::start(setup);
        world.teacher.does(Teaches::text("the shop is open until 6"));
        world.students.say(Says::text("until 6 it is"));
        let sentinels = |outcome| world.metrics.judge_sentinels_total("shop", outcome).get();
        let mut number = 0;
        until("the sentinels", || {
            world.ask(&asked(number));
            number += 1;
            sentinels("seen") + sentinels("missed") >= 12
        });
        assert_eq!((sentinels("seen") == 0, sentinels("missed") == 0), (blind, !blind));
        until("what follows", || world.ledger.view(&site("shop")).unwrap().paused == blind);
        let view = world.ledger.view(&site("shop")).unwrap();
        let actor = view.last_switch.and_then(|switch| switch.actor);
        assert_eq!(actor.as_deref() == Some("sentinel"), blind, "{actor:?}");
    }
}
