//! Real clients, unchanged but for their base URL.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use handover::State;
use harness::learnt;
use harness::program::{Apprentice, World};
use harness::script;
use harness::teacher::{Received, ScriptedTeacher};
use serde_json::{Value, json};

use crate::PROGRAM;

/// What `tests/clients/setup.sh` installs.
pub(super) const PYTHON_VERSION: &str = "3.52.0";
pub(super) const NODE_VERSION: &str = "6.49.0";
const AI_SDK_VERSION: &str = "6.0.326";

const GREETING: &str = "Grüße aus der Ferne";
/// What a stream of a response consists of, repetitions apart.
const EVENTS: [&str; 9] = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
];

/// The folder with a client, where the script puts it; none where the script could not have it, which is said aloud.
pub(super) fn client(name: &str) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("APPRENTICE_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("apprentice")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/apprentice")))
        .unwrap();
    let folder = cache.join(name);
    if let Ok(why) = std::fs::read_to_string(folder.join("away")) {
        // Not by a macro, whose words the test runner would keep to itself.
        std::io::stderr().write_all(format!("\nSKIPPED: {name}: {why}").as_bytes()).unwrap();
        return None;
    }
    assert!(folder.join("ready").is_file(), "{} is missing: run make setup", folder.display());
    Some(folder)
}

/// What OpenAI's servers say to the requests of the scripts.
fn answer(request: &Received) -> script::Script {
    let body = || request.json();
    match request.target() {
        "/v1/models" => script::json(
            r#"{"object":"list","data":[{"id":"scripted-1","object":"model","created":1,"owned_by":"tests"}]}"#,
        ),
        "/v1/embeddings" => {
            // The same little-endian floats in base64, which is what OpenAI's own clients ask for.
            let packed = body()["encoding_format"] == "base64";
            let embedding = if packed { json!("AAAAPwAAoL8AADBA") } else { json!([0.5, -1.25, 2.75]) };
            let data = json!([{"object": "embedding", "index": 0, "embedding": embedding}]);
            let usage = json!({"prompt_tokens": 1, "total_tokens": 1});
            script::json(&json!({"object": "list", "model": "e", "data": data, "usage": usage}).to_string())
        }
        "/v1/responses" => response(&body()),
        _ => chat(&body()),
    }
}

/// What a model without a teacher's answer gets.
fn error(model: &str) -> Option<script::Script> {
    let (status, code) = match model {
        "missing" => ("404 Not Found", "model_not_found"),
        "limited" => ("429 Too Many Requests", "rate_limit_exceeded"),
        _ => return None,
    };
    let body = json!({"error": {"message": "scripted", "type": "requests", "param": null, "code": code}}).to_string();
    let headers = [("content-type", "application/json"), ("retry-after", "1"), ("x-request-id", "req_e")];
    Some(script::whole(status, &headers, body.as_bytes()))
}

const PERSON: &str = r#"{"name":"Ada","age":36}"#;
const BOUGHT: &str = r#"{"item":"rope"}"#;
const PIECES: [&str; 3] = ["Grüße", " aus", " der Ferne"];

fn chat(body: &Value) -> script::Script {
    if let Some(error) = error(body["model"].as_str().unwrap()) {
        return error;
    }
    if body["tools"].is_array() {
        let mut completion: Value = serde_json::from_str(&script::completion("")).unwrap();
        let call = json!({"id": "call_1", "type": "function", "function": {"name": "buy", "arguments": BOUGHT}});
        completion["choices"][0]["message"]["tool_calls"] = json!([call]);
        completion["choices"][0]["finish_reason"] = json!("tool_calls");
        return script::json(&completion.to_string());
    }
    match body["response_format"]["type"].as_str() {
        Some("json_schema") => script::says(PERSON),
        _ if body["stream"] == true => script::streams(&PIECES),
        _ => script::says(GREETING),
    }
}

fn response(body: &Value) -> script::Script {
    if let Some(error) = error(body["model"].as_str().unwrap()) {
        return error;
    }
    if body["tools"].is_array() {
        let mut response: Value = serde_json::from_str(&script::response("")).unwrap();
        let call = json!({"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "buy", "arguments": BOUGHT});
        response["output"] = json!([call]);
        return script::json(&response.to_string());
    }
    match body["text"]["format"]["type"].as_str() {
        Some("json_schema") => script::responds(PERSON),
        _ if body["stream"] == true => script::response_streams(&PIECES),
        _ => script::responds(GREETING),
    }
}

/// A proxy whose site `learnt` is its student's.
fn proxy(teacher: &ScriptedTeacher) -> (World, Apprentice) {
    let mut world = World::new(PROGRAM, &teacher.base_url());
    learnt::with_students(&mut world);
    let version = learnt::publish(&world, "learnt", 1);
    learnt::prove(&world, "learnt", &version, 0.5, State::Student);
    let proxy = world.start();
    (world, proxy)
}

/// What the script at `path` found.
fn run(command: &mut Command, path: &str, proxy: &Apprentice) -> Value {
    let script = format!("{}/../../tests/clients/{path}", env!("CARGO_MANIFEST_DIR"));
    let run = command.arg(script).arg(format!("http://{}", proxy.proxy)).output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}\n{}", proxy.log());
    serde_json::from_slice(&run.stdout).unwrap()
}

/// What OpenAI's own clients find, in whatever language.
fn found_by_openais_clients(version: &str) -> Value {
    let streamed = |text: &str, tokens: u32| json!({"text": text, "events": EVENTS, "whole": text, "status": "completed", "tokens": tokens});
    json!({
        "version": version,
        "chat": {"text": GREETING, "finish": "stop", "site": "shop", "by": "path"},
        "stream": {"text": GREETING, "finish": "stop"},
        "tools": {"name": "buy", "arguments": BOUGHT, "finish": "tool_calls"},
        "schema": {"name": "Ada", "age": 36},
        "response": {"text": GREETING, "status": "completed", "tokens": 2},
        "response_stream": streamed(GREETING, 2),
        "response_tools": {"name": "buy", "arguments": BOUGHT},
        "response_schema": {"name": "Ada", "age": 36},
        "models": ["scripted-1"],
        "embedding": [0.5, -1.25, 2.75],
        "missing": {"class": "NotFoundError", "code": "model_not_found", "request_id": "req_e"},
        "student_response": {"text": learnt::SAYS, "status": "completed", "tokens": 3, "route": "student"},
        "student_response_stream": streamed(learnt::SAYS, 3),
    })
}

fn with(mut found: Value, more: Value) -> Value {
    found.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    found
}

#[test]
fn openais_python_client_works_through_the_proxy() {
    let Some(folder) = client(&format!("openai-python-{PYTHON_VERSION}")) else { return };
    let teacher = ScriptedTeacher::start(answer);
    let (_world, proxy) = proxy(&teacher);
    let found = run(Command::new("python3").env("PYTHONPATH", folder), "openai_client.py", &proxy);
    let more = json!({
        "limited": {"class": "RateLimitError", "code": "rate_limit_exceeded", "retry_after": "1"},
        "large": {"text": GREETING, "reason": "body-too-large"},
        "student": {"text": learnt::SAYS, "route": "student", "request_id": true},
        "student_stream": {"text": learnt::SAYS, "tokens": 3},
        "student_logprobs": {"text": learnt::SAYS, "bytes": learnt::SAYS, "least": -0.1269, "top": [2, 2],
            "streamed": true, "response": true, "response_stream": true},
        "student_choices": {"0": learnt::SAYS, "1": learnt::SAYS, "2": learnt::SAYS},
        "metadata": {"site": "named", "by": "metadata"},
    });
    assert_eq!(found, with(found_by_openais_clients(PYTHON_VERSION), more));
    let limited: Vec<_> = teacher
        .received()
        .into_iter()
        .filter(|request| request.body.windows(7).any(|window| window == b"limited"))
        .collect();
    let retries: Vec<Option<&str>> = limited.iter().map(|request| request.header("x-stainless-retry-count")).collect();
    assert_eq!(retries, [Some("0"), Some("1")], "the client repeats what the teacher told it to repeat");
}

#[test]
fn openais_node_client_works_through_the_proxy() {
    let Some(folder) = client(&format!("openai-node-{NODE_VERSION}")) else { return };
    let teacher = ScriptedTeacher::start(answer);
    let (_world, proxy) = proxy(&teacher);
    let node = &mut Command::new("node");
    let found = run(node.env("NODE_PATH", folder.join("node_modules")), "openai_client.cjs", &proxy);
    let more = json!({
        "response_missing": {"class": "NotFoundError", "code": "model_not_found", "request_id": "req_e"},
        "student": {"text": learnt::SAYS, "finish": "stop", "route": "student"},
        "student_stream": {"text": learnt::SAYS, "finish": "stop", "tokens": 3},
    });
    assert_eq!(found, with(found_by_openais_clients(NODE_VERSION), more));
}

#[test]
fn vercels_ai_sdk_works_through_the_proxy() {
    let Some(folder) = client(&format!("openai-node-{NODE_VERSION}")) else { return };
    let teacher = ScriptedTeacher::start(answer);
    let (_world, proxy) = proxy(&teacher);
    let node = &mut Command::new("node");
    let found = run(node.env("NODE_PATH", folder.join("node_modules")), "ai_sdk_client.cjs", &proxy);
    let whole = |text: &str, tokens: u32, route: &str| json!({"text": text, "finish": "stop", "tokens": tokens, "route": route});
    let streamed = |text: &str, tokens: Option<u32>| json!({"text": text, "finish": "stop", "tokens": tokens});
    let called = json!({"name": "buy", "input": {"item": "rope"}, "finish": "tool-calls"});
    let expected = json!({
        "version": AI_SDK_VERSION,
        "chat": whole(GREETING, 2, "teacher"),
        "chat_stream": streamed(GREETING, None),
        "chat_tools": called,
        "chat_schema": {"name": "Ada", "age": 36},
        "response": whole(GREETING, 2, "teacher"),
        "response_stream": streamed(GREETING, Some(2)),
        "response_tools": called,
        "response_schema": {"name": "Ada", "age": 36},
        "embedding": [0.5, -1.25, 2.75],
        "student_chat": whole(learnt::SAYS, 3, "student"),
        "student_chat_stream": streamed(learnt::SAYS, Some(3)),
        "student_response": whole(learnt::SAYS, 3, "student"),
        "student_response_stream": streamed(learnt::SAYS, Some(3)),
    });
    assert_eq!(found, expected);
}
