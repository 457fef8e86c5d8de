//! Keys of the proxy's own, so that its port can be opened without giving everybody the teacher's: each may stand for a call site and
//! have a limit of requests a minute and of tokens a day. Only their hashes are known here.

use std::num::NonZeroU32;
use std::sync::Arc;

use callsite::SiteId;
use governor::clock::Clock;
use governor::{DefaultDirectRateLimiter, Quota};
use http::HeaderMap;
use parking_lot::Mutex;
use subtle::ConstantTimeEq;
use wire::error::ApiError;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// One key.
pub struct Key {
    name: String,
    /// BLAKE3 of the key.
    hash: [u8; 32],
    site: Option<SiteId>,
    requests: Option<DefaultDirectRateLimiter>,
    tokens_per_day: Option<u64>,
    /// The day, counted from 1970 in UTC, and the tokens of that day. A restart forgets them.
    used: Mutex<(u64, u64)>,
}

/// The keys that let a request in; without any, everybody may ask.
#[derive(Default)]
pub struct Keys(Vec<Arc<Key>>);

impl Key {
    #[must_use]
    pub fn new(
        name: &str,
        hash: [u8; 32],
        site: Option<SiteId>,
        requests_per_minute: Option<NonZeroU32>,
        tokens_per_day: Option<u64>,
    ) -> Self {
        let requests = requests_per_minute.map(|most| DefaultDirectRateLimiter::direct(Quota::per_minute(most)));
        Self { name: name.to_owned(), hash, site, requests, tokens_per_day, used: Mutex::default() }
    }

    /// The call site that it stands for.
    pub(crate) fn site(&self) -> Option<&SiteId> {
        self.site.as_ref()
    }

    /// Counts tokens that were asked and answered.
    pub(crate) fn spend(&self, tokens: u64, now_ms: u64) {
        let mut used = self.used.lock();
        *used = (now_ms / DAY_MS, of_day(*used, now_ms) + tokens);
    }

    /// Whether it may ask once more.
    fn admit(&self, now_ms: u64) -> Result<(), ApiError> {
        let name = &self.name;
        if self.tokens_per_day.is_some_and(|most| of_day(*self.used.lock(), now_ms) >= most) {
            let message =
                format!("the key `{name}` has spent its tokens of today; they are counted anew at midnight UTC");
            return Err(ApiError::limited("tokens_per_day", message, (DAY_MS - now_ms % DAY_MS).div_ceil(1_000)));
        }
        let Some(requests) = &self.requests else { return Ok(()) };
        requests.check().map_err(|wait| {
            let seconds = wait.wait_time_from(governor::clock::DefaultClock::default().now()).as_secs() + 1;
            ApiError::limited("requests_per_minute", format!("the key `{name}` asks too often"), seconds)
        })
    }
}

/// The tokens of today.
fn of_day((day, tokens): (u64, u64), now_ms: u64) -> u64 {
    if day == now_ms / DAY_MS { tokens } else { 0 }
}

impl Keys {
    #[must_use]
    pub fn new(keys: Vec<Key>) -> Self {
        Self(keys.into_iter().map(Arc::new).collect())
    }

    /// The key of a request; `None` where none is needed.
    ///
    /// # Errors
    /// Without a key that is known (401), or past a limit of it (429).
    pub(crate) fn check(&self, headers: &HeaderMap, now_ms: u64) -> Result<Option<Arc<Key>>, ApiError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let hash = net::bearer(headers).map(|key| *blake3::hash(key.as_bytes()).as_bytes());
        // All are compared, and each in constant time: how long it takes tells nothing.
        let mut known = None;
        for key in &self.0 {
            if hash.is_some_and(|hash| bool::from(hash.ct_eq(&key.hash))) {
                known = Some(key);
            }
        }
        let Some(key) = known else {
            let message =
                "this proxy wants a key of its own (sk-ap-...): ask whoever runs it, and send it as the API key";
            return Err(ApiError { status: 401, ..ApiError::invalid("invalid_api_key", message) });
        };
        key.admit(now_ms)?;
        Ok(Some(key.clone()))
    }
}
