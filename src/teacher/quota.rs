//! How much a teacher still lets be asked, as the head of its last answer says (OpenAI's `x-ratelimit-*` headers; many compatible servers
//! send the same). Only for people to look at: nothing is held back because of it. Reads no clock.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue};
use parking_lot::Mutex;
use serde::Serialize;

/// Names of the headers that say a limit, what is left of it, and when all of it is there again.
const REQUESTS: [&str; 3] =
    ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
const TOKENS: [&str; 3] = ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];
/// Characters of a time until a limit is whole again that are kept.
const RESET_CHARS: usize = 40;

/// One limit as the teacher counts it, for the key that was asked with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limit {
    pub limit: u64,
    pub remaining: u64,
    /// When all of it is there again, in the teacher's own words, such as `6m0s`.
    pub reset: Option<String>,
}

/// What an answer said of its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    pub requests: Option<Limit>,
    pub tokens: Option<Limit>,
    pub at: Instant,
}

/// What was said last; shared by everybody who asks the same teacher.
#[derive(Clone, Debug, Default)]
pub struct LastQuota(Arc<Mutex<Option<Quota>>>);

impl LastQuota {
    /// Absent where no answer has said anything yet.
    #[must_use]
    pub fn get(&self) -> Option<Quota> {
        self.0.lock().clone()
    }

    /// Takes what an answer's head says, if it says anything.
    pub(crate) fn note(&self, headers: &HeaderMap, at: Instant) {
        let [requests, tokens] = [REQUESTS, TOKENS].map(|names| said(headers, names));
        if requests.is_some() || tokens.is_some() {
            *self.0.lock() = Some(Quota { requests, tokens, at });
        }
    }
}

fn said(headers: &HeaderMap, [limit, remaining, reset]: [&str; 3]) -> Option<Limit> {
    let text = |name: &str| headers.get(name).map(HeaderValue::to_str)?.ok();
    let number = |name: &str| text(name)?.trim().parse().ok();
    let (limit, remaining) = (number(limit)?, number(remaining)?);
    Some(Limit { limit, remaining, reset: text(reset).map(|reset| reset.chars().take(RESET_CHARS).collect()) })
}
