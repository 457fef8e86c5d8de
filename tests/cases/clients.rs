//! Real clients, unchanged but for their base URL.

use std::path::PathBuf;
use std::process::Command;

use handover::State;
use harness::learnt;
use harness::program::World;
use harness::script;
use harness::teacher::{Received, ScriptedTeacher};

use crate::PROGRAM;

/// What `tests/clients/setup.sh` installs.
const OPENAI_VERSION: &str = "3.52.0";

/// The folder with OpenAI's client, where the script puts it.
fn client() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("APPRENTICE_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("apprentice")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/apprentice")))
        .unwrap();
    let folder = cache.join(format!("openai-python-{OPENAI_VERSION}"));
    assert!(folder.join("ready").is_file(), "{} is missing: run make setup", folder.display());
    folder
}

/// What OpenAI's servers say to the requests of the script.
fn answer(request: &Received) -> script::Script {
    match request.target() {
        "/v1/models" => script::json(
            r#"{"object":"list","data":[{"id":"scripted-1","object":"model","created":1,"owned_by":"tests"}]}"#,
        ),
        "/v1/embeddings" => {
            // The client asks for base64 of little-endian floats: 0.5, -1, 2.
            assert_eq!(request.json()["encoding_format"], "base64");
            let data = r#"{"object":"list","model":"e","data":[{"object":"embedding","index":0,"embedding":"AAAAPwAAgL8AAABA"}],"usage":{"prompt_tokens":1,"total_tokens":1}}"#;
            script::json(data)
        }
        _ => chat(request),
    }
}

fn chat(request: &Received) -> script::Script {
    let body = request.json();
    let error = |status: &str, code: &str| {
        let body = format!(r#"{{"error":{{"message":"scripted","type":"requests","param":null,"code":"{code}"}}}}"#);
        script::whole(
            status,
            &[("content-type", "application/json"), ("retry-after", "1"), ("x-request-id", "req_e")],
            body.as_bytes(),
        )
    };
    match body["model"].as_str().unwrap() {
        "missing" => error("404 Not Found", "model_not_found"),
        "limited" => error("429 Too Many Requests", "rate_limit_exceeded"),
        _ if body["stream"] == true => script::streams(&["Grüße", " aus", " der Ferne"]),
        _ => script::says("Grüße aus der Ferne"),
    }
}

#[test]
fn openais_python_client_works_through_the_proxy() {
    let teacher = ScriptedTeacher::start(answer);
    let mut world = World::new(PROGRAM, &teacher.base_url());
    learnt::with_students(&mut world);
    let version = learnt::publish(&world, "learnt", 1);
    learnt::prove(&world, "learnt", &version, 0.5, State::Student);
    let proxy = world.start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients/openai_client.py");
    let mut run = Command::new("python3");
    let run = run.env("PYTHONPATH", client()).arg(script).arg(format!("http://{}", proxy.proxy)).output().unwrap();
    assert!(run.status.success(), "{}\n{}", String::from_utf8_lossy(&run.stderr), proxy.log());
    let found: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let expected = serde_json::json!({
        "version": OPENAI_VERSION,
        "chat": {"text": "Grüße aus der Ferne", "finish": "stop", "site": "shop", "by": "path"},
        "stream": {"text": "Grüße aus der Ferne", "finish": "stop"},
        "models": ["scripted-1"],
        "embedding": [0.5, -1.0, 2.0],
        "missing": {"class": "NotFoundError", "code": "model_not_found", "request_id": "req_e"},
        "limited": {"class": "RateLimitError", "code": "rate_limit_exceeded", "retry_after": "1"},
        "large": {"text": "Grüße aus der Ferne", "reason": "body-too-large"},
        "student": {"text": learnt::SAYS, "route": "student", "request_id": true},
        "student_stream": {"text": learnt::SAYS, "tokens": 3},
        "metadata": {"site": "named", "by": "metadata"},
    });
    assert_eq!(found, expected);
    let limited: Vec<_> = teacher
        .received()
        .into_iter()
        .filter(|request| request.body.windows(7).any(|window| window == b"limited"))
        .collect();
    let retries: Vec<Option<&str>> = limited.iter().map(|request| request.header("x-stainless-retry-count")).collect();
    assert_eq!(retries, [Some("0"), Some("1")], "the client repeats what the teacher told it to repeat");
}
