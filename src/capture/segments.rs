//! The exchange log on disk: a live segment that is written to and sealed ones, slices of time or size.
//!
//! What happens to segments later (sealing, retention, erasing) is in [`upkeep`] and [`erase`].

mod erase;
mod looking;
mod upkeep;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use callsite::SiteId;
use fs_err as fs;
use memchr::memmem;
use parking_lot::Mutex;
use store::{Opened, StoreError};
use uuid::Uuid;

pub use erase::{Erase, Erased, Subject, Today};
pub use looking::{Overview, SegmentReport, Verified, export_sealed};

use crate::CaptureError;
use crate::block::{Block, Packer};
use crate::directory;
use crate::limits::{EXCHANGE_BYTES_MAX, STORED_BYTES_MAX};
use crate::live::Live;
use crate::record::Exchange;
use crate::redact::Redactor;
use crate::sealed::Sealed;
use crate::segment::Segment;
use crate::summary::id_time_ms;
use crate::users::Users;

const LOCK_FILE: &str = "lock";
/// How often, and how long apart, a lock that another process holds is tried.
const LOCK_TRIES: u32 = 20;
const LOCK_WAIT: Duration = Duration::from_millis(50);

/// What became of exchanges that were to be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    pub kept: u64,
    /// Of the kept: something was taken out of them first.
    pub redacted: u64,
    /// Not kept: larger than what is stored.
    pub too_large: u64,
    /// Not kept: what must be taken out of them could not be found.
    pub not_redacted: u64,
}

/// Where exchanges are kept. Blocking.
pub trait CaptureStore: Send + Sync {
    /// Keeps `exchanges`; when it returns those that were kept survive a crash.
    ///
    /// # Errors
    /// When writing failed; nothing is known of these exchanges then, a later append may succeed.
    fn append(&self, exchanges: Vec<Exchange>) -> Result<Appended, CaptureError>;

    /// Calls `visit` with the exchanges of `site` after `after`, about oldest first; damaged ones are skipped and logged.
    ///
    /// # Errors
    /// When the store cannot be read at all.
    fn scan(&self, site: &SiteId, after: Option<Uuid>, visit: &mut dyn FnMut(Exchange)) -> Result<(), CaptureError>;

    /// Every site with exchanges, by name.
    ///
    /// # Errors
    /// When the store cannot be read at all.
    fn sites(&self) -> Result<BTreeSet<SiteId>, CaptureError>;
}

/// How long exchanges, and what was drawn from them, are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    pub default_ms: u64,
    /// Of sites that are kept for another time.
    pub sites: BTreeMap<SiteId, u64>,
}

impl Retention {
    /// Of what lies under `name`, milliseconds. `today` is how that site is called now: its time is that of its former names too.
    #[must_use]
    pub fn of(&self, name: &SiteId, today: &SiteId) -> u64 {
        self.sites.get(today).or_else(|| self.sites.get(name)).copied().unwrap_or(self.default_ms)
    }

    /// The longest of any site.
    #[must_use]
    pub fn longest_ms(&self) -> u64 {
        self.sites.values().copied().fold(self.default_ms, u64::max)
    }

    /// The shortest of any site.
    #[must_use]
    pub fn shortest_ms(&self) -> u64 {
        self.sites.values().copied().fold(self.default_ms, u64::min)
    }
}

/// How large a log may become and how long it lasts.
#[derive(Clone, Debug)]
pub struct SegmentLimits {
    /// A live segment is closed at this size or age.
    pub bytes_max: u64,
    pub age_ms_max: u64,
    /// What is older is removed, a segment at a time.
    pub retention: Retention,
    /// Of the whole log: the oldest segments go first.
    pub total_bytes_max: u64,
    /// Nothing is written while the disk has less room.
    pub free_bytes_min: u64,
    /// Where a copy of every sealed segment is put as JSON lines.
    pub export_dir: Option<PathBuf>,
}

impl SegmentLimits {
    /// No limit at all.
    pub const NONE: Self = Self {
        bytes_max: u64::MAX,
        age_ms_max: u64::MAX,
        retention: Retention { default_ms: u64::MAX, sites: BTreeMap::new() },
        total_bytes_max: u64::MAX,
        free_bytes_min: 0,
        export_dir: None,
    };
}

/// The segments of one directory.
#[derive(Debug)]
pub struct Segments {
    dir: PathBuf,
    limits: SegmentLimits,
    redactor: Redactor,
    users: Users,
    /// Held by whoever writes to the live segment or closes it.
    writing: Mutex<Packer>,
    /// Held by whoever seals, replaces or removes segments.
    upkeep: Mutex<()>,
    state: Mutex<State>,
    /// Held as long as the log: a log without a segment is somebody's all the same.
    _lock: fs::File,
}

/// The segments by their first id; never held while something is read or written.
#[derive(Debug, Default)]
struct State {
    live: Option<(Uuid, Arc<Live>)>,
    /// Closed, not yet sealed.
    closing: BTreeMap<Uuid, Arc<Live>>,
    sealed: BTreeMap<Uuid, Arc<Sealed>>,
}

impl State {
    /// All of them, oldest first.
    fn all(&self) -> Vec<(Uuid, Arc<dyn Segment + Send + Sync>)> {
        let mut all: Vec<(Uuid, Arc<dyn Segment + Send + Sync>)> = Vec::new();
        all.extend(self.sealed.iter().map(|(first, sealed)| (*first, sealed.clone() as _)));
        all.extend(
            self.closing
                .iter()
                .chain(self.live.as_ref().map(|(first, live)| (first, live)))
                .map(|(first, live)| (*first, live.clone() as _)),
        );
        all.sort_by_key(|(first, _)| *first);
        all
    }

    fn newest(&self) -> Option<Uuid> {
        let sealed = self.sealed.keys().chain(self.closing.keys()).max().copied();
        sealed.max(self.live.as_ref().map(|(first, _)| *first))
    }
}

impl Segments {
    /// Opens the log in `dir`; damaged segments are repaired or set aside, one that cannot be opened now is left where it
    /// is and said.
    ///
    /// # Errors
    /// When the directory cannot be used or another process holds it.
    pub fn open(dir: &Path, limits: SegmentLimits, redactor: Redactor) -> Result<Self, CaptureError> {
        files::create_private_dir(dir)?;
        let lock = lock(dir)?;
        files::remove_staged(dir)?;
        directory::remove_unmade(dir)?;
        let users = Users::open(dir)?;
        let listing = directory::list(dir)?;
        let mut state = State::default();
        for first in &listing.sealed {
            match Sealed::open(&directory::sealed_path(dir, *first)) {
                Ok(sealed) => drop(state.sealed.insert(*first, Arc::new(sealed))),
                Err(CaptureError::Damaged(what)) => {
                    let kept = directory::set_aside(dir, *first)?;
                    tracing::error!(kept = %kept.display(), what, "a sealed capture segment was set aside");
                }
                Err(error) => {
                    tracing::error!(segment = %first, %error, "a capture segment cannot be read, going on without it")
                }
            }
        }
        for first in &listing.live {
            let path = directory::live_path(dir, *first);
            if state.sealed.contains_key(first) {
                // It was sealed, and the program ended before its folder was gone.
                directory::remove(&path)?;
                continue;
            }
            match open_live(&path) {
                Ok(live) => drop(state.closing.insert(*first, live)),
                Err(CaptureError::Store(error @ StoreError::InUse(_))) => return Err(error.into()),
                Err(error) => {
                    tracing::error!(segment = %first, %error, "a capture segment cannot be read, going on without it")
                }
            }
        }
        if state.closing.keys().max() == state.newest().as_ref() {
            state.live = state.closing.pop_last();
        }
        let (state, writing) = (Mutex::new(state), Mutex::new(Packer::new(None)?));
        Ok(Self { dir: dir.to_owned(), limits, redactor, users, writing, upkeep: Mutex::new(()), state, _lock: lock })
    }

    fn all(&self) -> Vec<(Uuid, Arc<dyn Segment + Send + Sync>)> {
        self.state.lock().all()
    }

    /// Takes out of `exchanges` what must not be stored, and those that cannot be.
    fn ready(&self, exchanges: &mut Vec<Exchange>, appended: &mut Appended) {
        exchanges.retain_mut(|exchange| {
            if exchange.text_bytes() > EXCHANGE_BYTES_MAX {
                appended.too_large += 1;
                return false;
            }
            if exchange.user.is_none() {
                exchange.user = user_of(exchange).map(|user| self.users.hash(&user));
            }
            match self.redactor.redact(exchange) {
                Ok(()) => {
                    appended.redacted += u64::from(exchange.redacted);
                    true
                }
                Err(_) => {
                    appended.not_redacted += 1;
                    false
                }
            }
        });
    }

    /// The segment that takes an exchange with this id, beginning a new one when the last is full.
    fn active(&self, id: Uuid) -> Result<Arc<Live>, CaptureError> {
        let mut state = self.state.lock();
        if let Some((first, live)) = state.live.take() {
            let full = live.size_bytes().is_ok_and(|bytes| bytes >= self.limits.bytes_max);
            let old = id_time_ms(id).saturating_sub(id_time_ms(first)) >= self.limits.age_ms_max;
            if !full && !old {
                state.live = Some((first, live.clone()));
                return Ok(live);
            }
            state.closing.insert(first, live);
        }
        // A late exchange may be older than the newest segment; names rise all the same.
        let above = state.newest().map_or(id, |newest| id.max(Uuid::from_u128(newest.as_u128().saturating_add(1))));
        drop(state);
        let live = open_live(&directory::live_path(&self.dir, above))?;
        self.state.lock().live = Some((above, live.clone()));
        Ok(live)
    }

    fn has_room(&self) -> Result<(), CaptureError> {
        // Where it cannot be measured, writing will tell.
        let free = self.free_bytes().unwrap_or(u64::MAX);
        if free >= self.limits.free_bytes_min {
            return Ok(());
        }
        Err(CaptureError::NoRoom { free_mb: free >> 20, min_mb: self.limits.free_bytes_min >> 20 })
    }

    fn free_bytes(&self) -> Result<u64, CaptureError> {
        let disk = rustix::fs::statvfs(&self.dir).map_err(std::io::Error::from)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

impl CaptureStore for Segments {
    fn append(&self, mut exchanges: Vec<Exchange>) -> Result<Appended, CaptureError> {
        let mut appended = Appended::default();
        self.ready(&mut exchanges, &mut appended);
        exchanges.sort_unstable_by(|a, b| (&a.site, a.id).cmp(&(&b.site, b.id)));
        let Some(first) = exchanges.iter().map(|exchange| exchange.id).min() else { return Ok(appended) };
        self.has_room()?;
        let mut packer = self.writing.lock();
        let mut blocks = packed(&mut packer, &exchanges)?;
        blocks.retain(|(_, block)| {
            let fits = block.payload.len() <= STORED_BYTES_MAX;
            let count = if fits { &mut appended.kept } else { &mut appended.too_large };
            *count += u64::from(block.header.count);
            fits
        });
        if !blocks.is_empty() {
            // sled takes no write after one has failed: the next append begins another segment.
            self.active(first)?.append(&blocks).inspect_err(|_| self.state.lock().live = None)?;
        }
        Ok(appended)
    }

    fn scan(&self, site: &SiteId, after: Option<Uuid>, visit: &mut dyn FnMut(Exchange)) -> Result<(), CaptureError> {
        for (first, segment) in self.all() {
            let damage = segment.visit(site, after, &mut |exchange| {
                visit(exchange);
                ControlFlow::Continue(())
            })?;
            if damage.places > 0 {
                let what = damage.first.unwrap_or_default();
                tracing::warn!(segment = %first, %site, places = damage.places, what, "exchanges skipped");
            }
        }
        Ok(())
    }

    fn sites(&self) -> Result<BTreeSet<SiteId>, CaptureError> {
        Ok(self.all().iter().flat_map(|(_, segment)| segment.sites().into_keys()).collect())
    }
}

/// The blocks of exchanges that are sorted by site.
fn packed<'a>(packer: &mut Packer, exchanges: &'a [Exchange]) -> Result<Vec<(&'a SiteId, Block)>, CaptureError> {
    let mut blocks = Vec::new();
    for (at, exchange) in exchanges.iter().enumerate() {
        let next = exchanges.get(at + 1);
        packer.push(exchange)?;
        if next.is_none_or(|next| next.site != exchange.site || packer.is_full_for(next)) {
            blocks.extend(packer.finish()?.map(|block| (&exchange.site, block)));
        }
    }
    Ok(blocks)
}

/// Who asks, as the request says.
fn user_of(exchange: &Exchange) -> Option<String> {
    const USER: &[u8] = b"\"user\"";
    let request = exchange.request.as_bytes();
    let is_key =
        |at: usize| request.get(at + USER.len()..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b":"));
    // Most requests name nobody; looking for the words is far cheaper than reading them.
    let named =
        memmem::find(request, b"\"safety_identifier\"").is_some() || memmem::find_iter(request, USER).any(is_key);
    if named { exchange.api.parse(request).ok()?.user() } else { None }
}

fn open_live(path: &Path) -> Result<Arc<Live>, CaptureError> {
    let (live, opened) = Live::open(path)?;
    if opened != Opened::Clean {
        tracing::warn!(segment = %path.display(), ?opened, "a capture segment was damaged");
    }
    Ok(Arc::new(live))
}

/// Takes the log in `dir` for this process. A child that is just being started may hold a copy of another one's handle for a moment.
fn lock(dir: &Path) -> Result<fs::File, CaptureError> {
    let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(dir.join(LOCK_FILE))?;
    for _ in 1..LOCK_TRIES {
        if file.file().try_lock().is_ok() {
            return Ok(file);
        }
        std::thread::sleep(LOCK_WAIT);
    }
    Err(StoreError::InUse(dir.to_owned()).into())
}
