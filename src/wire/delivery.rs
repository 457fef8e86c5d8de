//! How a client wants its answer: whole or as a stream.

/// How a client wants its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// As an event stream.
    pub stream: bool,
    /// With a closing usage chunk (`stream_options.include_usage` of chat completions).
    pub include_usage: bool,
}
