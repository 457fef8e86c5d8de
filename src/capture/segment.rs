//! What every segment can do, live or sealed, and what is said of the damage in it.

use std::ops::ControlFlow;

use callsite::SiteId;
use uuid::Uuid;

use crate::CaptureError;
use crate::record::Exchange;
use crate::summary::Sites;

/// Takes exchanges one by one; may have seen enough.
pub(crate) type Visit<'a> = dyn FnMut(Exchange) -> ControlFlow<()> + 'a;

/// A slice of the log.
pub(crate) trait Segment {
    /// What it holds of each site.
    fn sites(&self) -> Sites;

    /// Damage that was found when it was opened.
    fn opening(&self) -> Damage {
        Damage::default()
    }

    /// Calls `visit` with the exchanges of `site` newer than `after`, about oldest first; damaged ones are left out and counted.
    ///
    /// # Errors
    /// When nothing can be read at all.
    fn visit(&self, site: &SiteId, after: Option<Uuid>, visit: &mut Visit<'_>) -> Result<Damage, CaptureError>;
}

/// How many places could not be read, and the first of them in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    pub places: u64,
    pub first: Option<String>,
}

impl Damage {
    pub(crate) fn add(&mut self, error: impl ToString) {
        self.places += 1;
        self.first.get_or_insert_with(|| error.to_string());
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.places += other.places;
        self.first = self.first.take().or(other.first);
    }
}
