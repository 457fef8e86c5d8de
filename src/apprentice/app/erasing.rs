//! Erasing exchanges wherever this program keeps them: the log, its copies, the data of lessons, the prompts that finding call sites
//! remembers. What a trained version still carries cannot be taken out of it: it is named.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use admin::Erasing;
use callsite::SiteId;
use capture::{Capture, Erase, Erased, Segments};
use cycle::{ErasedLessons, Gone};
use fingerprint::Finder;
use gateway::Gateway;
use serde::Serialize;

use crate::app::{Error, LESSONS, Shared, found};

/// What was erased, and what could not be.
#[derive(Debug, Serialize)]
pub(crate) struct Erasure {
    #[serde(flatten)]
    pub(crate) log: Erased,
    #[serde(flatten)]
    pub(crate) lessons: ErasedLessons,
}

/// Erases from the log and from what else lies in `data`; `finder` knows what sites were called before.
pub(crate) fn erase(log: &Segments, data: &Path, finder: &Finder, erase: &Erase) -> Result<Erasure, Error> {
    found::forget(data, finder, erase)?;
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
    let lessons = cycle::erase(&data.join(LESSONS), &gone)?;
    let mut log = log.erase(erase, &today)?;
    log.set_aside.extend(damaged(data, erase.set_aside)?);
    tracing::info!(exchanges = log.exchanges, examples = lessons.examples, versions = ?lessons.versions, "exchanges were erased");
    Ok(Erasure { log, lessons })
}

/// Removes files of sites that were set aside, if that is `wanted`, or names them.
fn damaged(data: &Path, wanted: bool) -> std::io::Result<Vec<String>> {
    let damaged = found::damaged(data)?;
    if wanted {
        damaged.iter().try_for_each(std::fs::remove_file)?;
        return Ok(Vec::new());
    }
    Ok(damaged.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect())
}

/// The same for the admin API of a running proxy, which also holds some in memory.
pub(super) fn of_running(shared: &Shared, captures: Option<Arc<Segments>>, gateway: Arc<Gateway>) -> Arc<Erasing> {
    let (data, found, drawing) = (shared.data.clone(), shared.found.clone(), shared.drawing.clone());
    Arc::new(move |what: &Erase| {
        // A lesson that is just being drawn is waited for: what it has drawn is taken out of it again.
        let _drawing = drawing.hold();
        // So is a look for call sites: what it holds would come into the log, or to the samples, again.
        let _looking = found.hold();
        gateway::forget(&gateway);
        // What waits to be written is in the log when that is searched.
        gateway.capture.iter().for_each(Capture::flush);
        let log = captures.as_ref().ok_or("there is no exchange log")?;
        let erased = erase(log, &data, &found.finder, what).map_err(|error| error.to_string())?;
        serde_json::to_value(erased).map_err(|error| error.to_string())
    })
}
