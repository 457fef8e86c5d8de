//! The live side: every request that names no call site is looked up here; what is unknown is remembered, and now and then
//! somebody off the hot path has it mined. Looking up reads an immutable snapshot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use callsite::SiteId;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use crate::alike::same;
use crate::index::Index;
use crate::mine::{Cluster, mine};
use crate::name;
use crate::pool::{Doc, Pool};
use crate::samples::{sample_anew, samples};
use crate::shape::Shape;
use crate::site::{FoundSite, FoundView, Standing};
use crate::split::Split;
use crate::surroundings::Surroundings;
use crate::template::Template;

/// Unknown prompts that must have come before it is worth mining again: so many, and one in so many of those kept.
const NEW_PROMPTS_MIN: usize = 16;
const NEW_PROMPTS_SHARE: usize = 10;
/// A site without evidence gives its place away after so long without a request.
const IDLE_MS: u64 = 3_600_000;

/// Whether call sites are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discover {
    /// Found, captured, learnt and handed over like any other.
    #[default]
    Learn,
    /// Found and listed; only what a person has named is a call site.
    Suggest,
    /// Not found; what was found before is left as it lies.
    Off,
}

/// How call sites are found.
#[derive(Clone, Copy, Debug)]
pub struct FinderSettings {
    pub discover: Discover,
    pub split: Split,
    /// Call sites that may be found.
    pub sites_max: usize,
}

/// What mining came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mined {
    pub found: Vec<SiteId>,
    /// Sites that gave their place away.
    pub given_away: Vec<SiteId>,
    /// Sites that were not admitted: every place is taken.
    pub refused: usize,
}

#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) site: FoundSite,
    requests: AtomicU64,
    last_ms: AtomicU64,
}

impl Live {
    fn new(site: FoundSite) -> Arc<Self> {
        let (requests, last_ms) = (AtomicU64::new(site.requests), AtomicU64::new(site.last_ms));
        Arc::new(Self { site, requests, last_ms })
    }

    /// The site with what was counted since.
    fn kept(&self) -> FoundSite {
        let (requests, last_ms) = (self.requests.load(Ordering::Relaxed), self.last_ms.load(Ordering::Relaxed));
        FoundSite { requests, last_ms, ..self.site.clone() }
    }
}

#[derive(Default)]
struct Snapshot {
    sites: Vec<Arc<Live>>,
    index: Index,
}

/// See the module.
pub struct Finder {
    settings: FinderSettings,
    now: RwLock<Arc<Snapshot>>,
    pub(crate) pool: Mutex<Pool>,
    /// Held by whoever changes the sites.
    changing: Mutex<()>,
    changed: AtomicBool,
}

impl Finder {
    /// With the sites that are known already.
    #[must_use]
    pub fn new(settings: FinderSettings, sites: Vec<FoundSite>) -> Self {
        let finder = Self {
            settings,
            now: RwLock::default(),
            pool: Mutex::default(),
            changing: Mutex::default(),
            changed: AtomicBool::new(false),
        };
        finder.install(sites);
        finder
    }

    /// The call site of a request that names none, if there is one. `may_remember` says whether its texts may be remembered
    /// for finding new ones.
    pub fn look_up(&self, shape: Shape, system: &str, user: &str, may_remember: bool, now_ms: u64) -> Option<SiteId> {
        if !self.discovers() {
            return None;
        }
        let now = self.now.read().clone();
        let owner = now.index.owner(shape, system, user).and_then(|owner| now.sites.get(owner));
        if may_remember && owner.is_none_or(|live| live.site.wants_prompts()) {
            let doc = Doc::new(shape, system, user);
            self.pool.lock().offer(doc);
        }
        let live = owner?;
        live.requests.fetch_add(1, Ordering::Relaxed);
        live.last_ms.fetch_max(now_ms, Ordering::Relaxed);
        self.is_active(&live.site).then(|| live.site.name.clone())
    }

    /// Whether prompts are looked at at all.
    #[must_use]
    pub fn discovers(&self) -> bool {
        self.settings.discover != Discover::Off
    }

    /// The site that a prompt is of; unlike [`Finder::look_up`] it neither counts nor remembers.
    #[must_use]
    pub fn site_of(&self, shape: Shape, system: &str, user: &str) -> Option<SiteId> {
        let now = self.now.read().clone();
        let live = now.sites.get(now.index.owner(shape, system, user)?)?;
        self.is_active(&live.site).then(|| live.site.name.clone())
    }

    fn is_active(&self, site: &FoundSite) -> bool {
        match (self.settings.discover, site.standing) {
            (Discover::Learn, Standing::Found) | (Discover::Learn | Discover::Suggest, Standing::Named) => true,
            (Discover::Off, _) | (_, Standing::Ignored) | (Discover::Suggest, Standing::Found) => false,
        }
    }

    /// Whether enough unknown prompts have come that mining them may find something.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let pool = self.pool.lock();
        pool.new >= NEW_PROMPTS_MIN.max(pool.len() / NEW_PROMPTS_SHARE)
    }

    /// Looks for call sites among the unknown prompts. Takes its time.
    pub fn mine(&self, now_ms: u64, surroundings: &dyn Surroundings) -> Mined {
        let _changing = self.changing.lock();
        let docs = {
            let mut pool = self.pool.lock();
            pool.new = 0;
            pool.docs()
        };
        let now = self.now.read().clone();
        let mut sites: Vec<FoundSite> = now.sites.iter().map(|live| live.kept()).collect();
        let known: Vec<Template> = sites.iter().flat_map(|site| site.templates.clone()).collect();
        let owner = |doc: &Doc| now.index.owner(doc.shape, &doc.system, &doc.user);
        let owned: Vec<(Option<usize>, &Doc)> = docs.iter().map(|doc| (owner(doc), doc)).collect();
        let of = |wanted: &dyn Fn(Option<usize>) -> bool| -> Vec<&Doc> {
            owned.iter().filter(|(owner, _)| wanted(*owner)).map(|(_, doc)| *doc).collect()
        };
        let mut sampled = false;
        for (at, site) in sites.iter_mut().enumerate().filter(|(_, site)| site.wants_samples) {
            sampled |= sample_anew(site, &of(&|owner| owner == Some(at)), surroundings);
        }
        let inside = of(&|owner| owner.and_then(|at| now.sites.get(at)).is_some_and(|live| live.site.fine));
        let mut clusters = mine(of(&|owner| owner.is_none()).into_iter(), &known, self.settings.split);
        clusters.extend(mine(inside.into_iter(), &known, Split::Texts));
        let (mut mined, mut widened) = (Mined::default(), false);
        for cluster in clusters {
            if let Some(template) = same(&mut sites, &cluster.template) {
                widened |= template.widen(&cluster.template);
            } else {
                self.admit(&mut sites, cluster, now_ms, surroundings, &mut mined);
            }
        }
        if widened || sampled || !mined.found.is_empty() {
            self.install(sites);
            self.changed.store(true, Ordering::Release);
            let now = self.now.read().clone();
            let is_unknown = |doc: &Doc| {
                let owner = now.index.owner(doc.shape, &doc.system, &doc.user).and_then(|owner| now.sites.get(owner));
                owner.is_none_or(|live| live.site.wants_prompts())
            };
            self.pool.lock().retain(is_unknown);
        }
        mined
    }

    /// Gives a new site a place, that of an idle one if need be.
    fn admit(
        &self,
        sites: &mut Vec<FoundSite>,
        cluster: Cluster,
        now_ms: u64,
        surroundings: &dyn Surroundings,
        mined: &mut Mined,
    ) {
        if sites.len() >= self.settings.sites_max {
            let is_idle = |site: &&FoundSite| {
                site.standing == Standing::Found
                    && site.last_ms.saturating_add(IDLE_MS) <= now_ms
                    && surroundings.is_bare(&site.name)
            };
            let idle = sites.iter().filter(is_idle).min_by_key(|site| (site.last_ms, site.requests));
            let Some(idle) = idle.map(|site| site.name.clone()) else {
                mined.refused += 1;
                return;
            };
            sites.retain(|site| site.name != idle);
            mined.given_away.push(idle);
        }
        let Cluster { template, words, samples: prompts } = cluster;
        let is_taken = |name: &SiteId| {
            surroundings.is_used(name) || sites.iter().any(|site| site.name == *name || site.former.contains(name))
        };
        let Some(name) = name::name(&words, template.shape, is_taken) else { return };
        sites.push(FoundSite {
            former: Vec::new(),
            standing: Standing::Found,
            templates: vec![template],
            fine: false,
            revision: 0,
            requests: 0,
            first_ms: now_ms,
            last_ms: now_ms,
            samples: samples(&name, prompts.iter().map(|(system, user)| (&**system, &**user)), surroundings),
            wants_samples: false,
            name: name.clone(),
        });
        mined.found.push(name);
    }

    fn install(&self, mut sites: Vec<FoundSite>) {
        // A fixed order: of templates that fit equally well the first owns a prompt.
        sites.sort_by(|one, other| one.name.cmp(&other.name));
        let templates = sites.iter().enumerate().flat_map(|(at, site)| site.templates.iter().map(move |one| (at, one)));
        let index = Index::new(templates);
        *self.now.write() = Arc::new(Snapshot { index, sites: sites.into_iter().map(Live::new).collect() });
    }

    /// Changes what a person wants changed.
    ///
    /// # Errors
    /// What `change` says.
    pub(crate) fn change<E>(&self, change: impl FnOnce(&mut Vec<FoundSite>) -> Result<(), E>) -> Result<(), E> {
        let _changing = self.changing.lock();
        let mut sites = self.sites();
        change(&mut sites)?;
        self.install(sites);
        self.changed.store(true, Ordering::Release);
        Ok(())
    }

    /// All found sites, by name, as they are kept.
    #[must_use]
    pub fn sites(&self) -> Vec<FoundSite> {
        self.now.read().sites.iter().map(|live| live.kept()).collect()
    }

    /// All found sites, as a person sees them: those with the most requests first.
    #[must_use]
    pub fn views(&self) -> Vec<FoundView> {
        let mut sites = self.sites();
        sites.sort_by_key(|site| std::cmp::Reverse(site.requests));
        sites.iter().map(|site| site.view(self.is_active(site))).collect()
    }

    /// The names under which exchanges of `site` lie: its own last.
    #[must_use]
    pub fn names_of(&self, site: &SiteId) -> Vec<SiteId> {
        let now = self.now.read().clone();
        let former = now.sites.iter().filter(|live| live.site.name == *site).flat_map(|live| live.site.former.clone());
        former.filter(|former| former != site).chain([site.clone()]).collect()
    }

    /// The name that a site has today.
    #[must_use]
    pub fn name_today(&self, site: &SiteId) -> SiteId {
        let now = self.now.read().clone();
        let is_former = |live: &&Arc<Live>| live.site.name != *site && live.site.former.contains(site);
        now.sites.iter().find(is_former).map_or_else(|| site.clone(), |live| live.site.name.clone())
    }

    /// Whether the sites have changed since this was last asked.
    #[must_use]
    pub fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::AcqRel)
    }
}
