//! Copies of sealed segments for other programs: JSON lines, one exchange each, packed by zstd, with a checksum beside
//! them that `sha256sum -c` reads.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use fs_err as fs;
use ring::digest::{Context, SHA256};
use uuid::Uuid;

use crate::CaptureError;
use crate::segment::{Damage, Segment};

/// Level of what is written once and read rarely.
const LEVEL: i32 = 9;

fn name(first: Uuid) -> String {
    format!("segment-{first}.jsonl.zst")
}

fn checksum_name(first: Uuid) -> String {
    format!("{}.sha256", name(first))
}

/// Writes `segment-ID.jsonl.zst` and then `segment-ID.jsonl.zst.sha256` into `dir`, in place of what was there; gives back the
/// damage that was left out.
///
/// # Errors
/// When the segment cannot be read or a file not be written.
pub(crate) fn export(segment: &dyn Segment, first: Uuid, dir: &Path) -> Result<Damage, CaptureError> {
    fs::create_dir_all(dir)?;
    let mut damage = Damage::default();
    let mut sum = String::new();
    files::replace_with(&dir.join(name(first)), |out| {
        let mut hashing = Hashing { out, context: Context::new(&SHA256) };
        let mut packed = zstd::stream::write::Encoder::new(&mut hashing, LEVEL)?;
        packed.include_checksum(true)?;
        for site in segment.sites().keys() {
            let mut result = Ok(());
            let visited = segment.visit(site, None, &mut |exchange| {
                result = serde_json::to_writer(&mut packed, &exchange)
                    .map_err(io::Error::from)
                    .and_then(|()| packed.write_all(b"\n"));
                if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            damage.merge(visited.map_err(io::Error::other)?);
            result?;
        }
        packed.finish()?;
        sum = hashing.context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(())
    })?;
    files::replace(&dir.join(checksum_name(first)), format!("{sum}  {}\n", name(first)).as_bytes())?;
    Ok(damage)
}

/// Whether a segment's copy is there, whole.
pub(crate) fn is_there(first: Uuid, dir: &Path) -> io::Result<bool> {
    dir.join(checksum_name(first)).try_exists()
}

/// Removes a segment's copy.
pub(crate) fn remove(first: Uuid, dir: &Path) -> io::Result<()> {
    for name in [checksum_name(first), name(first)] {
        match fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Hashes what passes through.
struct Hashing<'a> {
    out: &'a mut dyn Write,
    context: Context,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.context.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
