//! Audits are recorded in the order of their requests, whichever is complete first: if bad answers are slower, an order
//! of completion shows the good ones first and raises the rate of false promotions fivefold.
//!
//! Every audit takes a place when its request is planned. A place that is not filled holds up those behind it, for a
//! bounded time; then it is empty. Knows nothing of what an audit is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use callsite::SiteId;
use parking_lot::Mutex;
use tokio::sync::mpsc;

/// Hands out places, and sends on what fills them.
#[derive(Debug)]
pub(crate) struct Order<T> {
    sites: Mutex<BTreeMap<SiteId, Places<T>>>,
    ready: mpsc::UnboundedSender<(SiteId, T)>,
    /// Places that may wait at one site.
    places_max: usize,
}

#[derive(Debug)]
struct Places<T> {
    /// Number of the place at the front.
    first: u64,
    waiting: VecDeque<Place<T>>,
}

#[derive(Debug)]
struct Place<T> {
    since: Instant,
    state: Filling<T>,
}

#[derive(Debug)]
enum Filling<T> {
    Open,
    /// `None`: nothing came of it.
    Done(Option<T>),
}

/// One audit's place. Dropped, it is empty.
#[derive(Debug)]
pub(crate) struct Ticket<T> {
    order: Arc<Order<T>>,
    site: SiteId,
    number: u64,
}

impl<T> Order<T> {
    pub(crate) fn new(places_max: usize) -> (Arc<Self>, mpsc::UnboundedReceiver<(SiteId, T)>) {
        let (ready, recorded) = mpsc::unbounded_channel();
        (Arc::new(Self { sites: Mutex::default(), ready, places_max }), recorded)
    }

    /// The next place of `site`; `None` when too many wait.
    pub(crate) fn enter(self: &Arc<Self>, site: &SiteId, now: Instant) -> Option<Ticket<T>> {
        let mut sites = self.sites.lock();
        let places = sites.entry(site.clone()).or_insert_with(|| Places { first: 0, waiting: VecDeque::new() });
        if places.waiting.len() >= self.places_max {
            return None;
        }
        let number = places.first + places.waiting.len() as u64;
        places.waiting.push_back(Place { since: now, state: Filling::Open });
        Some(Ticket { order: self.clone(), site: site.clone(), number })
    }

    /// Empties the places that were taken longer than `age` ago and stand in front; gives back whose they were.
    pub(crate) fn expire(&self, now: Instant, age: Duration) -> Vec<SiteId> {
        let mut expired = Vec::new();
        for (site, places) in self.sites.lock().iter_mut() {
            while places.waiting.front().is_some_and(|place| now.saturating_duration_since(place.since) >= age) {
                places.waiting.pop_front();
                places.first += 1;
                expired.push(site.clone());
                self.send(site, places);
            }
        }
        expired
    }

    /// Fills or empties a place that is still open; false when its turn is over.
    fn settle(&self, site: &SiteId, number: u64, with: Option<T>) -> bool {
        let mut sites = self.sites.lock();
        let Some(places) = sites.get_mut(site) else { return false };
        let at = number.checked_sub(places.first).and_then(|at| usize::try_from(at).ok());
        let place = at.and_then(|at| places.waiting.get_mut(at));
        let Some(place) = place.filter(|place| matches!(place.state, Filling::Open)) else { return false };
        place.state = Filling::Done(with);
        self.send(site, places);
        true
    }

    /// Sends on what stands in front and is done. Under the lock, so that the order holds.
    fn send(&self, site: &SiteId, places: &mut Places<T>) {
        while places.waiting.front().is_some_and(|place| matches!(place.state, Filling::Done(_))) {
            let place = places.waiting.pop_front();
            places.first += 1;
            if let Some(Place { state: Filling::Done(Some(done)), .. }) = place {
                // Nobody records any more: the program ends.
                self.ready.send((site.clone(), done)).ok();
            }
        }
    }
}

impl<T> Ticket<T> {
    /// Fills the place; false when its turn is over.
    pub(crate) fn fill(self, with: T) -> bool {
        self.order.settle(&self.site, self.number, Some(with))
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        // A place that was filled is open no more: this leaves it as it is.
        self.order.settle(&self.site, self.number, None);
    }
}
