//! Writes sealed files: out of a live segment when it is closed, out of a sealed one when something must go from it.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use callsite::SiteId;

use crate::CaptureError;
use crate::block::{self, Block, Packer};
use crate::entries::{self, Kind};
use crate::limits::{DICTIONARY_BYTES, SAMPLES_BYTES_MAX, SAMPLES_BYTES_MIN, SAMPLES_MAX};
use crate::record::Exchange;
use crate::sealed::{Index, MAGIC, Region};
use crate::segment::{Damage, Segment};
use crate::summary::{SiteSummary, Sites, add};

/// Decides what stays.
pub(crate) type Keep<'a> = dyn Fn(&Exchange) -> bool + 'a;

/// Writes the sealed form of what `keep` wants of `segment` to `path`, all or nothing; with a dictionary for each site that has
/// enough. Counts what could not be read and is left out.
///
/// # Errors
/// When the segment cannot be read or the file not be written.
pub(crate) fn seal(segment: &dyn Segment, keep: &Keep<'_>, path: &Path) -> Result<Damage, CaptureError> {
    let mut damage = Damage::default();
    // An error that is no I/O error is carried past the writer of files.
    let mut failed = None;
    let written = files::replace_with(path, |out| {
        let mut writing = Writing { out, at: 0, index: Index::new() };
        writing.bytes(&MAGIC)?;
        for site in segment.sites().keys() {
            match site_entries(segment, site, keep, &mut writing) {
                Ok(found) => damage.merge(found),
                Err(CaptureError::Io(error)) => return Err(error),
                Err(error) => {
                    failed = Some(error);
                    return Err(io::Error::other("the segment could not be read"));
                }
            }
        }
        writing.end()
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(written.map(|()| damage)?),
    }
}

/// The file that is written, and what lies where.
struct Writing<'a> {
    out: &'a mut dyn Write,
    at: u64,
    index: Index,
}

impl Writing<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn entry(&mut self, kind: Kind, site: &SiteId, payload: &[u8]) -> io::Result<()> {
        self.at += entries::write(self.out, kind, &[site.as_str().as_bytes(), &[0], payload].concat())?;
        Ok(())
    }

    fn end(mut self) -> io::Result<()> {
        let index_at = self.at;
        entries::write(self.out, Kind::Index, &serde_json::to_vec(&self.index)?)?;
        self.bytes(&index_at.to_le_bytes())?;
        self.bytes(&MAGIC)
    }
}

/// Writes what stays of one site: its dictionary, its blocks.
fn site_entries(
    segment: &dyn Segment,
    site: &SiteId,
    keep: &Keep<'_>,
    writing: &mut Writing<'_>,
) -> Result<Damage, CaptureError> {
    let dictionary = dictionary(segment, site, keep)?;
    let at = writing.at;
    for _ in 0..2 {
        writing.entry(Kind::Site, site, &dictionary)?;
    }
    let mut packer = Packer::new(Some(dictionary.as_slice()).filter(|dictionary| !dictionary.is_empty()))?;
    let mut sites = Sites::new();
    let mut put = |block: Option<Block>| -> Result<(), CaptureError> {
        if let Some(block) = block {
            add(&mut sites, site, &SiteSummary::from(&block.header));
            writing.entry(Kind::Block, site, &block.payload)?;
        }
        Ok(())
    };
    let mut result = Ok(());
    let damage = segment.visit(site, None, &mut |exchange| {
        if keep(&exchange) {
            result = (|| {
                if packer.is_full_for(&exchange) {
                    put(packer.finish()?)?;
                }
                packer.push(&exchange)
            })();
        }
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    result?;
    put(packer.finish()?)?;
    if let Some(summary) = sites.remove(site) {
        writing.index.insert(site.clone(), Region { at, end: writing.at, summary });
    }
    Ok(damage)
}

/// A dictionary for what stays of a site, trained on its first exchanges; empty where they are too few.
fn dictionary(segment: &dyn Segment, site: &SiteId, keep: &Keep<'_>) -> Result<Vec<u8>, CaptureError> {
    let (mut samples, mut sizes) = (Vec::new(), Vec::new());
    let mut result = Ok(());
    segment.visit(site, None, &mut |exchange| {
        if keep(&exchange) {
            let before = samples.len();
            result = block::write_record(&mut samples, &exchange);
            sizes.push(samples.len() - before);
        }
        let enough = sizes.len() >= SAMPLES_MAX || samples.len() >= SAMPLES_BYTES_MAX || result.is_err();
        if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    result?;
    if samples.len() < SAMPLES_BYTES_MIN {
        return Ok(Vec::new());
    }
    // Samples without anything in common make no dictionary.
    Ok(zstd::dict::from_continuous(&samples, &sizes, DICTIONARY_BYTES).unwrap_or_default())
}
