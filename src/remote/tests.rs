//! Against a scripted server on a real socket: what is sent byte for byte, and what becomes of every kind of answer.

mod answering;
mod llama_cpp;
mod vllm;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::script::{self, Script, Step, completion_with_logprobs as sure};
use harness::teacher::{Received, ScriptedTeacher};
use serde_json::{Value, json};
use tempfile::TempDir;
use wire::{Answer, ChatModel, ModelError, Prompt, Role, Sampling, Turn};

use crate::{Folders, Load, Protocol, Remote, RemoteError, RemoteSettings};

const BASE: &str = "gemma-3-1b-it";

/// A scripted server, a folder of adapters, and the way from one to the other.
struct World {
    server: ScriptedTeacher,
    dir: TempDir,
    protocol: Protocol,
    timeout: Duration,
    loads: Arc<Mutex<Vec<Load>>>,
}

impl World {
    fn new(protocol: Protocol, says: impl Fn(&Received) -> Script + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = ScriptedTeacher::start(says);
        Self { server, dir, protocol, timeout: Duration::from_secs(20), loads: Arc::default() }
    }

    fn settings(&self) -> RemoteSettings {
        RemoteSettings {
            protocol: self.protocol,
            url: self.server.base_url(),
            key: Some("gpu-key".into()),
            model: BASE.into(),
            folders: Folders { here: self.dir.path().into(), there: "/mnt/adapters".into() },
            rows: 1,
            queue: 1,
            timeout: self.timeout,
        }
    }

    fn remote(&self) -> Remote {
        let loads = self.loads.clone();
        Remote::open(self.settings(), Box::new(move |load| loads.lock().unwrap().push(*load))).unwrap()
    }

    /// An adapter whose files say `content`.
    fn adapter(&self, name: &str, content: &str) -> PathBuf {
        let dir = self.dir.path().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("adapter_config.json"), "{}").unwrap();
        std::fs::write(dir.join("adapter_model.safetensors"), content).unwrap();
        dir
    }

    /// What was asked of the paths that begin with `path`.
    fn asked(&self, path: &str) -> Vec<Value> {
        let received = self.server.received().into_iter().filter(|received| received.target().starts_with(path));
        received.map(|received| if received.body.is_empty() { Value::Null } else { received.json() }).collect()
    }
}

fn model(remote: &Remote, dir: &Path) -> Result<Arc<dyn ChatModel>, RemoteError> {
    remote.model("shop@3-abc".into(), Some(dir))
}

fn why(opened: Result<Arc<dyn ChatModel>, RemoteError>) -> String {
    opened.err().expect("it should not have been opened").to_string()
}

fn prompt(text: &str) -> Prompt {
    Prompt::new(vec![Turn::new(Role::User, text)], 32, Sampling::Greedy)
}

fn ask(model: &dyn ChatModel, prompt: Prompt) -> Result<Answer, ModelError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(model.answer(prompt))
}

fn models() -> Script {
    script::json(&json!({"object": "list", "data": [{"id": BASE, "object": "model"}]}).to_string())
}

fn refuses(status: &str, body: &str) -> Script {
    script::whole(status, &[("content-type", "application/json")], body.as_bytes())
}

/// A server that takes every adapter and answers as `chat` says.
fn serving(received: &Received, chat: impl Fn() -> Script) -> Script {
    match received.target() {
        "/v1/models" => models(),
        "/v1/load_lora_adapter" | "/v1/unload_lora_adapter" => script::whole("200 OK", &[], b"Success: done."),
        _ => chat(),
    }
}

fn hangs() -> Script {
    vec![Step::Hang]
}
