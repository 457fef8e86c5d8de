//! Facts about Gemma 3 that training, export and serving must agree on: shapes, tensor names, files, chat format.
//!
//! Knows no tensor library and no inference engine: numbers come out as plain `f32`.

mod align;
mod chat;
mod config;
mod config_file;
mod error;
mod graph;
mod hash;
mod merge;
mod names;
mod peft;
mod shapes;
mod stored;
mod stream;
mod tokenizer;
mod weights;

pub use align::{SoftTarget, TeacherToken, soft_targets};
pub use chat::{TokenisedExample, example_ids, normalise, prompt_ids};
pub use config::{Config, LayerKind};
pub use error::GemmaError;
pub use graph::{
    GRAPH_DATA_FILE, GRAPH_FILE, GRAPH_MANIFEST_FILE, GraphFormat, GraphManifest, HEAD_TILES, LoraInput, OWN_ADD_NORM,
    OWN_DOMAIN, OWN_GATE, OWN_HEAD, OWN_LINEAR, OWN_QKV_NORM, OWN_ROWS,
};
pub use hash::{adapter_hash, base_hash, config_hash};
pub use merge::{Merged, merge};
pub use names::{EMBEDDING, FINAL_NORM, Linear, Norm};
pub use peft::{Adapter, LoraPair};
pub use stored::StoredFile;
pub use tokenizer::{Detokenizer, Piece, Special, Tokenizer, train_tokenizer};
pub use weights::{NumberFormat, Place, SaveAs, Tensor32, Weights};
