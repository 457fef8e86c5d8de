//! vLLM: adapters that are pushed, known already, refused, forgotten.

use harness::script;
use harness::wait::eventually;
use serde_json::{Value, json};

use super::*;

fn loads_with(answer: fn() -> Script) -> World {
    World::new(Protocol::Vllm, move |received| match received.target() {
        "/v1/load_lora_adapter" => answer(),
        _ => serving(received, || script::json(&sure("hello", &[-0.1]).to_string())),
    })
}

#[test]
fn an_adapter_is_loaded_by_its_path_on_the_server_under_a_name_that_its_content_decides() {
    let world = loads_with(|| script::whole("200 OK", &[], b"Success: LoRA adapter added successfully."));
    let remote = world.remote();
    let (first, second) = (world.adapter("shop/1-a", "one"), world.adapter("shop/2-b", "two"));
    let (one, two) = (model(&remote, &first).unwrap(), model(&remote, &second).unwrap());
    assert_eq!(one.name(), "shop@3-abc");
    let loads = world.asked("/v1/load_lora_adapter");
    assert_eq!(loads[0]["lora_path"], "/mnt/adapters/shop/1-a");
    assert_eq!(loads[1]["lora_path"], "/mnt/adapters/shop/2-b");
    let names: Vec<&str> = loads.iter().map(|load| load["lora_name"].as_str().unwrap()).collect();
    assert!(names[0].starts_with("shop@3-abc.") && names[0] != names[1], "{names:?}");
    ask(&*one, prompt("a")).unwrap();
    ask(&*two, prompt("b")).unwrap();
    let chats = world.asked("/v1/chat/completions");
    assert_eq!([chats[0]["model"].as_str(), chats[1]["model"].as_str()], [Some(names[0]), Some(names[1])]);
    assert!(chats[0].get("lora").is_none());
    let keys = world.server.received();
    assert!(keys.iter().all(|received| received.header("authorization") == Some("Bearer gpu-key")));
}

#[test]
fn a_name_that_the_server_knows_already_is_the_same_content() {
    let world = loads_with(|| {
        let said = json!({"error": {"message": "The lora adapter 'x' has already been loaded. If you want to load the adapter in place, set 'load_inplace' to True.", "type": "InvalidUserInput", "param": null, "code": 400}});
        refuses("400 Bad Request", &said.to_string())
    });
    let model = model(&world.remote(), &world.adapter("shop/1-a", "one")).unwrap();
    assert_eq!(ask(&*model, prompt("hi")).unwrap().text, "hello");
}

#[test]
fn a_load_that_is_refused_is_told_in_the_servers_words() {
    // As it is said today, and as older ones said it.
    let today =
        || refuses("400 Bad Request", r#"{"error":{"message":"LoRA rank 32 is greater than max_lora_rank 16."}}"#);
    let older = || {
        refuses("400 Bad Request", r#"{"object":"error","message":"LoRA rank 32 is greater than max_lora_rank 16."}"#)
    };
    for answer in [today, older] {
        let world = loads_with(answer);
        let why = why(model(&world.remote(), &world.adapter("shop/1-a", "one")));
        assert_eq!(
            why,
            "the student's server answered 400 to /v1/load_lora_adapter: LoRA rank 32 is greater than max_lora_rank 16."
        );
    }
}

#[test]
fn a_server_without_the_endpoint_is_told_how_to_be_started_and_a_missing_folder_is_not_mistaken_for_it() {
    let world = loads_with(|| refuses("404 Not Found", r#"{"detail":"Not Found"}"#));
    let dir = world.adapter("shop/1-a", "one");
    let said = why(model(&world.remote(), &dir));
    assert!(said.contains("VLLM_ALLOW_RUNTIME_LORA_UPDATING=True") && said.contains("--enable-lora"), "{said}");
    world.server.change(|received| match received.target() {
        "/v1/models" => models(),
        _ => refuses("404 Not Found", r#"{"error":{"message":"No adapter found for /mnt/adapters/shop/1-a"}}"#),
    });
    let said = why(model(&world.remote(), &dir));
    assert!(said.contains("404") && said.contains("No adapter found for /mnt/adapters/shop/1-a"), "{said}");
}

#[test]
fn an_adapter_that_the_server_cannot_see_and_one_that_is_not_there_are_not_sent() {
    let world = loads_with(hangs);
    let remote = world.remote();
    let elsewhere = tempfile::tempdir().unwrap();
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
        std::fs::write(elsewhere.path().join(file), "x").unwrap();
    }
    let said = why(model(&remote, elsewhere.path()));
    assert!(said.contains("does not lie below") && said.contains("student.remote.path_prefix"), "{said}");
    let said = why(model(&remote, &world.dir.path().join("gone")));
    assert!(said.contains("adapter_config.json"), "{said}");
    assert_eq!(world.asked("/v1/load_lora_adapter").len(), 0);
}

#[test]
fn a_server_of_another_base_is_not_used() {
    let world = World::new(Protocol::Vllm, |_| {
        script::json(&json!({"data": [{"id": "gemma-3-4b-it"}, {"id": "other"}]}).to_string())
    });
    let said = why(model(&world.remote(), &world.adapter("shop/1-a", "one")));
    assert!(said.contains("serves `gemma-3-4b-it`, `other`, and not `gemma-3-1b-it`"), "{said}");
    assert!(said.contains("student.remote.model"), "{said}");
}

fn unloaded(world: &World, many: usize) -> Vec<Value> {
    eventually("the adapter to be forgotten", || {
        Some(world.asked("/v1/unload_lora_adapter")).filter(|asked| asked.len() >= many)
    })
}

#[test]
fn an_adapter_is_forgotten_with_its_last_model() {
    let world = loads_with(|| script::whole("200 OK", &[], b"Success"));
    let remote = world.remote();
    let dir = world.adapter("shop/1-a", "one");
    let (one, same) = (model(&remote, &dir).unwrap(), model(&remote, &dir).unwrap());
    drop(one);
    remote.settle().unwrap();
    assert_eq!(world.asked("/v1/unload_lora_adapter").len(), 0, "somebody still asks it");
    drop(same);
    remote.settle().unwrap();
    let asked = unloaded(&world, 1);
    assert_eq!(asked, [json!({"lora_name": world.asked("/v1/load_lora_adapter")[0]["lora_name"]})]);
    // The server's thread lives until the last is forgotten, also where nobody has the server any more.
    let again = model(&remote, &dir).unwrap();
    drop(remote);
    drop(again);
    unloaded(&world, 2);
}

#[test]
fn a_server_that_was_started_anew_is_given_its_adapter_again() {
    let world = World::new(Protocol::Vllm, |received| {
        serving(received, || {
            refuses(
                "404 Not Found",
                r#"{"error":{"message":"The model `shop` does not exist.","type":"NotFoundError"}}"#,
            )
        })
    });
    let model = model(&world.remote(), &world.adapter("shop/1-a", "one")).unwrap();
    let said = ask(&*model, prompt("hi")).unwrap_err().to_string();
    assert!(said.contains("404") && said.contains("does not exist"), "{said}");
    assert_eq!(world.asked("/v1/load_lora_adapter").len(), 2, "once to begin with, once because it was gone");
    assert_eq!(world.asked("/v1/chat").len(), 2, "and not for ever");
}
