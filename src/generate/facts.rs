//! What a run is, and what it could not read: plain data that its files and its report hold.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a run is: the same again goes on with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub pipeline: String,
    pub teacher: String,
    /// The student's name, where one is asked.
    pub student: Option<String>,
    pub seed: u64,
    /// The maker's own arguments.
    pub arguments: Value,
}

/// A line of a file that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub file: String,
    pub line: usize,
    pub reason: String,
}
