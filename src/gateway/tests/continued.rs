//! Responses of students that clients go on from.

use handover::State;

use super::client::Reply;
use super::world::{Setup, World};

const PATH: &str = "/s/shop/v1/responses";

fn id(reply: &Reply) -> String {
    let response: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    response["id"].as_str().unwrap().to_owned()
}

fn going_on(world: &World, id: &str) -> Reply {
    world.send("POST", PATH, &[], &format!(r#"{{"model":"m","previous_response_id":"{id}","input":"And?"}}"#))
}

#[test]
fn the_oldest_conversations_are_forgotten_first_and_are_the_teachers_to_refuse() {
    let world = World::start(Setup::new(State::Student));
    // 32 MiB of conversations are held.
    let long = format!(r#"{{"model":"m","input":"{}"}}"#, "x".repeat(7 << 20));
    let ids: Vec<String> = (0..5).map(|_| id(&world.send("POST", PATH, &[], &long))).collect();
    for (at, known) in [(0, false), (1, true), (4, true)] {
        let reply = going_on(&world, &ids[at]);
        let reason = if known { "student" } else { "field-previous_response_id" };
        assert_eq!((reply.route(), reply.reason()), (if known { "student" } else { "teacher" }, reason), "{at}");
    }
    let told = world.teacher.asked().last().unwrap().body.clone();
    assert!(told.contains(&ids[0]), "as it came: {told}");
    for odd in ["resp_", "resp_x", "7", ids[4].trim_start_matches("resp_")] {
        assert_eq!(going_on(&world, odd).reason(), "field-previous_response_id", "{odd}");
    }
}

#[test]
fn what_was_erased_is_gone_from_memory_too() {
    let world = World::start(Setup::new(State::Student));
    let first = id(&world.send("POST", PATH, &[], r#"{"model":"m","input":"Who is there?"}"#));
    assert_eq!(going_on(&world, &first).reason(), "student");
    crate::forget(&world.gateway);
    assert_eq!(going_on(&world, &first).reason(), "field-previous_response_id");
    let again = id(&world.send("POST", PATH, &[], r#"{"model":"m","input":"Who is there?"}"#));
    assert_eq!(going_on(&world, &again).reason(), "student");
}

#[test]
fn another_sites_request_may_go_on_too_and_a_chat_request_never_does() {
    let world = World::start(Setup::new(State::Student));
    let first = id(&world.send("POST", PATH, &[], r#"{"model":"m","input":"Who is there?"}"#));
    let body =
        format!(r#"{{"model":"m","previous_response_id":"{first}","input":[{{"role":"user","content":"And?"}}]}}"#);
    world.send("POST", "/s/inn/v1/responses", &[], &body);
    let told = world.teacher.asked().last().unwrap().body.clone();
    assert!(told.contains("Who is there?") && told.contains(r#""previous_response_id":null"#), "{told}");
    let chat = body.replace("input", "messages");
    world.send("POST", "/s/inn/v1/chat/completions", &[], &chat);
    assert_eq!(world.teacher.asked().last().unwrap().body, chat);
}

#[test]
fn what_was_not_to_be_kept_does_not_enter_the_log_by_what_continues_it() {
    let world = World::start(Setup::new(State::Student));
    let off = [("x-apprentice-capture", "off")];
    let secret = id(&world.send("POST", PATH, &off, r#"{"model":"m","input":"My secret."}"#));
    let second = id(&going_on(&world, &secret));
    going_on(&world, &second);
    world.send(
        "POST",
        "/s/inn/v1/responses",
        &[],
        &format!(r#"{{"model":"m","previous_response_id":"{second}","input":"And?"}}"#),
    );
    assert!(world.teacher.asked().last().unwrap().body.contains("My secret."), "the teacher must know it");
    let open = id(&world.send("POST", PATH, &[], r#"{"model":"m","input":"No secret."}"#));
    going_on(&world, &open);
    let kept = world.kept_once(2);
    assert!(kept.iter().all(|exchange| exchange.request.contains("No secret.")), "{kept:?}");
}
