//! Is the log whole? Walks its chain from the snapshot's end and compares its length with the head kept apart.
//! Pure: bytes are arguments.

use std::collections::BTreeSet;

use handover::Entry;

use crate::control::{Damage, Tail};
use crate::heads::Head;
use crate::sealed;

/// What a walk found.
pub(crate) struct Found {
    pub(crate) tail: Tail,
    /// The end of the last whole record.
    pub(crate) head: Head,
    /// Bytes of the log that are whole records.
    pub(crate) whole_bytes: u64,
}

/// Walks the lines of `bytes` that follow `base`. Records beyond the newest head were written and never
/// acknowledged: they are kept when whole and cut off when torn. Short of it, the log is damaged.
pub(crate) fn prove(base: Head, bytes: &[u8], newest: Option<Head>, snapshot_lost: bool) -> Found {
    let mut head = base;
    let mut whole_bytes = 0;
    let mut entries: Vec<Entry> = Vec::new();
    let mut acknowledged = newest.filter(|newest| newest.count == base.count).is_none_or(|newest| newest == base);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some(entry) = next(&mut head, line) else { break };
        entries.push(entry);
        whole_bytes += line.len() as u64;
        acknowledged &= newest.is_none_or(|newest| newest.count != head.count || newest.hash == head.hash);
    }
    let begun = base.count > 0 || !bytes.is_empty();
    let what = match newest {
        _ if snapshot_lost => Some("its snapshot cannot be read".to_owned()),
        None if begun => Some("its heads cannot be read".to_owned()),
        Some(newest) if newest.count > head.count => {
            Some(format!("{} records were acknowledged, {} are whole", newest.count, head.count))
        }
        Some(_) if !acknowledged => Some("its records are not those that were acknowledged".to_owned()),
        _ => None,
    };
    let rest = usize::try_from(whole_bytes).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
    let damage = what.map(|what| {
        let counted = newest.map_or(0, |newest| newest.count);
        let lines = rest.split(|byte| *byte == b'\n').count() as u64;
        Damage { seq: head.count, next_seq: counted.max(head.count + lines), what, sites: named(rest) }
    });
    Found { tail: Tail { entries, damage }, head, whole_bytes }
}

fn next(head: &mut Head, line: &[u8]) -> Option<Entry> {
    let (payload, hash) = sealed::open_line(&head.hash, line.strip_suffix(b"\n")?)?;
    let entry: Entry = serde_json::from_slice(payload).ok()?;
    (entry.seq == head.count).then(|| {
        *head = Head { count: head.count + 1, hash };
        entry
    })
}

/// The sites of lines that can still be read, proven or not.
fn named(rest: &[u8]) -> BTreeSet<callsite::SiteId> {
    let payload =
        |line: &[u8]| line.iter().position(|byte| *byte == b'{').and_then(|at| line.get(at..).map(<[u8]>::to_vec));
    let entries = rest.split(|byte| *byte == b'\n').filter_map(payload);
    entries.filter_map(|json| serde_json::from_slice::<Entry>(&json).ok()).map(|entry| entry.site).collect()
}
