//! An exchange and its stored form: zstd of JSON, inside the store's versioned and checksummed frame.

use callsite::{SiteId, VersionId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wire::Api;

use crate::CaptureError;

/// Largest stored form; a bigger exchange is not kept (sled keeps oversized values as leaking side files).
pub const STORED_BYTES_MAX: usize = 256 << 10;
/// Largest JSON form that is unpacked, against decompression bombs in a damaged store.
const UNPACKED_BYTES_MAX: usize = 64 << 20;
const ZSTD_LEVEL: i32 = 3;

/// Who wrote the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Teacher,
    /// A version of the site's student.
    Student(VersionId),
    /// A maker of training data, by its name.
    Generated(String),
    /// A file that somebody brought, by its name.
    Imported(String),
}

/// What the operator found in the teacher's terms about learning from its answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distillable {
    No,
    /// Nobody has said: kept, not learnt from.
    #[default]
    Unknown,
    Yes,
}

/// One request and its answer, both as they went over the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Time-ordered (UUID version 7).
    pub id: Uuid,
    pub site: SiteId,
    pub at_ms: u64,
    /// Which API `request` and `response` speak.
    pub api: Api,
    pub source: Source,
    pub status: u16,
    /// The answer is an event stream.
    pub stream: bool,
    /// The whole answer was seen and the client stayed to its end.
    pub complete: bool,
    /// The client was repeating a request.
    pub retry: bool,
    /// What the configuration said of the teacher's terms at the time.
    pub distillable: Distillable,
    pub request: String,
    pub response: String,
}

impl Exchange {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, CaptureError> {
        let bad = |error: &dyn std::fmt::Display| CaptureError::Record(error.to_string());
        let json = serde_json::to_vec(self).map_err(|error| bad(&error))?;
        zstd::bulk::compress(&json, ZSTD_LEVEL).map_err(|error| bad(&error))
    }

    pub(crate) fn decode(stored: &[u8]) -> Result<Self, CaptureError> {
        let bad = |error: &dyn std::fmt::Display| CaptureError::Record(error.to_string());
        let json = zstd::bulk::decompress(stored, UNPACKED_BYTES_MAX).map_err(|error| bad(&error))?;
        serde_json::from_slice(&json).map_err(|error| bad(&error))
    }
}
