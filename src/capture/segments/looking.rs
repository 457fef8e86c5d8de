//! Looking at the log: how much there is of what, and whether all of it can be read.

use std::ops::ControlFlow;
use std::path::Path;

use serde::Serialize;

use crate::CaptureError;
use crate::directory;
use crate::export;
use crate::sealed::Sealed;
use crate::segment::{Damage, Segment};
use crate::segments::Segments;
use crate::summary::{self, Sites};

/// How much there is.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    pub sites: Sites,
    pub segments: usize,
    /// Bytes of the whole log on disk.
    pub disk_bytes: u64,
    pub free_bytes: u64,
    /// Names of segments that were beyond repair.
    pub set_aside: Vec<String>,
}

/// What a walk over one segment found.
#[derive(Clone, Debug, Serialize)]
pub struct SegmentReport {
    pub segment: String,
    pub exchanges: u64,
    /// Places that cannot be read, and the first of them in words.
    pub damaged: u64,
    pub problem: Option<String>,
}

/// What a walk over the whole log found.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    pub segments: Vec<SegmentReport>,
    pub set_aside: Vec<String>,
}

impl Verified {
    /// Whether every exchange that was kept can be read.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.set_aside.is_empty() && self.segments.iter().all(|segment| segment.damaged == 0)
    }
}

impl Segments {
    /// How much there is, without reading it.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn overview(&self) -> Result<Overview, CaptureError> {
        let (mut sites, all) = (Sites::new(), self.all());
        for (_, segment) in &all {
            segment.sites().iter().for_each(|(site, of_site)| summary::add(&mut sites, site, of_site));
        }
        let (disk_bytes, free_bytes) = (self.disk_bytes()?, self.free_bytes()?);
        Ok(Overview { sites, segments: all.len(), disk_bytes, free_bytes, set_aside: self.set_aside()? })
    }

    /// Reads every exchange of every segment.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn verify(&self) -> Result<Verified, CaptureError> {
        let mut segments = Vec::new();
        for (first, segment) in self.all() {
            let (exchanges, damage) = walk(segment.as_ref())?;
            let segment = format!("segment-{first}");
            segments.push(SegmentReport { segment, exchanges, damaged: damage.places, problem: damage.first });
        }
        Ok(Verified { segments, set_aside: self.set_aside()? })
    }

    pub(super) fn set_aside(&self) -> Result<Vec<String>, CaptureError> {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(directory::list(&self.dir)?.set_aside.iter().map(|(_, path)| name(path)).collect())
    }
}

/// Copies every sealed segment in `dir`, whoever has the log, into `out` as JSON lines; gives back how many, and the damage that was
/// left out.
///
/// # Errors
/// When a segment cannot be read or a file not be written.
pub fn export_sealed(dir: &Path, out: &Path) -> Result<(usize, Damage), CaptureError> {
    let (sealed, mut damage) = (directory::list(dir)?.sealed, Damage::default());
    for first in &sealed {
        damage.merge(export::export(&Sealed::open(&directory::sealed_path(dir, *first))?, *first, out)?);
    }
    Ok((sealed.len(), damage))
}

/// The exchanges of a segment that can be read, and the damage.
fn walk(segment: &dyn Segment) -> Result<(u64, Damage), CaptureError> {
    let (mut exchanges, mut damage) = (0, segment.opening());
    for (site, said) in segment.sites() {
        let mut found = 0;
        let visited = segment.visit(&site, None, &mut |_| {
            found += 1;
            ControlFlow::Continue(())
        })?;
        if visited.places == 0 && found != said.exchanges {
            damage.add(format!("{found} exchanges of {site} where {} were written", said.exchanges));
        }
        damage.merge(visited);
        exchanges += found;
    }
    Ok((exchanges, damage))
}
