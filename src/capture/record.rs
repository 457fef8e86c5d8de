//! An exchange: what is kept of one request and its answer.

use callsite::{SiteId, VersionId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wire::{Api, Turn};

use crate::users::UserHash;

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
    /// Who asked, where the request says it: a hash that only this installation can make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserHash>,
    /// Something was taken out before it was stored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
    pub request: String,
    pub response: String,
}

impl Exchange {
    /// What was asked, as a student sees it; `None` where that cannot be read.
    #[must_use]
    pub fn turns(&self) -> Option<Vec<Turn>> {
        self.api.parse(self.request.as_bytes()).ok()?.turns().ok()
    }

    /// The text of the answer; `None` where that cannot be read.
    #[must_use]
    pub fn said(&self) -> Option<String> {
        Some(self.api.read(self.stream, self.response.as_bytes())?.text)
    }

    /// Bytes of both texts.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.request.len() + self.response.len()
    }
}
