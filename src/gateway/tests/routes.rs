use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use handover::plan::Because;
use handover::policy::step;
use handover::{Dice, State};
use wire::{Answer, Finish, Ineligible, ModelError};

use super::client::{self, QUESTION, Reply};
use super::students::{Opens, Says};
use super::teacher::Teaches;
use super::world::{NOW_MS, Setup, World, site};
use crate::Reason;

/// The answer came from `route` for `reason`, and was counted as that.
fn assert_routed(world: &World, reply: &Reply, route: &str, reason: &str) {
    assert_eq!((reply.status, reply.route(), reply.reason()), (200, route, reason), "{reply:?}");
    let (site, label) = (reply.header("x-apprentice-site"), reason_label(reason));
    // In metrics these are not the requests that no one named.
    let site = if reason == "too-many-sites" { "_other" } else { site };
    assert_eq!(world.metrics.routed_total(site, route, label).get(), 1, "{label}");
}

/// The metric's label of a header's reason: without the name of a field or kind of content.
fn reason_label(reason: &str) -> &str {
    ["field", "content"].into_iter().find(|label| reason.starts_with(&format!("{label}-"))).unwrap_or(reason)
}

#[test]
fn who_names_no_site_is_answered_by_the_teacher() {
    let world = World::start(Setup::audited(State::Student));
    let reply = world.send("POST", "/v1/chat/completions", &[], QUESTION);
    assert_routed(&world, &reply, "teacher", "default-site");
    assert_eq!((reply.header("x-apprentice-site"), reply.header("x-apprentice-site-by")), ("default", "default"));
    assert_eq!((reply.header("x-apprentice-model"), world.students.asked()), ("gpt", 0));
}

#[test]
fn a_site_is_named_by_path_header_or_metadata_and_a_bad_name_is_refused() {
    let world = World::start(Setup::new(State::Student));
    let (chat, by) = ("/v1/chat/completions", "x-apprentice-site-by");
    let metadata = QUESTION.replacen('{', r#"{"metadata":{"apprentice_site":"shop"},"#, 1);
    let header: &[_] = &[("x-apprentice-site", "shop")];
    for (path, headers, body, rule) in [
        ("/s/shop/v1/chat/completions", &[][..], QUESTION, "path"),
        (chat, header, QUESTION, "header"),
        (chat, &[], &metadata, "metadata"),
    ] {
        let reply = world.send("POST", path, headers, body);
        assert_eq!((reply.route(), reply.header("x-apprentice-site"), reply.header(by)), ("student", "shop", rule));
    }
    let refused = world.send("POST", chat, &[("x-apprentice-site", "no site")], QUESTION);
    assert_eq!((refused.status, refused.header("x-should-retry")), (400, "false"));
    assert!(refused.body.contains(r#""code":"bad_site""#), "{}", refused.body);
    assert_eq!(world.metrics.requests_total("default", "proxy", "400").get(), 1);
}

#[test]
fn a_site_past_the_cap_is_answered_like_one_that_was_not_named() {
    let world = World::start(Setup::audited(State::Student));
    let mut others = (1..ledger::SITES_MAX).map(|n| site(&format!("site-{n}")));
    assert!(others.all(|site| world.ledger.register(&site)));
    let reply = world.send("POST", "/s/inn/v1/chat/completions", &[], QUESTION);
    assert_routed(&world, &reply, "teacher", "too-many-sites");
    assert_eq!(reply.header("x-apprentice-site"), "default");
    assert_eq!(world.kept_once(1)[0].site, site("default"));
    assert_eq!(world.ask(QUESTION).route(), "student", "a site that is known keeps its student");
}

#[test]
fn what_is_not_understood_is_the_teachers_and_so_is_what_is_no_json() {
    let world = World::start(Setup::audited(State::Student));
    let reply = world.ask(r#"{"messages":[{"role":"user","content":"no model"}]}"#);
    assert_routed(&world, &reply, "teacher", "not-understood");
    assert_eq!(world.teacher.asked()[0].body, r#"{"messages":[{"role":"user","content":"no model"}]}"#);
    let reply = world.ask("not json");
    assert_eq!((reply.status, reply.route(), reply.header("x-apprentice-reason")), (200, "teacher", "not-understood"));
    assert_eq!(world.teacher.asked()[1].body, "not json");
    assert_eq!((world.teacher.asked().len(), world.students.asked()), (2, 0));
}

#[test]
fn what_no_student_can_be_asked_is_neither_a_failure_nor_an_audit() {
    let mut setup = Setup::audited(State::Student);
    setup.policy.failures_max = 1;
    let world = World::start(setup);
    let with = |field: &str| QUESTION.replacen('{', &format!("{{{field},"), 1);
    let messages = |messages: &str| format!(r#"{{"model":"gpt","messages":{messages}}}"#);
    for (body, reason) in [
        (with(r#""logit_bias":{"7":1}"#), "field-logit_bias"),
        (messages(r#"[{"role":"user","content":[{"type":"image_url","image_url":"x"}]}]"#), "content-image_url"),
        (messages(r#"[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]"#), "last-turn-not-user"),
        (messages("[7]"), "messages-malformed"),
    ] {
        assert_routed(&world, &world.ask(&body), "teacher", reason);
    }
    world.students.accept(Err(Ineligible::TooLong { tokens: 9, limit: 8 }));
    assert_routed(&world, &world.ask(QUESTION), "teacher", "prompt-too-long");
    assert_eq!((world.students.asked(), world.audits(), world.losses()), (0, vec![], vec![]));
    world.students.accept(Ok(()));
    assert_routed(&world, &world.ask(QUESTION), "student", "student");
    assert_eq!(world.audits_once(1).len(), 1);
}

#[test]
fn what_the_model_that_is_asked_refuses_is_that_models_to_answer() {
    let mut setup = Setup::new(State::Student);
    setup.alias_model = Some("thinker".to_owned());
    setup.parameters = wire::ParameterRules(vec![wire::ParameterRule {
        models: vec!["thinker".into()],
        refuses: vec!["top_p".into()],
    }]);
    let world = World::start(setup);
    let asked = |model: &str, top_p: f32| {
        format!(r#"{{"model":"{model}","top_p":{top_p},"messages":[{{"role":"user","content":"a lamp?"}}]}}"#)
    };
    for (model, top_p, route, reason) in [
        ("thinker", 0.5, "teacher", "field-top_p"),
        ("apprentice::shop", 0.5, "teacher", "field-top_p"),
        ("thinker", 1.0, "student", "student"),
        ("plain", 0.5, "student", "student"),
        ("plain", 1.5, "teacher", "field-top_p"),
    ] {
        let reply = world.ask(&asked(model, top_p));
        assert_eq!((reply.route(), reply.reason()), (route, reason), "{model} {top_p}");
    }
    assert_eq!(world.students.asked(), 2);
}

#[test]
fn the_sites_state_and_the_dice_decide_who_answers() {
    for (state, die, route, reason) in [
        (State::Teacher, 0.0, "teacher", "teacher"),
        (State::Shadow, 0.0, "teacher", "shadow"),
        (State::Canary, 0.4, "student", "canary"),
        (State::Canary, 0.6, "teacher", "canary-dice"),
        (State::Student, 0.99, "student", "student"),
        (State::Held, 0.0, "teacher", "held"),
    ] {
        let world = World::start(Setup { dice: Dice { route: die, audit: 0.5 }, ..Setup::new(state) });
        assert_routed(&world, &world.ask(QUESTION), route, reason);
        assert_eq!(world.students.asked(), usize::from(route == "student"), "{reason}");
        assert_eq!(world.teacher.asked().len(), usize::from(route == "teacher"), "{reason}");
        assert_eq!(world.metrics.escalations_total("shop", reason).get(), 0);
    }
}

#[test]
fn a_newer_version_gets_its_share_beside_the_one_that_serves() {
    let world = World::start(Setup::new(State::Student));
    let mut setup = Setup::new(State::Student);
    setup.policy.canary = vec![step(0.5, 1_000_000)];
    world.change_rules(&setup);
    let in_canary = |world: &World| {
        let view = world.ledger.view(&site("shop")).unwrap();
        view.challenger.is_some_and(|challenger| challenger.state == State::Canary)
    };
    world.try_version("2-b", &setup.policy, in_canary);
    let reply = world.ask(QUESTION);
    assert_routed(&world, &reply, "student", "challenger");
    assert_eq!((reply.header("x-apprentice-model"), world.students.versions_asked()), ("shop@2-b", vec!["2-b".into()]));
}

#[test]
fn a_student_that_does_not_serve_leads_to_the_teacher_and_the_header_says_why() {
    let refuses_unanswered = Says::Answer(match Says::text("half a sent") {
        Says::Answer(answer) => Answer { finish: Finish::Length, ..answer },
        other => panic!("{other:?}"),
    });
    let too_long = ModelError::Ineligible(Ineligible::TooLong { tokens: 9, limit: 8 });
    for (says, reason) in [
        (Says::Error(ModelError::Busy), "student-busy"),
        (Says::Error(too_long), "prompt-too-long"),
        (Says::failure(), "student-failed"),
        (Says::Never, "student-timeout"),
        (Says::Panics, "student-failed"),
        (Says::answer("yes", -0.7), "unsure"),
        (refuses_unanswered, "cut-off"),
        (Says::text("As an AI, I have no shop."), "forbidden-phrase"),
        (Says::choices(&[("yes", 0.0), ("no", -0.7)]), "unsure"),
        (Says::choices(&[("yes", 0.0), ("yes", 0.0), ("As an AI, I have no shop.", 0.0)]), "forbidden-phrase"),
    ] {
        let time = if matches!(says, Says::Never) { Duration::from_millis(50) } else { super::DEADLINE };
        let world = World::start(Setup { student_time: time, ..Setup::new(State::Student) });
        world.students.say(says);
        let reply = world.ask(QUESTION);
        assert_routed(&world, &reply, "teacher", reason);
        assert_eq!(world.metrics.escalations_total("shop", reason_label(reason)).get(), 1, "{reason}");
        assert_eq!((reply.text().as_str(), reply.header("x-apprentice-confidence")), ("yes", ""), "{reason}");
        assert_eq!((reply.header("x-apprentice-model"), world.students.asked()), ("gpt", 1), "{reason}");
        assert_eq!(world.metrics.requests_total("shop", "student", "200").get(), 0, "{reason}");
        assert_eq!(world.kept_once(1).len(), 1, "{reason}");
        let hour = world.metrics.traffic().last_hour("shop", NOW_MS).unwrap();
        assert_eq!([hour.teacher, hour.escalated, hour.student], [0, 1, 0], "{reason}");
    }
}

#[test]
fn a_confidence_at_the_proven_threshold_serves() {
    let world = World::start(Setup::new(State::Student));
    world.students.say(Says::answer("yes", -0.69));
    let reply = world.ask(QUESTION);
    assert_eq!((reply.route(), reply.header("x-apprentice-confidence")), ("student", "0.5016"));
    world.students.say(Says::choices(&[("yes", -0.1), ("no", -0.69), ("maybe", -0.2)]));
    let reply = world.ask(QUESTION);
    assert_eq!(
        (reply.route(), reply.header("x-apprentice-confidence")),
        ("student", "0.5016"),
        "its least sure choice"
    );
    assert!(reply.body.contains("maybe"), "{reply:?}");
}

#[test]
fn a_student_is_told_how_soon_its_answer_is_wanted() {
    let ms = Duration::from_millis;
    for (most_ms, within) in [(None, super::DEADLINE), (Some(250), ms(250)), (Some(u64::MAX), super::DEADLINE)] {
        let mut setup = Setup::new(State::Student);
        setup.policy.latency_max_ms = most_ms;
        let world = World::start(setup);
        world.students.say(Says::answer("yes", 0.0));
        world.ask(QUESTION);
        assert_eq!(world.students.prompts()[0].within, Some(within));
    }
}

#[test]
fn a_version_that_is_not_open_yet_is_opened_and_one_that_cannot_be_is_a_failure() {
    for (opens, route, reason) in [
        (Opens::FromDisk, "student", "student"),
        (Opens::Fails, "teacher", "student-failed"),
        (Opens::Panics, "teacher", "student-failed"),
    ] {
        let world = World::start(Setup::new(State::Student));
        world.students.open_by(opens);
        assert_routed(&world, &world.ask(QUESTION), route, reason);
    }
}

#[test]
fn without_the_log_everything_is_the_teachers() {
    let world = World::start(Setup::audited(State::Student));
    assert_eq!(world.ask(QUESTION).route(), "student");
    world.audits_once(1);
    world.break_log();
    assert_routed(&world, &world.ask(QUESTION), "teacher", "log-unavailable");
    assert_eq!((world.students.asked(), world.losses()), (1, vec![]));
}

#[test]
fn other_paths_pass_through_untouched_and_are_not_kept() {
    let world = World::start(Setup::new(State::Student));
    world.teacher.does(Teaches::Whole(418, b"a teapot".to_vec()));
    let reply = world.send("PUT", "/s/shop/v1/files?limit=3", &[("x-mine", "kept")], "bytes");
    assert_eq!((reply.status, reply.reason(), reply.body.as_str()), (418, "passed-through", "a teapot"));
    let asked = world.teacher.asked();
    assert!(asked[0].head.starts_with("put /v1/files?limit=3 ") && asked[0].head.contains("x-mine: kept"), "{asked:?}");
    assert_eq!(world.metrics.requests_total("default", "teacher", "418").get(), 1);
    let unknown = world.send("GET", "/metrics", &[], "");
    assert_eq!((unknown.status, world.teacher.asked().len()), (404, 1));
    assert!(unknown.body.contains("unknown_path"), "{}", unknown.body);
    world.teacher.does(Teaches::text("yes"));
    let chat = world.ask(QUESTION);
    assert_eq!(world.kept_once(1)[0].id.to_string(), chat.id(), "only the chat is kept");
}

/// Every reason, so that a new one does not compile until it is named here.
fn every_reason() -> Vec<Reason> {
    let states = State::ALL.map(Because::State);
    let others = [
        Because::CanaryDice,
        Because::Challenger,
        Because::StudentFailing,
        Because::TooManySites,
        Because::LogUnavailable,
    ];
    let mut all: Vec<Reason> = states.into_iter().chain(others).map(Reason::Plan).collect();
    all.extend([Reason::DefaultSite, Reason::NotUnderstood, Reason::PassedThrough, Reason::BodyTooLarge]);
    all.extend([
        Reason::StudentBusy,
        Reason::StudentFailed,
        Reason::StudentTimeout,
        Reason::Unsure,
        Reason::TeacherDown,
    ]);
    let ineligible = [
        Ineligible::Field("NAME".into()),
        Ineligible::Content("KIND".into()),
        Ineligible::Messages,
        Ineligible::LastTurn,
        Ineligible::Schema(String::new()),
        Ineligible::TooLong { tokens: 0, limit: 0 },
    ];
    all.extend(ineligible.map(Reason::Ineligible));
    all.extend(verify::verifier::NAMES.iter().map(|name| Reason::Refused(name)));
    for reason in &all {
        match reason {
            Reason::Plan(
                Because::State(_)
                | Because::CanaryDice
                | Because::Challenger
                | Because::StudentFailing
                | Because::TooManySites
                | Because::LogUnavailable,
            )
            | Reason::DefaultSite
            | Reason::NotUnderstood
            | Reason::PassedThrough
            | Reason::BodyTooLarge
            | Reason::Ineligible(
                Ineligible::Field(_)
                | Ineligible::Content(_)
                | Ineligible::Messages
                | Ineligible::LastTurn
                | Ineligible::Schema(_)
                | Ineligible::TooLong { .. },
            )
            | Reason::StudentBusy
            | Reason::StudentFailed
            | Reason::StudentTimeout
            | Reason::Unsure
            | Reason::TeacherDown
            | Reason::Refused(_) => {}
        }
    }
    all
}

#[test]
fn a_body_that_breaks_its_framing_is_the_clients_fault_and_not_too_large() {
    let world = World::start(Setup::new(State::Teacher));
    let mut stream = TcpStream::connect(world.address).unwrap();
    stream.set_read_timeout(Some(super::DEADLINE)).unwrap();
    let head = "POST /s/shop/v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nno size\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let reply = client::end(stream);
    assert_eq!(reply.status, 400, "{}", reply.body);
    assert!(reply.body.contains("body_unreadable"), "{}", reply.body);
}

#[test]
fn the_reference_holds_every_reason_once() {
    let reference: Vec<Reason> = Reason::reference().into_iter().map(|(reason, _)| reason).collect();
    let texts: BTreeSet<String> = reference.iter().map(Reason::to_string).collect();
    let labels: BTreeSet<&str> = reference.iter().map(Reason::label).collect();
    assert_eq!((texts.len(), labels.len()), (reference.len(), reference.len()));
    let all = every_reason();
    assert!(all.iter().all(|reason| reference.contains(reason)), "{reference:?}");
    assert_eq!(all.len(), reference.len());
}
