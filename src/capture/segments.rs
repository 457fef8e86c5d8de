//! The exchange log on disk: one store per slice of time or size, in directories named by their first
//! exchange. Retention removes whole directories, because sled never gives space back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use callsite::SiteId;
use fs_err as fs;
use parking_lot::Mutex;
use store::{Put, Store, StoreError};
use uuid::Uuid;

use crate::{CaptureError, Exchange};

const LOCK_FILE: &str = "lock";
/// How often, and how long apart, a lock that another process holds is tried.
const LOCK_TRIES: u32 = 20;
const LOCK_WAIT: Duration = Duration::from_millis(50);
const EXCHANGES: &str = "exchanges";
/// Key: site, a zero byte, id. Value: empty.
const BY_SITE: &str = "by_site";

/// Where exchanges are kept. Blocking.
pub trait CaptureStore: Send + Sync {
    /// Keeps all of `exchanges`; when it returns they survive a crash. Those too large to keep are
    /// skipped and counted in the result.
    ///
    /// # Errors
    /// When writing failed; nothing is known of these exchanges then, a later append may succeed.
    fn append(&self, exchanges: &[Exchange]) -> Result<usize, CaptureError>;

    /// Calls `visit` with the exchanges of `site` after `after`, oldest first; damaged ones are skipped and logged.
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

/// When a segment is closed and how long closed ones are kept.
#[derive(Clone, Copy, Debug)]
pub struct SegmentLimits {
    pub bytes_max: u64,
    pub age_ms_max: u64,
    /// Closed segments whose newest possible exchange is older than this are removed.
    pub retention_ms: u64,
}

/// The segments of one directory.
#[derive(Debug)]
pub struct Segments {
    dir: PathBuf,
    limits: SegmentLimits,
    /// By first id; the last one is written to.
    open: Mutex<BTreeMap<Uuid, Arc<Store>>>,
    /// Held as long as the log: a log without a segment is somebody's all the same.
    _lock: fs::File,
}

impl Segments {
    /// Opens every segment in `dir`, repairing or setting aside damaged ones; one that cannot be opened now is
    /// left where it is and said.
    ///
    /// # Errors
    /// When the directory cannot be used or another process holds it.
    pub fn open(dir: &Path, limits: SegmentLimits) -> Result<Self, CaptureError> {
        fs::create_dir_all(dir)?;
        let lock = lock(dir)?;
        let mut open = BTreeMap::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(first) = name.strip_prefix("segment-").and_then(|id| Uuid::parse_str(id).ok()) {
                match Store::open(&entry.path()) {
                    Ok((store, _)) => drop(open.insert(first, Arc::new(store))),
                    Err(error @ StoreError::InUse(_)) => return Err(error.into()),
                    Err(error) => {
                        tracing::error!(segment = name, %error, "a capture segment cannot be read, going on without it")
                    }
                }
            }
        }
        Ok(Self { dir: dir.to_owned(), limits, open: Mutex::new(open), _lock: lock })
    }

    /// Removes segments past their retention; the one being written stays.
    ///
    /// # Errors
    /// When a directory cannot be removed.
    pub fn expire(&self, now_ms: u64) -> Result<(), CaptureError> {
        let mut open = self.open.lock();
        let starts: Vec<Uuid> = open.keys().copied().collect();
        for pair in starts.windows(2) {
            // A segment ends where the next one begins.
            let [first, next] = pair else { continue };
            if millis(*next).saturating_add(self.limits.retention_ms) < now_ms {
                open.remove(first);
                fs::remove_dir_all(self.path(*first))?;
            }
        }
        Ok(())
    }

    fn path(&self, first: Uuid) -> PathBuf {
        self.dir.join(format!("segment-{first}"))
    }

    fn all(&self) -> Vec<Arc<Store>> {
        self.open.lock().values().cloned().collect()
    }

    /// The segment that takes an exchange with this id, beginning a new one when the last is full.
    fn active(&self, id: Uuid) -> Result<(Uuid, Arc<Store>), CaptureError> {
        let mut open = self.open.lock();
        if let Some((first, store)) = open.last_key_value() {
            let full = store.size_bytes()? >= self.limits.bytes_max;
            let old = millis(id).saturating_sub(millis(*first)) >= self.limits.age_ms_max;
            if !full && !old {
                return Ok((*first, store.clone()));
            }
        }
        let store = Arc::new(Store::open(&self.path(id))?.0);
        open.insert(id, store.clone());
        Ok((id, store))
    }
}

impl CaptureStore for Segments {
    fn append(&self, exchanges: &[Exchange]) -> Result<usize, CaptureError> {
        let Some(first) = exchanges.first() else { return Ok(0) };
        let mut puts = Vec::with_capacity(exchanges.len() * 2);
        let mut skipped = 0;
        for exchange in exchanges {
            let value = exchange.encode()?;
            if value.len() > crate::record::STORED_BYTES_MAX {
                skipped += 1;
                continue;
            }
            puts.push(Put { tree: EXCHANGES, key: exchange.id.as_bytes().to_vec(), value });
            puts.push(Put { tree: BY_SITE, key: site_key(&exchange.site, Some(exchange.id)), value: Vec::new() });
        }
        let (segment, store) = self.active(first.id)?;
        store.write(&puts).inspect_err(|_| {
            // sled takes no write after one has failed; the next append opens the directory anew.
            self.open.lock().remove(&segment);
        })?;
        Ok(skipped)
    }

    fn scan(&self, site: &SiteId, after: Option<Uuid>, visit: &mut dyn FnMut(Exchange)) -> Result<(), CaptureError> {
        let after = after.map(|id| site_key(site, Some(id)));
        for store in self.all() {
            for item in store.scan(BY_SITE, &site_key(site, None), after.as_deref())? {
                let exchange = item.map_err(CaptureError::from).and_then(|(key, _)| read(&store, &key));
                match exchange {
                    Ok(Some(exchange)) => visit(exchange),
                    Ok(None) => {}
                    Err(error) => tracing::warn!(%site, %error, "exchange skipped"),
                }
            }
        }
        Ok(())
    }

    fn sites(&self) -> Result<BTreeSet<SiteId>, CaptureError> {
        let mut found = BTreeSet::new();
        self.all().iter().try_for_each(|store| sites_of(store, &mut found))?;
        Ok(found)
    }
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

/// The sites of one segment's index: from each site's first key straight past its last.
fn sites_of(store: &Store, found: &mut BTreeSet<SiteId>) -> Result<(), CaptureError> {
    let mut after: Option<Vec<u8>> = None;
    while let Some(item) = store.scan(BY_SITE, b"", after.as_deref())?.next() {
        let (key, _) = item?;
        let name = key.split(|byte| *byte == 0).next().unwrap_or_default();
        found.extend(std::str::from_utf8(name).ok().and_then(|name| SiteId::new(name).ok()));
        after = Some([name, &[1]].concat());
    }
    Ok(())
}

fn read(store: &Store, index_key: &[u8]) -> Result<Option<Exchange>, CaptureError> {
    let id = index_key.len().checked_sub(16).and_then(|at| index_key.get(at..)).unwrap_or_default();
    store.get(EXCHANGES, id)?.map(|stored| Exchange::decode(&stored)).transpose()
}

fn site_key(site: &SiteId, id: Option<Uuid>) -> Vec<u8> {
    let mut key = site.as_str().as_bytes().to_vec();
    key.push(0);
    key.extend(id.iter().flat_map(|id| *id.as_bytes()));
    key
}

/// The Unix milliseconds in a version 7 UUID.
fn millis(id: Uuid) -> u64 {
    (id.as_u128() >> 80) as u64
}
