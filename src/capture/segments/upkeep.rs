//! What happens to segments after they were written: closing, sealing, export, retention, the bound on the whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use callsite::SiteId;
use uuid::Uuid;

use crate::CaptureError;
use crate::directory;
use crate::export;
use crate::live::Live;
use crate::sealed::Sealed;
use crate::sealing::{self, Keep};
use crate::segment::Segment;
use crate::segments::{Segments, Today, open_live};
use crate::summary::id_time_ms;

impl Segments {
    /// Seals what is closed, and removes what is past its retention or too much for the whole; to be called now and then.
    ///
    /// # Errors
    /// When something cannot be read, written or removed; the rest is tried again the next time.
    pub fn maintain(&self, now_ms: u64, today: &Today<'_>) -> Result<(), CaptureError> {
        let _upkeep = self.upkeep.lock();
        let old = |first: Uuid| now_ms.saturating_sub(id_time_ms(first)) >= self.limits.age_ms_max;
        self.close_live(&|first, _| old(first));
        self.reopen_left();
        // On a full disk nothing can be sealed, and removing is all the more needed: each step is tried.
        let steps = [self.seal_closing(&|_| true), self.expire(now_ms, today), self.shrink(), self.export_missing()];
        steps.into_iter().collect()
    }

    /// Closes and seals the live segment, so that all there is lies in sealed ones.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn seal(&self) -> Result<(), CaptureError> {
        let _upkeep = self.upkeep.lock();
        self.close_live(&|_, _| true);
        self.seal_closing(&|_| true)?;
        self.export_missing()
    }

    /// Closes the live segment if `wanted` says so.
    pub(super) fn close_live(&self, wanted: &dyn Fn(Uuid, &Live) -> bool) {
        let _writing = self.writing.lock();
        let mut state = self.state.lock();
        if let Some((first, live)) = state.live.take_if(|(first, live)| wanted(*first, live)) {
            state.closing.insert(first, live);
        }
    }

    /// Opens folders that nobody has open: writing to them had failed.
    fn reopen_left(&self) {
        let Ok(listing) = directory::list(&self.dir) else { return };
        let _writing = self.writing.lock();
        for first in listing.live {
            let state = self.state.lock();
            let open =
                state.closing.contains_key(&first) || state.live.as_ref().is_some_and(|(live, _)| *live == first);
            drop(state);
            if !open && let Ok(live) = open_live(&directory::live_path(&self.dir, first)) {
                self.state.lock().closing.insert(first, live);
            }
        }
    }

    /// Seals every closed segment, but for what `keep` does not want.
    pub(super) fn seal_closing(&self, keep: &Keep<'_>) -> Result<(), CaptureError> {
        let closing: Vec<(Uuid, Arc<Live>)> =
            self.state.lock().closing.iter().map(|(first, live)| (*first, live.clone())).collect();
        // One that cannot be sealed costs no other.
        let sealed: Vec<_> = closing.into_iter().map(|(first, live)| self.seal_one(first, live, keep)).collect();
        sealed.into_iter().collect()
    }

    fn seal_one(&self, first: Uuid, live: Arc<Live>, keep: &Keep<'_>) -> Result<(), CaptureError> {
        self.replace(first, live.as_ref(), keep)?;
        self.state.lock().closing.remove(&first);
        // sled lets go of its files before they are removed.
        drop(live);
        directory::remove(&directory::live_path(&self.dir, first))
    }

    /// Puts a sealed segment of what `keep` wants of `segment` in its place; none where nothing is left.
    pub(super) fn replace(&self, first: Uuid, segment: &dyn Segment, keep: &Keep<'_>) -> Result<(), CaptureError> {
        let path = directory::sealed_path(&self.dir, first);
        let damage = sealing::seal(segment, keep, &path)?;
        if damage.places > 0 {
            let what = damage.first.unwrap_or_default();
            tracing::error!(segment = %first, places = damage.places, what, "damaged exchanges were left out of a sealed segment");
        }
        let sealed = Sealed::open(&path)?;
        // What the copy says beyond the segment is gone first; if the new one fails it is made the next time.
        if let Some(export_dir) = &self.limits.export_dir {
            export::remove(first, export_dir)?;
        }
        if sealed.sites().is_empty() {
            return self.remove_sealed(first);
        }
        self.state.lock().sealed.insert(first, Arc::new(sealed));
        Ok(())
    }

    /// Removes a sealed segment, and nothing of what was exported of it.
    fn remove_sealed(&self, first: Uuid) -> Result<(), CaptureError> {
        self.state.lock().sealed.remove(&first);
        directory::remove(&directory::sealed_path(&self.dir, first))
    }

    /// Removes sites and segments whose newest exchange is past its retention, and what was set aside so long ago.
    fn expire(&self, now_ms: u64, today: &Today<'_>) -> Result<(), CaptureError> {
        let sealed: Vec<(Uuid, Arc<Sealed>)> =
            self.state.lock().sealed.iter().map(|(first, sealed)| (*first, sealed.clone())).collect();
        for (first, sealed) in sealed {
            let sites = sealed.sites();
            let past = |site: &SiteId, last: Uuid| {
                id_time_ms(last).saturating_add(self.limits.retention.of(site, &today(site))) < now_ms
            };
            let gone: BTreeSet<&SiteId> =
                sites.iter().filter(|(site, summary)| past(site, summary.last)).map(|(site, _)| site).collect();
            if gone.len() == sites.len() {
                self.remove_sealed(first)?;
            } else if !gone.is_empty() {
                self.replace(first, sealed.as_ref(), &|exchange| !gone.contains(&exchange.site))?;
            }
        }
        let longest = self.limits.retention.longest_ms();
        for (first, path) in directory::list(&self.dir)?.set_aside {
            if id_time_ms(first).saturating_add(longest) < now_ms {
                directory::remove(&path)?;
            }
        }
        Ok(())
    }

    /// Removes the oldest segments while the whole is too large.
    fn shrink(&self) -> Result<(), CaptureError> {
        let mut bytes = self.disk_bytes()?;
        if bytes <= self.limits.total_bytes_max {
            return Ok(());
        }
        let listing = directory::list(&self.dir)?;
        let sealed = listing.sealed.into_iter().map(|first| (first, directory::sealed_path(&self.dir, first)));
        let oldest: BTreeSet<_> = sealed.chain(listing.set_aside).collect();
        for (first, path) in oldest {
            if bytes <= self.limits.total_bytes_max {
                break;
            }
            bytes = bytes.saturating_sub(directory::size_bytes(&path)?);
            self.state.lock().sealed.remove(&first);
            directory::remove(&path)?;
            tracing::warn!(segment = %first, bytes, "the exchange log had become larger than capture.total_mb: its oldest segment was removed");
        }
        Ok(())
    }

    /// Bytes of everything in the log's folder.
    pub(super) fn disk_bytes(&self) -> Result<u64, CaptureError> {
        directory::size_bytes(&self.dir)
    }

    /// Copies the sealed segments that have no copy where one is wanted.
    pub(super) fn export_missing(&self) -> Result<(), CaptureError> {
        let Some(export_dir) = &self.limits.export_dir else { return Ok(()) };
        let sealed = self.state.lock().sealed.clone();
        for (first, sealed) in sealed {
            if !export::is_there(first, export_dir)? {
                export::export(sealed.as_ref(), first, export_dir)?;
            }
        }
        Ok(())
    }
}
