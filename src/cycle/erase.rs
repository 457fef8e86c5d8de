//! What lessons keep of exchanges that were erased: their examples go, and whoever learnt from them is named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use callsite::SiteId;
use capture::Exchange;
use curriculum::Lineage;
use parking_lot::{Mutex, MutexGuard};
use uuid::Uuid;

use crate::{CycleError, folder};

/// Held while a lesson draws its examples and while something is erased: what a lesson has read is in its data when that is searched.
/// Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Drawing(Arc<Mutex<()>>);

impl Drawing {
    /// Waits until nobody else holds it.
    pub fn hold(&self) -> MutexGuard<'_, ()> {
        self.0.lock()
    }

    #[cfg(test)]
    pub(crate) fn is_free(&self) -> bool {
        !self.0.is_locked()
    }
}

/// What was erased of one site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    prompts: BTreeSet<[u8; 32]>,
    ids: BTreeSet<Uuid>,
}

impl Gone {
    /// Notes an exchange that goes.
    pub fn add(&mut self, exchange: &Exchange) {
        // What nothing is drawn from is in no lesson.
        if let Some(prompt) = curriculum::prompt_key(exchange) {
            self.prompts.insert(prompt);
            self.ids.insert(exchange.id);
        }
    }

    /// Whether a curriculum may have been drawn from some of it.
    fn may_be_in(&self, lineage: &Lineage) -> bool {
        match (lineage.first, lineage.last) {
            (Some(first), Some(last)) => self.ids.range(first..=last).next().is_some(),
            _ => false,
        }
    }
}

/// What was found in lessons.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ErasedLessons {
    /// Lines that were taken out of their data.
    pub examples: usize,
    /// Lessons that learn or learnt from them, as `SITE/NUMBER`.
    pub lessons: Vec<String>,
    /// Versions that came of these lessons and may still say what they learnt, as `SITE@VERSION`.
    pub versions: Vec<String>,
}

/// Takes what is `gone` out of the data of every lesson below `root`. A lesson whose data is no longer there is named by what its
/// lineage says.
///
/// # Errors
/// When a lesson's data cannot be read or written.
pub fn erase(root: &Path, gone: &BTreeMap<SiteId, Gone>) -> Result<ErasedLessons, CycleError> {
    let mut erased = ErasedLessons::default();
    for (site, gone) in gone.iter().filter(|(_, gone)| !gone.prompts.is_empty()) {
        for lesson in folder::lessons(root, site, &mut || ())? {
            let examples = curriculum::erase(&lesson.folder.curriculum(), &gone.prompts)?;
            erased.examples += examples;
            if examples == 0 && !lesson.lineage.as_ref().is_some_and(|lineage| gone.may_be_in(lineage)) {
                continue;
            }
            erased.lessons.push(format!("{site}/{}", lesson.folder.number));
            let version = lesson.outcome.and_then(|outcome| outcome.version);
            erased.versions.extend(version.map(|version| format!("{site}@{version}")));
        }
        // Nobody learns from a lesson that cannot be read, and what it holds cannot be searched.
        for damaged in folder::damaged(root, site)? {
            let data = folder::curriculum(&damaged);
            if data.try_exists()? {
                fs_err::remove_dir_all(data)?;
            }
        }
    }
    Ok(erased)
}
