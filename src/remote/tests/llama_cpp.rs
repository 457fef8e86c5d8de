//! llama.cpp's server: adapters that it was started with, and those that it was not.

use harness::script;
use serde_json::json;

use super::*;
use crate::adapter::Adapter;

/// A server with adapters of these file names.
fn world(files: impl Fn() -> Vec<String> + Send + Sync + 'static) -> World {
    World::new(Protocol::LlamaCpp, move |received| match received.target() {
        "/lora-adapters" => {
            let listed = files().into_iter().enumerate();
            let listed: Vec<_> = listed.map(|(id, path)| json!({"id": id, "path": path, "scale": 0.0})).collect();
            script::json(&json!(listed).to_string())
        }
        _ => serving(received, || script::json(&sure("hello", &[-0.1]).to_string())),
    })
}

fn hash(dir: &Path) -> String {
    Adapter::read("x", dir).unwrap().hash
}

#[test]
fn an_adapter_that_is_listed_answers_alone_wherever_it_stands_in_the_list() {
    let files = Arc::new(Mutex::new(Vec::new()));
    let said = files.clone();
    let world = world(move || said.lock().unwrap().clone());
    let dir = world.adapter("shop/1-a", "one");
    *files.lock().unwrap() = vec!["other.gguf".into(), format!("/gguf/{}.gguf", hash(&dir))];
    let model = model(&world.remote(), &dir).unwrap();
    ask(&*model, prompt("hi")).unwrap();
    // Another start, another order.
    files.lock().unwrap().reverse();
    ask(&*model, prompt("hi")).unwrap();
    let chats = world.asked("/v1/chat/completions");
    assert_eq!(chats[0]["lora"], json!([{"id": 0, "scale": 0.0}, {"id": 1, "scale": 1.0}]));
    assert_eq!(chats[1]["lora"], json!([{"id": 0, "scale": 1.0}, {"id": 1, "scale": 0.0}]));
    assert_eq!(chats[0]["model"], BASE);
    assert_eq!(world.asked("/v1/load_lora_adapter").len() + world.asked("/v1/unload").len(), 0);
    // And a start without it: nobody else answers in its place.
    files.lock().unwrap().retain(|file| file == "other.gguf");
    let said = ask(&*model, prompt("hi")).unwrap_err().to_string();
    assert!(said.contains("lists no adapter"), "{said}");
    assert_eq!(world.asked("/v1/chat/completions").len(), 2);
}

#[test]
fn an_adapter_that_is_not_listed_is_refused_with_the_flag_that_lists_it() {
    let world = world(|| vec!["/gguf/0123456789abcdef.gguf".into()]);
    let dir = world.adapter("shop/1-a", "one");
    let said = why(model(&world.remote(), &dir));
    let (flag, folder) = (format!("--lora {}.gguf", hash(&dir)), dir.display().to_string());
    for part in [&flag, &folder, "convert_lora_to_gguf.py", "it lists 0123456789abcdef.gguf"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
