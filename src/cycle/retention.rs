//! What finished lessons leave behind, and how long it stays.
//!
//! A lesson's prompts and answers go when the exchange log's own retention would remove them; versions go when the
//! hand-over can no longer use them, but for the newest few.

use callsite::{SiteId, VersionId};
use ledger::SiteView;
use registry::Registry;

use crate::CycleError;
use crate::folder::{Outcome, Summary};

/// Removes the data files of lessons whose oldest exchange is older than what is kept. None may be running: one that has
/// not ended waits, and is given up with its data.
pub(crate) fn expire_data(lessons: &[Summary], now_ms: u64, kept_ms: u64) {
    for lesson in lessons.iter().filter(|lesson| lesson.begun.is_some()) {
        let first = lesson.lineage.as_ref().and_then(|lineage| lineage.first);
        let first_ms = first.map(capture::id_time_ms);
        if first_ms.is_some_and(|first_ms| first_ms.saturating_add(kept_ms) < now_ms) {
            if lesson.outcome.is_none() {
                let problem = Some("it waited for longer than its examples are kept".to_owned());
                if let Err(error) = lesson.folder.end(&Outcome { version: None, exam: None, problem }) {
                    tracing::error!(%error, "the end of a lesson that waits could not be written down");
                    continue;
                }
            }
            for name in [curriculum::WORST_FILE, curriculum::TRAIN_FILE, curriculum::HELD_OUT_FILE] {
                lesson.folder.discard(&format!("curriculum/{name}"));
            }
        }
    }
}

/// Removes the versions of `site` that the hand-over names nowhere, but for the newest `kept`.
///
/// # Errors
/// When the registry cannot be listed or a version cannot be removed.
pub(crate) fn expire_versions(
    registry: &Registry,
    site: &SiteId,
    view: &SiteView,
    kept: usize,
) -> Result<Vec<VersionId>, CycleError> {
    let mut versions = registry.versions(site)?;
    versions.truncate(versions.len().saturating_sub(kept));
    versions.retain(|version| !view.names(version));
    for version in &versions {
        registry.remove(site, version)?;
    }
    Ok(versions)
}
