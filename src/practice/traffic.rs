//! The players: requests for every scene in bursts and lulls, through the proxy, each answer held
//! against the truth that the practice teacher tells outside the proxy and after the fact.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::Client;
use crate::scene::{Line, Scene, Style};

/// Requests on their way at the same time at most.
const AT_ONCE: usize = 8;
/// The newest answers whose call sites are held against the true ones.
const NEWEST: usize = 2_000;

/// How the players behave.
#[derive(Clone, Debug)]
pub struct Pace {
    pub busy: Duration,
    pub busy_requests_per_s: f64,
    pub lull: Duration,
    pub lull_requests_per_s: f64,
}

/// What happened at one site.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub requests: u64,
    pub failed: u64,
    pub local: u64,
    /// Since [`Traffic::mark`]: requests, those answered locally, those of them with facts never asked
    /// about before, and how many of these were right.
    pub marked: Option<Marked>,
    seen: BTreeSet<u64>,
    /// How often the proxy took it for which call site.
    sites: BTreeMap<String, u64>,
}

impl Tally {
    /// The call site that the proxy took most of these requests for, if it knew one.
    #[must_use]
    pub fn site(&self) -> Option<&str> {
        let known = self.sites.iter().filter(|(site, _)| *site != "default");
        known.max_by_key(|(_, count)| **count).map(|(site, _)| site.as_str())
    }
}

/// Counts since a mark.
#[derive(Clone, Copy, Debug, Default)]
pub struct Marked {
    pub requests: u64,
    pub local: u64,
    pub local_unseen: u64,
    pub local_unseen_right: u64,
}

/// The players of all scenes.
#[derive(Clone, Debug)]
pub struct Traffic {
    proxy: String,
    teacher: String,
    client: Client,
    tallies: Arc<Mutex<BTreeMap<&'static str, Tally>>>,
    style: Arc<Mutex<Style>>,
    /// Whether requests name their call site.
    naming: Naming,
    newest: Arc<Mutex<VecDeque<(&'static str, String)>>>,
}

/// Whether the players say which call site a request is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// In the path.
    #[default]
    Named,
    /// Not at all: plain `/v1`.
    Unnamed,
}

impl Traffic {
    /// `proxy` is the proxy's address, `teacher` the teacher's base URL for the truth.
    #[must_use]
    pub fn new(proxy: &str, teacher: &str, naming: Naming) -> Self {
        Self {
            proxy: proxy.to_owned(),
            teacher: teacher.to_owned(),
            client: Client::default(),
            tallies: Arc::default(),
            style: Arc::default(),
            naming,
            newest: Arc::default(),
        }
    }

    /// From now on the teacher speaks in `style`.
    pub fn expect(&self, style: Style) {
        *self.style.lock() = style;
    }

    /// Plays until it is dropped. The learnable scenes are played twice as often as the fortune teller.
    pub async fn play(self, scenes: Vec<Scene>, pace: Pace, seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let often = |scene: &Scene| if scene.is_learnable() { 2 } else { 1 };
        let deck: Vec<Scene> = scenes.iter().flat_map(|scene| std::iter::repeat_n(*scene, often(scene))).collect();
        let (began, cycle) = (Instant::now(), pace.busy + pace.lull);
        let mut running = JoinSet::new();
        let mut turn = 0;
        let mut next = began;
        loop {
            let within = (Instant::now() - began).as_secs_f64() % cycle.as_secs_f64();
            let busy = within < pace.busy.as_secs_f64();
            let rate = if busy { pace.busy_requests_per_s } else { pace.lull_requests_per_s };
            next = (next + Duration::from_secs_f64(1.0 / rate)).max(Instant::now() - Duration::from_millis(100));
            tokio::time::sleep_until(next).await;
            while running.len() >= AT_ONCE {
                running.join_next().await;
            }
            let Some(scene) = deck.get(turn % deck.len().max(1)).copied() else { return };
            turn += 1;
            running.spawn(self.clone().one(scene, scene.line(&mut rng), rng.random_bool(0.5)));
        }
    }

    async fn one(self, scene: Scene, line: Line, stream: bool) {
        let url = match self.naming {
            Naming::Named => format!("{}/s/{}/v1", self.proxy, scene.name()),
            Naming::Unnamed => format!("{}/v1", self.proxy),
        };
        let reply = self.client.ask(&url, &line, stream, false).await;
        let truth = match &reply {
            Ok(reply) if reply.local => self.client.ask(&self.teacher, &line, false, true).await.ok(),
            _ => None,
        };
        let style = *self.style.lock();
        let mut tallies = self.tallies.lock();
        let tally = tallies.entry(scene.name()).or_default();
        tally.requests += 1;
        let unseen = tally.seen.insert(line.combination);
        let Ok(reply) = reply else {
            tally.failed += 1;
            return;
        };
        tally.local += u64::from(reply.local);
        *tally.sites.entry(reply.site.clone()).or_default() += 1;
        self.note(scene, reply.site);
        if let Some(marked) = &mut tally.marked {
            marked.requests += 1;
            marked.local += u64::from(reply.local);
            if let (true, true, Some(truth)) = (reply.local, unseen, truth) {
                marked.local_unseen += 1;
                marked.local_unseen_right += u64::from(scene.is_right(&line, style, &truth.text, &reply.text));
            }
        }
    }

    fn note(&self, scene: Scene, site: String) {
        let mut newest = self.newest.lock();
        newest.push_back((scene.name(), site));
        if newest.len() > NEWEST {
            newest.pop_front();
        }
    }

    /// Forgets the newest answers: the proxy knows more now.
    pub fn forget_newest(&self) {
        self.newest.lock().clear();
    }

    /// The newest answers: which call site they truly were of, and which the proxy took them for.
    #[must_use]
    pub fn newest(&self) -> Vec<(&'static str, String)> {
        self.newest.lock().iter().cloned().collect()
    }

    /// Begins to count afresh for `scene`; the facts seen so far stay seen.
    pub fn mark(&self, scene: Scene) {
        let mut tallies = self.tallies.lock();
        tallies.entry(scene.name()).or_default().marked = Some(Marked::default());
    }

    /// What happened at `scene` so far.
    #[must_use]
    pub fn tally(&self, scene: Scene) -> Tally {
        self.tallies.lock().get(scene.name()).cloned().unwrap_or_default()
    }
}
