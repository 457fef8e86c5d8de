//! The part of Python that the worker's interpreter knows, in words for the author of a function.

/// To be put into a prompt. Every claim is held by a test that runs it in the worker.
pub const SUBSET: &str = include_str!("subset.md");
