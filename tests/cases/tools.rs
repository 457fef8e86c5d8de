//! Functions that clients let be called: learnt from a teacher that calls them, called by a student in the shapes of both APIs.

use std::fs;

use handover::State;
use harness::client::Answer;
use harness::learnt::{self, LESSON};
use harness::program::World;
use harness::script;
use harness::teacher::{Received, ScriptedTeacher};
use harness::wait::within;
use serde_json::{Value, json};

use crate::PROGRAM;

/// What may be given: nothing long to get lost in.
const ITEM: &str = r#"{"type":"object","properties":{"item":{"enum":["rope","oil"]}},"required":["item"],"additionalProperties":false}"#;

fn route(answer: &Answer) -> (&str, &str) {
    (answer.header("x-apprentice-route"), answer.header("x-apprentice-reason"))
}

/// A chat request that must call a function, and says `extra`.
fn chat(extra: &str) -> String {
    format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"Rope!"}}],"tools":[{{"type":"function","function":{{"name":"give","parameters":{ITEM},"strict":true}}}}],"tool_choice":"required","parallel_tool_calls":false{extra}}}"#
    )
}

/// The same as a response.
fn response(input: &str, extra: &str) -> String {
    format!(
        r#"{{"model":"m","input":{input},"tools":[{{"type":"function","name":"give","parameters":{ITEM},"strict":true}}],"tool_choice":"required","parallel_tool_calls":false{extra}}}"#
    )
}

/// The item that these arguments give.
fn given(arguments: &Value) -> String {
    let arguments: Value = serde_json::from_str(arguments.as_str().unwrap()).unwrap();
    let item = arguments["item"].as_str().unwrap().to_owned();
    assert!(["rope", "oil"].contains(&item.as_str()) && arguments.as_object().unwrap().len() == 1, "{arguments}");
    item
}

fn events(answer: &Answer) -> Vec<Value> {
    let text = answer.text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[test]
fn a_student_calls_in_openais_shapes_and_goes_on_with_what_came_of_it() {
    let teacher = ScriptedTeacher::start(|_| script::says("the teacher's own words"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    learnt::with_students(&mut world);
    learnt::with_room(&mut world, 1024);
    let version = learnt::publish(&world, "shop", 1);
    learnt::prove(&world, "shop", &version, 0.0, State::Student);
    let proxy = world.start();
    let answer = proxy.chat("shop", &chat(""));
    assert_eq!(route(&answer), ("student", "student"), "{answer:?}\n{}", proxy.log());
    let choice = &answer.json()["choices"][0];
    assert_eq!((&choice["finish_reason"], &choice["message"]["content"]), (&json!("tool_calls"), &Value::Null));
    let calls = choice["message"]["tool_calls"].as_array().unwrap();
    let call = &calls[0];
    assert_eq!((calls.len(), &call["type"], &call["function"]["name"]), (1, &json!("function"), &json!("give")));
    let item = given(&call["function"]["arguments"]);

    let streamed = events(&proxy.chat("shop", &chat(r#","stream":true"#)));
    let deltas: Vec<&Value> = streamed.iter().map(|event| &event["choices"][0]["delta"]).collect();
    assert_eq!(*deltas[0], json!({"role": "assistant", "content": null}));
    let begun = &deltas[1]["tool_calls"][0];
    assert_eq!((&begun["index"], &begun["function"]["name"]), (&json!(0), &json!("give")));
    let arguments: String =
        deltas[2..].iter().filter_map(|delta| delta["tool_calls"][0]["function"]["arguments"].as_str()).collect();
    assert_eq!(given(&json!(arguments)), item);
    assert_eq!(streamed.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");

    // What came of a call is a part of the conversation.
    let messages = json!([{"role": "user", "content": "Rope!"}, choice["message"],
        {"role": "tool", "tool_call_id": call["id"], "content": "ok"}]);
    let body = format!(r#"{{"model":"m","messages":{messages}}}"#);
    let answer = proxy.chat("shop", &body);
    assert_eq!((route(&answer).0, &answer.json()["choices"][0]["finish_reason"]), ("student", &json!("stop")));
    let unknown = proxy.chat("shop", &body.replace("call_", "other_").replacen("other_", "call_", 1));
    assert_eq!(route(&unknown), ("teacher", "messages-malformed"));

    let post = |body: &str| proxy.post("/s/shop/v1/responses", &[], body);
    let first = post(&response(r#""Rope!""#, ""));
    assert_eq!(route(&first).0, "student", "{first:?}");
    let (first, output) = (first.json(), first.json()["output"].clone());
    assert_eq!((output.as_array().unwrap().len(), &output[0]["type"]), (1, &json!("function_call")));
    assert_eq!(given(&output[0]["arguments"]), item);
    let told = events(&post(&response(r#""Rope!""#, r#","stream":true"#)));
    let names: Vec<&str> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let call =
        ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"];
    let expected = ["created", "in_progress"].into_iter().chain(call).chain(["completed"]);
    assert_eq!(names, expected.map(|name| format!("response.{name}")).collect::<Vec<_>>());
    // Another request goes on from the call by the response's id: the student, and the teacher where it must.
    let result = json!([{"type": "function_call_output", "call_id": output[0]["call_id"], "output": "ok"}]);
    let previous = format!(r#""previous_response_id":{}"#, first["id"]);
    let next = post(&format!(r#"{{"model":"m","input":{result},{previous}}}"#));
    assert_eq!(route(&next).0, "student", "{next:?}");
    assert_eq!(teacher.asked(), 1);
    let by_teacher = post(&format!(r#"{{"model":"m","input":{result},{previous},"background":true}}"#));
    assert_eq!(route(&by_teacher), ("teacher", "field-background"));
    let input = teacher.received()[1].json()["input"].clone();
    let kinds: Vec<&Value> = input.as_array().unwrap().iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, [&Value::Null, &json!("function_call"), &json!("function_call_output")]);
    assert_eq!(input[1]["call_id"], input[2]["call_id"]);
}

/// A teacher that gives what is asked for, whole and streamed.
fn calling(received: &Received) -> script::Script {
    let asked = received.json();
    let item = if asked.to_string().contains("rope") { "rope" } else { "oil" };
    let arguments = format!("{{\"item\": \"{item}\"}}");
    let function = json!({"name": "give", "arguments": arguments});
    let call = json!({"index": 0, "id": "call_t", "type": "function", "function": function});
    let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
    let choice = |name: &str| json!({"index": 0, name: message, "finish_reason": "tool_calls"});
    if asked["stream"] != true {
        return script::json(&json!({"id": "c", "model": "scripted-1", "choices": [choice("message")]}).to_string());
    }
    let event = json!({"id": "c", "model": "scripted-1", "choices": [choice("delta")]});
    let stream = format!("data: {event}\n\ndata: [DONE]\n\n");
    vec![script::stream_head(), script::chunk(stream.as_bytes()), script::last_chunk()]
}

#[test]
fn a_teachers_calls_make_a_lesson_that_ends_with_a_version_whose_audits_are_made() {
    let teacher = ScriptedTeacher::start(calling);
    let mut world = World::new(PROGRAM, &teacher.base_url());
    learnt::with_lessons(&mut world, 30, 10);
    learnt::with_room(&mut world, 1024);
    world.set("site.max_tokens", 60);
    let proxy = world.start();
    let numbered = |number: u32, extra: &str| {
        let wanted = if number.is_multiple_of(3) { "rope" } else { "oil" };
        let rope = chat(extra).replace("Rope!", &format!("{wanted} {number}"));
        rope.replace(r#""required""#, r#""auto""#)
    };
    for number in 0..30 {
        let body = numbered(number, if number % 2 == 0 { r#","stream":true"# } else { "" });
        assert_eq!(proxy.chat("shop", &body).status(), 200);
    }
    let site = within(LESSON, "a version on trial", || {
        let site = proxy.site("shop");
        assert!(site["lesson"]["problem"].is_null(), "{site}\n{}", proxy.log());
        (site["state"] == "shadow").then_some(site)
    });
    let facts = world.registry().join("shop").join(site["version"].as_str().unwrap()).join("apprentice.json");
    let facts: Value = serde_json::from_slice(&fs::read(facts).unwrap()).unwrap();
    let lineage = &facts["facts"]["lineage"];
    assert_eq!(lineage["train"].as_u64().unwrap() + lineage["held_out"].as_u64().unwrap(), 30, "{lineage}");
    // The exam was held, and what it asked could be asked.
    assert!(site["lesson"]["exam"].is_number(), "{site}");
    assert_eq!(proxy.chat("shop", &numbered(31, "")).status(), 200);
    within(LESSON, "its audit", || {
        let made =
            ["good", "bad"].map(|result| proxy.metric("apprentice_audits_total", &["call_site=\"shop\"", result]));
        (made.iter().sum::<f64>() > 0.0).then_some(())
    });
    assert_eq!(proxy.metric("apprentice_audits_lost_total", &["call_site=\"shop\"", "not_plain"]), 0.0);
}
