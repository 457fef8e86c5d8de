//! Erasing exchanges wherever this program keeps them: the log, its copies, the data of lessons. What a trained version still
//! carries cannot be taken out of it: it is named.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use admin::Erasing;
use callsite::SiteId;
use capture::{Erase, Erased, Segments};
use cycle::{ErasedLessons, Gone};
use fingerprint::Finder;
use gateway::Gateway;
use serde::Serialize;

use crate::app::{Error, LESSONS, Shared};

/// What was erased, and what could not be.
#[derive(Debug, Serialize)]
pub(crate) struct Erasure {
    #[serde(flatten)]
    pub(crate) log: Erased,
    #[serde(flatten)]
    pub(crate) lessons: ErasedLessons,
}

/// Erases from the log and from the lessons below `lessons`; `finder` knows what sites were called before.
pub(crate) fn erase(log: &Segments, lessons: &Path, finder: &Finder, erase: &Erase) -> Result<Erasure, Error> {
    let today = |site: &SiteId| finder.name_today(site);
    let mut gone: BTreeMap<SiteId, Gone> = BTreeMap::new();
    log.find(erase, &today, &mut |exchange| {
        // A lesson under any name of the site may have been drawn from it.
        let mut names = finder.names_of(&today(&exchange.site));
        if !names.contains(&exchange.site) {
            names.push(exchange.site.clone());
        }
        names.into_iter().for_each(|name| gone.entry(name).or_default().add(exchange));
    })?;
    // The log last: as long as it knows what must go, an erasing that failed can be done again.
    let lessons = cycle::erase(lessons, &gone)?;
    let log = log.erase(erase, &today)?;
    tracing::info!(exchanges = log.exchanges, examples = lessons.examples, versions = ?lessons.versions, "exchanges were erased");
    Ok(Erasure { log, lessons })
}

/// The same for the admin API of a running proxy, which also holds some in memory.
pub(super) fn of_running(shared: &Shared, captures: Option<Arc<Segments>>, gateway: Arc<Gateway>) -> Arc<Erasing> {
    let (lessons, finder, drawing) = (shared.data.join(LESSONS), shared.found.finder.clone(), shared.drawing.clone());
    Arc::new(move |what: &Erase| {
        // A lesson that is just being drawn is waited for: what it has drawn is taken out of it again.
        let _drawing = drawing.hold();
        // First: what is held could come into the log again.
        gateway::forget(&gateway);
        let log = captures.as_ref().ok_or("there is no exchange log")?;
        let erased = erase(log, &lessons, &finder, what).map_err(|error| error.to_string())?;
        serde_json::to_value(erased).map_err(|error| error.to_string())
    })
}
