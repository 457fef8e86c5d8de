//! vLLM: adapters come and go while it runs.
//!
//! Source: its documentation of LoRA adapters ("Dynamically serving LoRA adapters"). `lora_path` is a path on the
//! server's file system. A name that is taken is answered with 400 `has already been loaded`; a path that the server
//! does not have is 404 with FastAPI's `{"detail": "Not Found"}`.

use http::StatusCode;
use serde_json::json;

use crate::RemoteError;
use crate::adapter::Adapter;
use crate::server::Server;
use crate::settings::Folders;

const LOAD: &str = "/v1/load_lora_adapter";
const UNLOAD: &str = "/v1/unload_lora_adapter";
/// What it says of a name that it knows: with our names that is the same content.
const KNOWN: &str = "already been loaded";

/// Makes the server know `adapter`.
pub(crate) async fn load(server: &Server, folders: &Folders, adapter: &Adapter) -> Result<(), RemoteError> {
    let path = folders.on_server(&adapter.dir)?;
    let said = server.post(LOAD, &json!({"lora_name": adapter.name, "lora_path": path})).await?;
    if said.is_no_such_path() {
        return Err(RemoteError::NoRuntimeLoading);
    }
    let is_known = said.status == StatusCode::BAD_REQUEST && said.message().contains(KNOWN);
    if said.status == StatusCode::OK || is_known { Ok(()) } else { Err(said.refused()) }
}

/// Makes the server forget the adapter `name`; one that it does not know is forgotten already.
pub(crate) async fn unload(server: &Server, name: &str) -> Result<(), RemoteError> {
    let said = server.post(UNLOAD, &json!({"lora_name": name})).await?;
    if said.status == StatusCode::OK || said.status == StatusCode::NOT_FOUND { Ok(()) } else { Err(said.refused()) }
}
