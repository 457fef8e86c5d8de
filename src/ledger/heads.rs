//! How many records the log has and the hash of the last, kept apart from it: two small files written in turn,
//! so that a crash leaves the other. Tells a short log from a whole one.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use blake3::Hash;
use fs_err as fs;

use crate::sealed;

/// The end of the log as it was last acknowledged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Head {
    /// Records ever written.
    pub(crate) count: u64,
    /// Hash of the last of them.
    pub(crate) hash: Hash,
}

/// The two files, open for writing.
#[derive(Debug)]
pub(crate) struct Heads([fs::File; 2]);

impl Heads {
    /// Opens both for writing, creating what is missing.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let open = |at| fs::OpenOptions::new().create(true).truncate(false).write(true).open(path(dir, at));
        Ok(Self([open(0)?, open(1)?]))
    }

    /// Overwrites the older one in place and syncs it.
    pub(crate) fn write(&self, head: &Head) -> io::Result<()> {
        let [even, odd] = &self.0;
        let file = if head.count.is_multiple_of(2) { even } else { odd };
        file.file().write_all_at(&text(head), 0)?;
        file.file().sync_data()
    }
}

/// The newest head that is whole.
pub(crate) fn newest(dir: &Path) -> io::Result<Option<Head>> {
    let read = |at| match fs::read(path(dir, at)) {
        Ok(bytes) => Ok(parse(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    let (even, odd): (Option<Head>, Option<Head>) = (read(0)?, read(1)?);
    Ok(even.into_iter().chain(odd).max_by_key(|head| head.count))
}

/// Puts both files to `head`, by replacement.
pub(crate) fn replace(dir: &Path, head: &Head) -> io::Result<()> {
    files::replace(&path(dir, 0), &text(head))?;
    files::replace(&path(dir, 1), &text(head))
}

pub(crate) fn path(dir: &Path, at: u8) -> PathBuf {
    dir.join(format!("head-{at}"))
}

/// Always of one length, so that a new text covers the old one.
fn text(head: &Head) -> Vec<u8> {
    sealed::seal(format!("{:020} {}", head.count, head.hash.to_hex()).as_bytes())
}

fn parse(bytes: &[u8]) -> Option<Head> {
    let text = std::str::from_utf8(sealed::open(bytes)?).ok()?;
    let (count, hash) = text.split_once(' ')?;
    Some(Head { count: count.parse().ok()?, hash: Hash::from_hex(hash).ok()? })
}
