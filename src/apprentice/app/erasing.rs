//! Erasing exchanges wherever this program keeps them: the log, its copies, the data of lessons. What a trained version still
//! carries cannot be taken out of it: it is named.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use admin::Erasing;
use callsite::SiteId;
use capture::{Erase, Erased, Segments};
use cycle::{ErasedLessons, Gone};
use gateway::Gateway;
use serde::Serialize;

use crate::app::Error;

/// What was erased, and what could not be.
#[derive(Debug, Serialize)]
pub(crate) struct Erasure {
    #[serde(flatten)]
    pub(crate) log: Erased,
    #[serde(flatten)]
    pub(crate) lessons: ErasedLessons,
}

/// Erases from the log and from the lessons below `lessons`.
pub(crate) fn erase(log: &Segments, lessons: &Path, erase: &Erase) -> Result<Erasure, Error> {
    let mut gone: BTreeMap<SiteId, Gone> = BTreeMap::new();
    log.find(erase, &mut |exchange| gone.entry(exchange.site.clone()).or_default().add(exchange))?;
    // The log last: as long as it knows what must go, an erasing that failed can be done again.
    let lessons = cycle::erase(lessons, &gone)?;
    let log = log.erase(erase)?;
    tracing::info!(exchanges = log.exchanges, examples = lessons.examples, versions = ?lessons.versions, "exchanges were erased");
    Ok(Erasure { log, lessons })
}

/// The same for the admin API of a running proxy, which also holds some in memory.
pub(super) fn of_running(captures: Option<Arc<Segments>>, lessons: PathBuf, gateway: Arc<Gateway>) -> Arc<Erasing> {
    Arc::new(move |what: &Erase| {
        // First: what is held could come into the log again.
        gateway::forget(&gateway);
        let log = captures.as_ref().ok_or("there is no exchange log")?;
        let erased = erase(log, &lessons, what).map_err(|error| error.to_string())?;
        serde_json::to_value(erased).map_err(|error| error.to_string())
    })
}
