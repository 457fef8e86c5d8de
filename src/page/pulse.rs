//! Tells open pages that something has changed: a number that is another one then, looked at once for all of them.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use parking_lot::Mutex;

use crate::Page;

/// How often open pages are told, at most.
const EVERY: Duration = Duration::from_secs(2);

/// What was seen last.
#[derive(Default)]
pub(crate) struct Pulse(Mutex<Option<(Instant, blake3::Hash)>>);

impl Pulse {
    /// What the views are made of, as one number.
    fn beat(&self, page: &Page, now: Instant) -> blake3::Hash {
        let mut seen = self.0.lock();
        if let Some((at, hash)) = &*seen
            && now.duration_since(*at) < EVERY
        {
            return *hash;
        }
        let found = page.admin.finder.views().len();
        let text = serde_json::to_vec(&(page.admin.sites(), found)).unwrap_or_default();
        let hash = blake3::hash(&text);
        *seen = Some((now, hash));
        hash
    }
}

/// A message whenever the views have changed.
pub(crate) async fn events(State(page): State<Page>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let shown = page.pulse.beat(&page, Instant::now());
    let changes = futures_util::stream::unfold((page, shown), |(page, shown)| async move {
        loop {
            tokio::time::sleep(EVERY).await;
            let now = page.pulse.beat(&page, Instant::now());
            if now != shown {
                return Some((Ok(Event::default().data("changed")), (page, now)));
            }
        }
    });
    Sse::new(changes).keep_alive(KeepAlive::default())
}
