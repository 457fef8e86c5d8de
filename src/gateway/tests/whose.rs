//! Requests that do not say whose they are.

use callsite::{MatchRule, MatchRules, SiteId};
use fingerprint::Surroundings;
use handover::State;

use super::client::Reply;
use super::world::{Setup, World, site};

const CHAT: &str = "/v1/chat/completions";

struct Nothing;

impl Surroundings for Nothing {
    fn keeps(&self, _: &SiteId) -> bool {
        true
    }
    fn is_bare(&self, _: &SiteId) -> bool {
        true
    }
    fn is_used(&self, _: &SiteId) -> bool {
        false
    }
}

fn body(model: &str, number: usize) -> String {
    let system = format!("You are Nr. {number}, smith of the glass swords. Answer in one line.");
    format!(
        r#"{{"model":"{model}","messages":[{{"role":"system","content":"{system}"}},{{"role":"user","content":"How much for sword {number}?"}}]}}"#
    )
}

fn whose(reply: &Reply) -> (&str, &str) {
    (reply.header("x-apprentice-site"), reply.header("x-apprentice-site-by"))
}

/// Asks so often that a site is found, if it may be.
fn ask_often(world: &World, headers: &[(&str, &str)]) -> Option<SiteId> {
    for number in 0..40 {
        assert_eq!(whose(&world.send("POST", CHAT, headers, &body("m", number))), ("default", "default"));
    }
    world.finder.mine(1, &Nothing).found.pop()
}

#[test]
fn a_model_alias_names_the_site_and_reaches_the_teacher_as_it_came() {
    let world = World::start(Setup::new(State::Teacher));
    for alias in ["apprentice::shop", "tensorzero::function_name::shop", "openpipe:shop"] {
        let sent = body(alias, 1);
        assert_eq!(whose(&world.send("POST", CHAT, &[], &sent)), ("shop", "alias"));
        assert_eq!(world.teacher.asked().last().unwrap().body, sent);
    }
    assert_eq!(world.send("POST", CHAT, &[], &body("apprentice::no site", 1)).status, 400);
}

#[test]
fn a_configured_model_takes_the_place_of_an_alias_and_nothing_else_changes() {
    let world = World::start(Setup { alias_model: Some("gpt-5-mini".into()), ..Setup::new(State::Teacher) });
    let reply = world.send("POST", CHAT, &[], &body("apprentice::shop", 1));
    assert_eq!((whose(&reply), reply.header("x-apprentice-model")), (("shop", "alias"), "gpt-5-mini"));
    assert_eq!(world.teacher.asked()[0].body, body("gpt-5-mini", 1));
    world.send("POST", CHAT, &[], &body("other", 1));
    assert_eq!(world.teacher.asked()[1].body, body("other", 1), "a model that is no alias stays");
    assert_eq!(world.kept_once(1)[0].request, body("gpt-5-mini", 1));
}

#[test]
fn a_configured_rule_goes_before_what_is_found() {
    let rule = MatchRule { site: Some(site("smith")), system: Some("glass".into()), ..MatchRule::default() };
    let peer = MatchRule { header: Some("helicone-prompt-id".into()), ..MatchRule::default() };
    let matching = MatchRules::new(&[peer, rule]).unwrap();
    let world = World::start(Setup { matching, ..Setup::new(State::Teacher) });
    assert_eq!(whose(&world.send("POST", CHAT, &[], &body("m", 1))), ("smith", "rule"));
    let headers = [("Helicone-Prompt-Id", "barks")];
    assert_eq!(whose(&world.send("POST", CHAT, &headers, &body("m", 1))), ("barks", "rule"));
    assert_eq!(whose(&world.send("POST", "/s/shop/v1/chat/completions", &headers, &body("m", 1))), ("shop", "path"));
}

#[test]
fn a_site_is_found_from_its_prompts_and_then_kept_like_any_other() {
    let world = World::start(Setup::new(State::Teacher));
    let found = ask_often(&world, &[]).unwrap();
    let reply = world.send("POST", CHAT, &[], &body("m", 1_000));
    assert_eq!(whose(&reply), (found.as_str(), "fingerprint"));
    assert_eq!(reply.header("x-apprentice-reason"), "teacher", "it waits for its first lesson");
    assert_eq!(world.kept_once(41)[40].site, found);
    // What it was found from is its own from now on.
    crate::release_early(&world.gateway);
    let kept = world.kept_once(81);
    let early: Vec<_> = kept.iter().skip(41).map(|exchange| (&exchange.site, exchange.request.clone())).collect();
    let asked: Vec<_> = (0..40).map(|number| (&found, body("m", number))).collect();
    assert_eq!(early, asked);
    crate::release_early(&world.gateway);
    assert!(world.ledger.is_known(&found));
    // What is said outright goes before.
    let reply = world.send("POST", CHAT, &[("x-apprentice-site", "shop")], &body("m", 1_001));
    assert_eq!(whose(&reply), ("shop", "header"));
}

#[test]
fn the_same_prompts_as_responses_are_a_site_of_their_own() {
    let world = World::start(Setup::new(State::Teacher));
    let by_chat = ask_often(&world, &[]).unwrap();
    let ask = |number: usize| {
        let body = format!(
            r#"{{"model":"m","instructions":"You are Nr. {number}, smith of the glass swords. Answer in one line.","input":"How much for sword {number}?"}}"#
        );
        world.send("POST", "/v1/responses", &[], &body)
    };
    for number in 0..40 {
        assert_eq!(whose(&ask(number)), ("default", "default"));
    }
    let by_response = world.finder.mine(2, &Nothing).found.pop().unwrap();
    assert_ne!(by_chat, by_response);
    assert_eq!(whose(&ask(1_000)), (by_response.as_str(), "fingerprint"));
    assert_eq!(whose(&world.send("POST", CHAT, &[], &body("m", 1_000))), (by_chat.as_str(), "fingerprint"));
}

#[test]
fn what_a_client_does_not_want_kept_helps_to_find_nothing() {
    let world = World::start(Setup::new(State::Teacher));
    assert_eq!(ask_often(&world, &[("x-apprentice-capture", "off")]), None);
    let world = World::start(Setup { capture: false, ..Setup::new(State::Teacher) });
    assert_eq!(ask_often(&world, &[]), None);
}

#[test]
fn the_same_body_again_within_the_window_is_no_new_evidence() {
    let world = World::start(Setup { repeat_window_ms: 60_000, ..Setup::audited(State::Shadow) });
    for number in [1, 1, 2, 1, 2] {
        world.ask(&body("m", number));
    }
    assert_eq!(world.audits_once(2).len(), 2);
    assert!(
        world.kept_once(5).iter().all(|exchange| !exchange.retry),
        "it is kept, and no client said that it retries"
    );
    assert_eq!(world.audits().len(), 2);
}
