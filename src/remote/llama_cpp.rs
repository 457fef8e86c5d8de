//! llama.cpp's server: adapters are given when it starts, and every answer says which of them it wants.
//!
//! Source: `tools/server/README.md` of llama.cpp: `GET /lora-adapters` lists `id`, `path` and `scale`; the request's
//! field `lora` is a list of `id` and `scale`. Ids are places in the command line, so another start may give them to
//! other adapters: they are looked up by the file's name before every answer, never kept.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::RemoteError;
use crate::adapter::Adapter;
use crate::server::Server;

const LIST: &str = "/lora-adapters";
/// File names in a message.
const NAMES_MAX: usize = 16;

#[derive(Deserialize)]
struct Listed {
    id: u64,
    path: String,
}

impl Listed {
    fn file(&self) -> &str {
        self.path.rsplit(['/', '\\']).next().unwrap_or_default()
    }
}

/// The request's field `lora` that has `adapter` answer alone.
pub(crate) async fn choice(server: &Server, adapter: &Adapter) -> Result<Value, RemoteError> {
    let listed: Vec<Listed> = server.get(LIST).await?.json()?;
    let Some(chosen) = listed.iter().find(|listed| listed.file().contains(&adapter.hash)) else {
        let names: Vec<&str> = listed.iter().take(NAMES_MAX).map(Listed::file).collect();
        let listed = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(RemoteError::NotListed { hash: adapter.hash.clone(), adapter: adapter.dir.clone(), listed });
    };
    let scale = |listed: &Listed| json!({"id": listed.id, "scale": if listed.id == chosen.id { 1.0 } else { 0.0 }});
    Ok(listed.iter().map(scale).collect())
}
