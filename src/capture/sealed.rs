//! A segment that is closed: one file that never changes, replaced whole when something must go.
//!
//! `magic`, then for each site its dictionary (twice: all its blocks depend on it) and its blocks, then an index of
//! what lies where, then the index's place. Every entry has its own checksum; without its index a file is read from its beginning.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use callsite::SiteId;
use fs_err as fs;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::CaptureError;
use crate::block::{Header, Unpacker, damaged};
use crate::entries::{Entries, Kind};
use crate::segment::{Damage, Segment, Visit};
use crate::summary::{SiteSummary, Sites};

pub(crate) const MAGIC: [u8; 8] = *b"exlog 1\n";
/// Bytes of the index's place at the end.
const TRAILER_BYTES: u64 = 16;

/// Where a site's entries lie.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Region {
    pub(crate) at: u64,
    pub(crate) end: u64,
    pub(crate) summary: SiteSummary,
}

pub(crate) type Index = BTreeMap<SiteId, Region>;

/// One sealed segment.
#[derive(Debug)]
pub(crate) struct Sealed {
    file: Arc<fs::File>,
    index: Index,
    /// What was found when it was opened: its index was lost.
    opening: Damage,
}

/// A file that is read from a place of the reader's own, so that several may read it at a time; what was open stays readable when
/// its name has gone to another file.
#[derive(Clone, Debug)]
struct Reader {
    file: Arc<fs::File>,
    at: u64,
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.file().read_at(out, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let from = |base: u64, by: i64| base.checked_add_signed(by).ok_or_else(|| io::Error::other("before the file"));
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => from(self.at, by)?,
            SeekFrom::End(by) => from(self.file.metadata()?.len(), by)?,
        };
        Ok(self.at)
    }
}

impl Sealed {
    /// # Errors
    /// [`CaptureError::Damaged`] when it is no sealed segment at all; otherwise when the disk cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Self, CaptureError> {
        let file = Arc::new(fs::File::open(path)?);
        let bytes = file.metadata()?.len();
        let mut reader = BufReader::new(Reader { file: file.clone(), at: 0 });
        let mut magic = [0; MAGIC.len()];
        reader.read_exact(&mut magic).map_err(|_| damaged("a file that is no segment"))?;
        if magic != MAGIC {
            return Err(damaged("a file that is no segment"));
        }
        let mut sealed = Self { file, index: Index::new(), opening: Damage::default() };
        match index(&mut reader, bytes) {
            Ok(index) => sealed.index = index,
            Err(error) => {
                tracing::warn!(segment = %path.display(), %error, "the index of a segment is lost, it is read from its beginning");
                let mut found = Damage::default();
                sealed.index = rebuilt(reader, bytes, &mut found)?;
                found.add(error);
                sealed.opening = found;
            }
        }
        Ok(sealed)
    }
}

impl Segment for Sealed {
    fn sites(&self) -> Sites {
        self.index.iter().map(|(site, region)| (site.clone(), region.summary)).collect()
    }

    fn opening(&self) -> Damage {
        self.opening.clone()
    }

    fn visit(&self, site: &SiteId, after: Option<Uuid>, visit: &mut Visit<'_>) -> Result<Damage, CaptureError> {
        let mut damage = Damage::default();
        let Some(region) = self.index.get(site).filter(|region| after.is_none_or(|after| region.summary.last > after))
        else {
            return Ok(damage);
        };
        let reader = BufReader::new(Reader { file: self.file.clone(), at: 0 });
        let mut entries = Entries::new(reader, region.at, region.end)?;
        let mut unpacker = Unpacker::new(None)?;
        while let Some(entry) = entries.next() {
            let exchanges = entry.and_then(|(kind, payload)| {
                let (of, rest) = named(&payload)?;
                if of != *site {
                    return Ok(Vec::new());
                }
                match kind {
                    Kind::Site => unpacker = Unpacker::new(Some(rest).filter(|rest| !rest.is_empty()))?,
                    Kind::Block => {
                        let last = Header::read(rest)?.0.last;
                        if after.is_none_or(|after| last > after) {
                            return unpacker.unpack(site, rest);
                        }
                    }
                    Kind::Index => {}
                }
                Ok(Vec::new())
            });
            match exchanges {
                Ok(exchanges) => {
                    for exchange in exchanges {
                        if after.is_none_or(|after| exchange.id > after) && visit(exchange) == ControlFlow::Break(()) {
                            return Ok(damage);
                        }
                    }
                }
                Err(error) => damage.add(error),
            }
        }
        Ok(damage)
    }
}

/// An entry of a site begins with its name.
pub(crate) fn named(payload: &[u8]) -> Result<(SiteId, &[u8]), CaptureError> {
    let at = payload.iter().position(|byte| *byte == 0).ok_or_else(|| damaged("an entry without a site"))?;
    let (name, rest) = payload.split_at_checked(at).unwrap_or_default();
    let site = std::str::from_utf8(name).ok().and_then(|name| SiteId::new(name).ok());
    Ok((site.ok_or_else(|| damaged("an entry of no site"))?, rest.get(1..).unwrap_or_default()))
}

/// The index that the end of the file names.
fn index(file: &mut BufReader<Reader>, bytes: u64) -> Result<Index, CaptureError> {
    let trailer_at = bytes.checked_sub(TRAILER_BYTES).ok_or_else(|| damaged("a file without its end"))?;
    file.seek(SeekFrom::Start(trailer_at))?;
    let (mut place, mut magic) = ([0; 8], [0; MAGIC.len()]);
    file.read_exact(&mut place)?;
    file.read_exact(&mut magic)?;
    let at = u64::from_le_bytes(place);
    if magic != MAGIC || at >= trailer_at {
        return Err(damaged("a file without its end"));
    }
    let index = match Entries::new(file, at, trailer_at)?.next() {
        Some(Ok((Kind::Index, payload))) => payload,
        Some(Err(error)) => return Err(error),
        _ => return Err(damaged("no index where it should be")),
    };
    let index: Index = serde_json::from_slice(&index).map_err(|error| CaptureError::Damaged(error.to_string()))?;
    let fits = |region: &Region| region.at <= region.end && region.end <= at;
    if index.values().all(fits) { Ok(index) } else { Err(damaged("an index of another file")) }
}

/// The index as the entries say it.
fn rebuilt(file: BufReader<Reader>, bytes: u64, damage: &mut Damage) -> Result<Index, CaptureError> {
    let mut index = Index::new();
    let mut entries = Entries::new(file, MAGIC.len() as u64, bytes)?;
    loop {
        let at = entries.at();
        let Some(entry) = entries.next() else { break };
        let of_block = entry.and_then(|(kind, payload)| {
            if kind == Kind::Index {
                return Ok(None);
            }
            let (site, rest) = named(&payload)?;
            let header = if kind == Kind::Block { Some(Header::read(rest)?.0) } else { None };
            Ok(Some((site, header)))
        });
        match of_block {
            Ok(Some((site, header))) => extend(&mut index, site, (at, entries.at()), header.as_ref()),
            Ok(None) => {}
            Err(error) => damage.add(error),
        }
    }
    // A site of which no block is left.
    index.retain(|_, region| region.summary.exchanges > 0);
    Ok(index)
}

/// Adds an entry of `site` to its region.
fn extend(index: &mut Index, site: SiteId, (at, end): (u64, u64), header: Option<&Header>) {
    let nothing = SiteSummary { exchanges: 0, raw_bytes: 0, stored_bytes: 0, first: Uuid::max(), last: Uuid::nil() };
    let region = index.entry(site).or_insert(Region { at, end, summary: nothing });
    region.end = end;
    if let Some(header) = header {
        region.summary.merge(&SiteSummary::from(header));
    }
}
