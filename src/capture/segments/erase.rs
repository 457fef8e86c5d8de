//! Erasing: segments are written anew without what must go, and the old ones removed, so that no byte of it stays.

use std::ops::ControlFlow;
use std::path::Path;

use callsite::SiteId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::CaptureError;
use crate::directory;
use crate::record::Exchange;
use crate::segment::{Damage, Segment};
use crate::segments::Segments;
use crate::users::UserHash;

/// What is to be erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    pub subject: Subject,
    /// Only what is older (Unix time).
    #[serde(default)]
    pub before_ms: Option<u64>,
    /// Segments that were set aside, too: they cannot be searched.
    #[serde(default)]
    pub set_aside: bool,
}

/// Whose exchanges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A user as requests name it (`safety_identifier` or `user`).
    User(String),
    /// One exchange, and every other one of its site that asks the same, word for word.
    Exchange(Uuid),
    /// A site, with what lies under its former names.
    Site(SiteId),
}

/// The name that a site has today: its exchanges may lie under others.
pub type Today<'a> = dyn Fn(&SiteId) -> SiteId + 'a;

/// What was erased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    pub exchanges: u64,
    /// Segments that were written anew or removed.
    pub segments: u64,
    /// Segments that were set aside and may still hold some.
    pub set_aside: Vec<String>,
}

/// Which exchanges go.
struct Matching<'a> {
    subject: Of,
    before_ms: Option<u64>,
    today: &'a Today<'a>,
}

enum Of {
    User(UserHash),
    /// The id, the site as it is called today, and what was asked.
    Exchange(Uuid, Option<(SiteId, String)>),
    Site(SiteId),
}

impl Segments {
    /// Calls `visit` with everything that [`Segments::erase`] would erase now.
    ///
    /// # Errors
    /// When a segment cannot be read.
    pub fn find(&self, erase: &Erase, today: &Today<'_>, visit: &mut dyn FnMut(&Exchange)) -> Result<(), CaptureError> {
        let matching = self.matching(erase, today)?;
        for (_, segment) in self.all() {
            visit_matching(segment.as_ref(), &matching, &mut |exchange| visit(&exchange))?;
        }
        Ok(())
    }

    /// Erases.
    ///
    /// # Errors
    /// When a segment cannot be read or written anew; what was not yet erased is there as before, and erasing again goes on.
    pub fn erase(&self, erase: &Erase, today: &Today<'_>) -> Result<Erased, CaptureError> {
        let _upkeep = self.upkeep.lock();
        let matching = self.matching(erase, today)?;
        let stays = |exchange: &Exchange| !matching.holds(exchange);
        let mut erased = Erased::default();
        let mut count = |segment: &dyn Segment| -> Result<bool, CaptureError> {
            let before = erased.exchanges;
            let damage = visit_matching(segment, &matching, &mut |_| erased.exchanges += 1)?;
            // What cannot be read may be what must go: it goes.
            let found = erased.exchanges > before || damage.places > 0;
            erased.segments += u64::from(found);
            Ok(found)
        };
        // Looked at once it is closed: nothing of it may come or go between the counting and the erasing.
        self.close_live(&|_, live| live.sites().keys().any(|site| matching.may_hold(site)));
        let (closing, sealed) = {
            let state = self.state.lock();
            (state.closing.clone(), state.sealed.clone())
        };
        let mut found = false;
        for live in closing.values() {
            found |= count(live.as_ref())?;
        }
        drop(closing);
        if found {
            self.seal_closing(&stays)?;
        }
        for (first, segment) in sealed {
            if count(segment.as_ref())? {
                self.replace(first, segment.as_ref(), &stays)?;
            }
        }
        self.export_missing()?;
        self.erase_set_aside(erase.set_aside)?;
        erased.set_aside = self.set_aside()?;
        Ok(erased)
    }

    fn matching<'a>(&self, erase: &Erase, today: &'a Today<'a>) -> Result<Matching<'a>, CaptureError> {
        let matching = |subject| Matching { subject, before_ms: erase.before_ms, today };
        Ok(matching(match &erase.subject {
            Subject::User(user) => Of::User(self.users.hash(user)),
            Subject::Site(site) => Of::Site(site.clone()),
            Subject::Exchange(id) => {
                let by_id = Matching { subject: Of::Exchange(*id, None), before_ms: None, today };
                let mut asked = None;
                for (_, segment) in self.all() {
                    visit_matching(segment.as_ref(), &by_id, &mut |exchange| {
                        asked = Some((today(&exchange.site), exchange.request));
                    })?;
                }
                Of::Exchange(*id, asked)
            }
        }))
    }

    fn erase_set_aside(&self, wanted: bool) -> Result<(), CaptureError> {
        let set_aside = directory::list(&self.dir)?.set_aside;
        // sled's snapshots hold places and no values, but nobody needs them either.
        let goes = |path: &Path| wanted || path.to_string_lossy().contains(".snapshots-");
        set_aside.iter().filter(|(_, path)| goes(path)).try_for_each(|(_, path)| directory::remove(path))
    }
}

impl Matching<'_> {
    fn holds(&self, exchange: &Exchange) -> bool {
        let of_subject = match &self.subject {
            Of::User(user) => exchange.user == Some(*user),
            Of::Site(site) => self.is_of(&exchange.site, site),
            Of::Exchange(id, asked) => {
                let same = |(site, request): &(SiteId, String)| {
                    exchange.request == *request && self.is_of(&exchange.site, site)
                };
                exchange.id == *id || asked.as_ref().is_some_and(same)
            }
        };
        of_subject && self.before_ms.is_none_or(|before_ms| exchange.at_ms < before_ms)
    }

    fn may_hold(&self, site: &SiteId) -> bool {
        match &self.subject {
            Of::User(_) | Of::Exchange(_, None) => true,
            Of::Site(of) | Of::Exchange(_, Some((of, _))) => self.is_of(site, of),
        }
    }

    /// Whether what lies under `name` is `site`'s. A former name is no other name of the site: who erases that means what lies there.
    fn is_of(&self, name: &SiteId, site: &SiteId) -> bool {
        name == site || (self.today)(name) == *site
    }
}

/// Calls `visit` with what matches; counts what cannot be read where it may lie.
fn visit_matching(
    segment: &dyn Segment,
    matching: &Matching<'_>,
    visit: &mut dyn FnMut(Exchange),
) -> Result<Damage, CaptureError> {
    let mut damage = Damage::default();
    for site in segment.sites().keys().filter(|site| matching.may_hold(site)) {
        damage.merge(segment.visit(site, None, &mut |exchange| {
            if matching.holds(&exchange) {
                visit(exchange);
            }
            ControlFlow::Continue(())
        })?);
    }
    Ok(damage)
}
