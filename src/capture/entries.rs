//! The entries of a sealed file, one behind the other. An entry is a mark, its kind, length and checksum, and so many bytes;
//! where one is damaged the next mark is looked for, so damage costs what it hit.

use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::CaptureError;
use crate::block::{damaged, take};
use crate::limits::ENTRY_BYTES_MAX;

const MARK: [u8; 4] = [0xA9, b'e', b'x', 0x17];
const HEADER_BYTES: usize = 13;
/// Bytes that are searched for a mark at a time.
const SEARCH_BYTES: usize = 64 << 10;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A site and its dictionary; its blocks follow.
    Site = 1,
    Block = 2,
    /// What lies where.
    Index = 3,
}

/// Writes one entry; gives back its length.
pub(crate) fn write(out: &mut dyn Write, kind: Kind, payload: &[u8]) -> io::Result<u64> {
    let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
    out.write_all(&MARK)?;
    out.write_all(&[kind as u8])?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&checksum(kind as u8, payload).to_le_bytes())?;
    out.write_all(payload)?;
    Ok(HEADER_BYTES as u64 + u64::from(length))
}

fn checksum(kind: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(payload);
    hasher.finalize()
}

/// Reads the entries from one place to another.
pub(crate) struct Entries<R> {
    input: R,
    at: u64,
    end: u64,
}

impl<R: Read + Seek> Entries<R> {
    /// # Errors
    /// When `input` cannot be moved to `at`.
    pub(crate) fn new(mut input: R, at: u64, end: u64) -> io::Result<Self> {
        input.seek(SeekFrom::Start(at))?;
        Ok(Self { input, at, end })
    }

    /// Where the next entry begins.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// The next entry; `None` at the end.
    ///
    /// # Errors
    /// Once for each damaged stretch; what lies behind it comes next. A disk that cannot be read ends the entries.
    pub(crate) fn next(&mut self) -> Option<Result<(Kind, Vec<u8>), CaptureError>> {
        if self.at >= self.end {
            return None;
        }
        Some(match self.entry() {
            Ok(Some(entry)) => Ok(entry),
            Ok(None) => match self.find_mark() {
                Ok(()) => Err(damaged("an entry that is not as it was written")),
                Err(error) => self.give_up(error),
            },
            Err(error) => self.give_up(error),
        })
    }

    fn give_up<T>(&mut self, error: io::Error) -> Result<T, CaptureError> {
        self.at = self.end;
        Err(error.into())
    }

    /// The entry at this place; `None` where there is none.
    fn entry(&mut self) -> io::Result<Option<(Kind, Vec<u8>)>> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let mut header = [0; HEADER_BYTES];
        if left < HEADER_BYTES {
            return Ok(None);
        }
        self.input.read_exact(&mut header)?;
        let mut rest = header.as_slice();
        let fields = (|| {
            let (mark, [kind]) = (take(&mut rest)?, take(&mut rest)?);
            let (length, sum) = (u32::from_le_bytes(take(&mut rest)?), u32::from_le_bytes(take(&mut rest)?));
            let known = [Kind::Site, Kind::Block, Kind::Index].into_iter().find(|known| *known as u8 == kind);
            known.filter(|_| mark == MARK).map(|kind| (kind, length as usize, sum))
        })();
        let Some((kind, length, sum)) = fields else { return Ok(None) };
        if length > ENTRY_BYTES_MAX || length > left - HEADER_BYTES {
            return Ok(None);
        }
        let mut payload = vec![0; length];
        self.input.read_exact(&mut payload)?;
        if checksum(kind as u8, &payload) != sum {
            return Ok(None);
        }
        self.at += (HEADER_BYTES + length) as u64;
        Ok(Some((kind, payload)))
    }

    /// Goes on to the next mark behind this place, or to the end.
    fn find_mark(&mut self) -> io::Result<()> {
        self.at += 1;
        while self.at < self.end {
            self.input.seek(SeekFrom::Start(self.at))?;
            let mut window = Vec::new();
            (&mut self.input).take((self.end - self.at).min(SEARCH_BYTES as u64)).read_to_end(&mut window)?;
            if let Some(found) = window.windows(MARK.len()).position(|bytes| bytes == MARK) {
                self.at += found as u64;
                self.input.seek(SeekFrom::Start(self.at))?;
                return Ok(());
            }
            if window.len() < SEARCH_BYTES {
                break;
            }
            // A mark may lie across the windows' border.
            self.at += (window.len() - (MARK.len() - 1)) as u64;
        }
        self.at = self.end;
        Ok(())
    }
}
