//! Students on a server of their own: the exam asks it, the site is handed over to it, and a server that refuses costs no lesson.

use std::fs;

use handover::State;
use harness::learnt::{self, LESSON};
use harness::program::World;
use harness::script::{self, Script, completion_with_logprobs};
use harness::teacher::{Received, ScriptedTeacher};
use harness::wait::{eventually, within};
use serde_json::{Value, json};

use crate::PROGRAM;

const ASKED: &str = r#"{"model":"gpt-5-mini","messages":[{"role":"user","content":"Where is the sea?"}]}"#;
const BASE: &str = "gemma-3-1b-it";

/// vLLM that answers as `chat` says.
fn vllm(chat: impl Fn() -> Script + Send + Sync + 'static) -> ScriptedTeacher {
    ScriptedTeacher::start(move |received| as_vllm(received, &chat))
}

fn as_vllm(received: &Received, chat: &dyn Fn() -> Script) -> Script {
    match received.target() {
        "/v1/models" => script::json(&json!({"data": [{"id": BASE}]}).to_string()),
        "/v1/load_lora_adapter" | "/v1/unload_lora_adapter" => script::whole("200 OK", &[], b"Success"),
        _ => chat(),
    }
}

fn sure() -> Script {
    script::json(&completion_with_logprobs("Yes, it is.", &[-0.1, -0.2]).to_string())
}

fn served_by(world: &mut World, server: &ScriptedTeacher) {
    world.set("student.enabled", true).set("student.backend", "vllm").set("student.remote.model", BASE);
    let url = server.base_url();
    world.set("student.remote.url", url.trim_end_matches("/v1")).set("student.remote.path_prefix", "/mnt/registry");
    world.set("student.remote.key_env", "GPU_KEY").env("GPU_KEY", "gpu-secret");
}

/// What was asked of `path`.
fn asked(server: &ScriptedTeacher, path: &str) -> Vec<Value> {
    let received = server.received().into_iter().filter(|received| received.whole && received.target() == path);
    received.map(|received| received.json()).collect()
}

#[test]
fn a_site_is_handed_over_to_a_server_with_neither_base_nor_graph_nor_library_here() {
    let (teacher, server) = (ScriptedTeacher::start(|_| script::says("the teacher's own")), vllm(sure));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    served_by(&mut world, &server);
    world.set("lessons.enabled", false).set("handover.audit_share_serving", 1e-9);
    world.set("student.onnxruntime", "/nowhere.so").set("student.base", "/nowhere");
    let version = learnt::publish(&world, "shop", 1);
    learnt::prove(&world, "shop", &version, 0.5, State::Student);
    let proxy = world.start();
    let answer = proxy.chat("shop", ASKED);
    assert_eq!(answer.header("x-apprentice-route"), "student", "{answer:?}\n{}", proxy.log());
    assert_eq!(answer.header("x-apprentice-model"), format!("shop@{version}"));
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Yes, it is.");
    let confidence: f64 = answer.header("x-apprentice-confidence").parse().unwrap();
    assert!((confidence - (-0.2_f64).exp()).abs() < 1e-4, "{confidence}");
    let loads = asked(&server, "/v1/load_lora_adapter");
    assert_eq!(loads[0]["lora_path"], format!("/mnt/registry/shop/{version}"));
    assert_eq!(asked(&server, "/v1/chat/completions")[0]["model"], loads[0]["lora_name"]);
    assert!(server.received().iter().all(|received| received.header("authorization") == Some("Bearer gpu-secret")));
    assert_eq!(proxy.metric("apprentice_student_info", &["format=\"vllm\""]), 1.0);
    assert_eq!(proxy.metric("apprentice_student_prompt_tokens_total", &["source=\"read\""]), 5.0);
    // The evidence is of this base at this address.
    let exit = world.run(&["rules", "--config", world.config().to_str().unwrap(), "shop"]);
    let rules: Value = serde_json::from_str(&exit.stdout).unwrap();
    let part = |key: &str| rules["basis"][key].clone();
    assert_eq!([part("student_backend"), part("student_model")], [json!("vllm"), json!(BASE)]);
    assert!(part("student_url").as_str().unwrap().starts_with("http://127.0.0.1:") && part("graph_format").is_null());
    // What the server cannot answer the teacher does.
    server.change(|_| script::whole("500 Oops", &[], b"{}"));
    let answer = proxy.chat("shop", &ASKED.replace("sea", "land"));
    assert_eq!(answer.header("x-apprentice-reason"), "student-failed", "{answer:?}");
}

/// Whether anything is left of exams in the folder that the server sees.
fn staged(world: &World) -> usize {
    fs::read_dir(world.registry().join(".exam")).map_or(0, Iterator::count)
}

#[test]
fn a_lesson_is_examined_by_the_server_that_will_serve_it_and_waits_while_that_refuses() {
    let unsure = || script::says("Yes, it is.");
    let (teacher, server) = (ScriptedTeacher::start(|_| script::says("Yes, it is.")), vllm(unsure));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    learnt::with_lessons(&mut world, 30, 10);
    served_by(&mut world, &server);
    // Answers are the server's: no graph is written here.
    world.set("student.onnxruntime", "/nowhere.so");
    let proxy = world.start();
    for number in 0..30 {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"Is {number} much?"}}]}}"#);
        assert_eq!(proxy.chat("shop", &body).status(), 200);
    }
    let problem =
        within(LESSON, "the exam's refusal", || proxy.site("shop")["lesson"]["problem"].as_str().map(str::to_owned));
    assert!(problem.starts_with("the exam waits: ") && problem.contains("log-probabilities"), "{problem}");
    assert_eq!(proxy.site("shop")["lesson"]["number"], 1);
    let adapter = world.data().join("lessons/shop/1/adapter/adapter_model.safetensors");
    assert!(adapter.is_file(), "what was learnt is kept");
    assert_eq!(staged(&world), 0);
    let loads = asked(&server, "/v1/load_lora_adapter");
    assert!(loads[0]["lora_path"].as_str().unwrap().starts_with("/mnt/registry/.exam/"), "{loads:?}");
    assert_eq!(asked(&server, "/v1/unload_lora_adapter")[0]["lora_name"], loads[0]["lora_name"]);
    // With the server as it should be, the same lesson goes on.
    server.change(|received| as_vllm(received, &sure));
    assert_eq!(proxy.admin("POST", "/admin/call-sites/shop/train", "").status(), 202);
    let site = within(LESSON, "a version on trial", || {
        let site = proxy.site("shop");
        (site["state"] == "shadow").then_some(site)
    });
    assert_eq!((&site["lesson"]["number"], &site["lesson"]["exam"]), (&json!(1), &json!(1.0)), "{site}");
    assert!(!fs::exists(world.data().join("lessons/shop/2")).unwrap());
    eventually("the registry to hold the adapter alone", || (!fs::exists(&adapter).unwrap()).then_some(()));
    assert_eq!(staged(&world), 0);
    assert!(
        fs::read_dir(world.data()).unwrap().all(|entry| !entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("graph-"))
    );
}

#[test]
fn a_configuration_with_a_server_is_checked_without_asking_it() {
    let teacher = ScriptedTeacher::start(|_| script::says("x"));
    let server = vllm(sure);
    let mut world = World::new(PROGRAM, &teacher.base_url());
    served_by(&mut world, &server);
    world.set("student.base", "/nowhere");
    let check = |world: &World| world.run(&["check", "--config", world.config().to_str().unwrap()]);
    let exit = check(&world);
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(
        exit.stdout.contains("FAIL  base model")
            && exit.stdout.contains("ok    student's server: vllm, gemma-3-1b-it at http://"),
        "{exit:?}"
    );
    // Nor does it start: lessons would train a base that is not there.
    let exit = world.run(&["serve", "--config", world.config().to_str().unwrap()]);
    assert!(exit.stderr.contains("lessons train here") && exit.stderr.contains("lessons.enabled = false"), "{exit:?}");
    world.set("lessons.enabled", false);
    let exit = check(&world);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(!exit.stdout.contains("base model") && !exit.stdout.contains("ONNX Runtime"), "{exit:?}");
    assert_eq!(server.received().len(), 0);
}
