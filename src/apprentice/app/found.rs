//! Found call sites between the parts that have to do with them: the file in which they are kept, the rules of sites that a
//! person has changed, the ledger's places, and the exchange log, where exchanges may lie under a former name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use callsite::SiteId;
use capture::{Appended, CaptureError, CaptureStore, Erase, Exchange, Redactor, Subject};
use files::FileError;
use fingerprint::{Finder, FinderSettings, FoundSite, Sample, Surroundings};
use gateway::{Callsites, Gateway};
use ledger::Ledger;
use parking_lot::{Mutex, MutexGuard};
use rules::{LiveRules, Rules};
use serde::{Deserialize, Serialize};
use telemetry::Metrics;
use tokio::sync::watch;
use uuid::Uuid;

use crate::app::background::told;
use crate::app::exchange_log::redactor;
use crate::app::{Error, now_ms};
use crate::settings::Settings;

/// The file's name, and its form.
const FILE: &str = "found-sites.json";
/// What the names of files begin with that were set aside.
const DAMAGED: &str = "found-sites.damaged-";
const VERSION: u32 = 1;
/// How often unknown prompts are looked at, if there are enough.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Looks between two times that counts are written.
const COUNTS_EVERY: u32 = 150;
/// What evidence depends on, by the name of the basis.
const BASIS_PART: &str = "callsite";

/// The file.
#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    sites: Vec<FoundSite>,
}

/// Found call sites. Clones share them.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) finder: Arc<Finder>,
    path: PathBuf,
    /// The rules as configured.
    configured: Arc<Mutex<Arc<Rules>>>,
    live: LiveRules,
    redactor: Arc<Redactor>,
    /// Held by whoever looks for sites, writes them or has prompts erased: none of them works with what another one has just changed.
    busy: Arc<Mutex<()>>,
}

impl Found {
    /// Reads what is kept in `data`. A file that cannot be read is set aside and said: the sites are found anew.
    pub(crate) fn open(settings: &Settings, data: &Path, live: LiveRules) -> Result<Self, Error> {
        let path = data.join(FILE);
        let sites = match read(&path)? {
            Ok(sites) => sites,
            Err(problem) => set_aside(&path, &problem)?,
        };
        let redactor = redactor(settings)?;
        let redacted: Vec<FoundSite> = sites.iter().cloned().map(|site| without_secrets(&redactor, site)).collect();
        let changed = redacted != sites;
        let found = Self {
            finder: Arc::new(finder(settings, redacted)),
            path,
            configured: Arc::new(Mutex::new(live.snapshot())),
            live,
            redactor: Arc::new(redactor),
            busy: Arc::default(),
        };
        found.apply();
        if changed {
            // They were kept under other rules.
            found.keep()?;
        }
        Ok(found)
    }

    /// How the gateway tells call sites apart.
    pub(crate) fn callsites(&self, settings: &Settings) -> Result<Callsites, String> {
        let (rules, alias_model) = (settings.match_rules()?, settings.callsites.alias_model.clone());
        Ok(Callsites { rules, alias_model, finder: self.finder.clone() })
    }

    /// What follows when a person has changed something, for whoever lets them.
    pub(crate) fn settle(&self, ledger: &Arc<Ledger>) -> Arc<dyn Fn() -> Result<(), String> + Send + Sync> {
        let (found, ledger) = (self.clone(), ledger.clone());
        Arc::new(move || found.changed(&ledger))
    }

    /// Puts the rules in force: what a person put into a site or took out of it voids its evidence.
    fn apply(&self) {
        let changed = self.finder.sites().into_iter().filter(|site| site.revision > 0);
        let configured = Rules::clone(&self.configured.lock());
        let rules = changed
            .fold(configured, |rules, site| rules.with_basis_part(&site.name, BASIS_PART, site.revision.to_string()));
        self.live.replace(rules);
    }

    /// Puts other configured rules in force.
    pub(super) fn reconfigure(&self, rules: Rules) {
        *self.configured.lock() = Arc::new(rules);
        self.apply();
    }

    /// Writes the sites. Blocks on the disk.
    fn keep(&self) -> Result<(), FileError> {
        write(&self.path, &self.finder)
    }

    /// As long as this is held nobody looks for sites, nor puts what was held back for one into the exchange log.
    pub(super) fn hold(&self) -> MutexGuard<'_, ()> {
        self.busy.lock()
    }

    /// It is in force and on disk when this returns. Blocks on the disk.
    fn changed(&self, ledger: &Ledger) -> Result<(), String> {
        let _busy = self.busy.lock();
        self.apply();
        for former in self.finder.sites().iter().flat_map(|site| &site.former) {
            ledger.forget(former);
        }
        self.keep().map_err(|error| format!("it is in force and not yet on disk: {error}"))?;
        ledger.rules_changed(now_ms()).map_err(|error| format!("it is in force and on disk: {error}"))
    }

    /// Looks for call sites until the program is told to stop.
    pub(crate) async fn look(self, gateway: Arc<Gateway>, stopped: watch::Receiver<bool>) {
        for looks in 1_u32.. {
            let stopping = tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => false,
                () = told(stopped.clone()) => true,
            };
            let (found, gateway) = (self.clone(), gateway.clone());
            let look = move || found.look_once(&gateway, stopping || looks % COUNTS_EVERY == 0);
            if tokio::task::spawn_blocking(look).await.is_err() {
                tracing::error!("looking for call sites failed");
            }
            if stopping {
                return;
            }
        }
    }

    fn look_once(&self, gateway: &Gateway, write_counts: bool) {
        let _busy = self.busy.lock();
        if self.finder.is_due() {
            let around = Around { rules: &self.live, ledger: &gateway.ledger, redactor: &self.redactor };
            let mined = self.finder.mine(now_ms(), &around);
            for site in &mined.found {
                tracing::info!(%site, "a call site was found; `apprentice sites found` shows it");
            }
            for site in &mined.given_away {
                tracing::info!(%site, "a found call site was idle and gave its place away");
                gateway.ledger.forget(site);
            }
            if !mined.found.is_empty() {
                gateway::release_early(gateway);
            }
            say_refused(&gateway.metrics, mined.refused);
        }
        let count = u32::try_from(self.finder.sites().len()).unwrap_or(u32::MAX);
        gateway.metrics.sites_found().set(f64::from(count));
        if (self.finder.take_changed() || write_counts)
            && let Err(error) = self.keep()
        {
            tracing::error!(%error, "the found call sites cannot be written; they are found anew after a restart");
        }
    }

    /// The name that a site has today, for whoever knows only names.
    pub(super) fn today(&self) -> Box<dyn Fn(&SiteId) -> SiteId + Send + Sync> {
        let finder = self.finder.clone();
        Box::new(move |site| finder.name_today(site))
    }

    /// The exchange log as sites are called today.
    pub(crate) fn captures(&self, kept: Arc<dyn CaptureStore>) -> Arc<dyn CaptureStore> {
        Arc::new(Renamed { kept, finder: self.finder.clone() })
    }
}

/// The found call sites in `data` for somebody who serves nothing and changes nothing.
pub(crate) fn known_sites(settings: &Settings, data: &Path) -> Result<Finder, Error> {
    let path = data.join(FILE);
    let sites = read(&path)?.map_err(|problem| format!("{}: {problem}", path.display()))?;
    Ok(finder(settings, sites))
}

fn finder(settings: &Settings, sites: Vec<FoundSite>) -> Finder {
    let callsites = &settings.callsites;
    let settings =
        FinderSettings { discover: callsites.discover, split: callsites.split, sites_max: callsites.found_max };
    Finder::new(settings, sites)
}

/// Forgets the prompts that `finder` knows and that may be among what is erased, and writes its sites into `data`. A prompt says of which
/// site it is, and not who asked. What was `default`'s may have become any site's since.
pub(super) fn forget(data: &Path, finder: &Finder, erase: &Erase) -> Result<(), FileError> {
    match &erase.subject {
        Subject::Site(site) if !site.is_default() => {
            let today = finder.name_today(site);
            finder.forget(|name| *name == today);
        }
        Subject::Site(_) | Subject::User(_) | Subject::Exchange(_) => finder.forget(|_| true),
    }
    if finder.sites().is_empty() { Ok(()) } else { write(&data.join(FILE), finder) }
}

fn write(path: &Path, finder: &Finder) -> Result<(), FileError> {
    files::replace_json(path, &Kept { version: VERSION, sites: finder.sites() })
}

/// Files of sites that were set aside: nobody can say whose prompts are in them.
pub(super) fn damaged(data: &Path) -> std::io::Result<Vec<PathBuf>> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let paths =
        std::fs::read_dir(data)?.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| name(path).starts_with(DAMAGED)).collect())
}

/// The sites in the file, or in words why it cannot be used.
fn read(path: &Path) -> Result<Result<Vec<FoundSite>, String>, FileError> {
    match files::read_json::<Kept>(path) {
        Ok(None) => Ok(Ok(Vec::new())),
        Ok(Some(kept)) if kept.version == VERSION => Ok(Ok(kept.sites)),
        Ok(Some(kept)) => Ok(Err(format!("it has the form {}, not {VERSION}", kept.version))),
        Err(error @ FileError::Json { .. }) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// A site whose samples are as today's rules let them be kept.
fn without_secrets(redactor: &Redactor, site: FoundSite) -> FoundSite {
    let sample =
        |Sample { system, user }: &Sample| Some(Sample { system: redactor.text(system)?, user: redactor.text(user)? });
    FoundSite { samples: site.samples.iter().filter_map(sample).collect(), ..site }
}

/// They are found again at every look: said each time that there are new prompts enough to look.
fn say_refused(metrics: &Metrics, refused: usize) {
    if refused > 0 {
        metrics.sites_not_admitted_total().inc_by(refused as u64);
        tracing::warn!(refused, "call sites were found and not admitted: callsites.found_max is reached");
    }
}

/// Moves a file that cannot be used out of the way; what remains is nothing.
fn set_aside(path: &Path, problem: &str) -> std::io::Result<Vec<FoundSite>> {
    let aside = path.with_file_name(format!("{DAMAGED}{}", now_ms()));
    std::fs::rename(path, &aside)?;
    let (file, aside) = (path.display(), aside.display());
    tracing::error!(%file, %aside, problem, "the found call sites are set aside and found anew");
    Ok(Vec::new())
}

struct Around<'a> {
    rules: &'a LiveRules,
    ledger: &'a Ledger,
    redactor: &'a Redactor,
}

impl Surroundings for Around<'_> {
    fn keeps(&self, site: &SiteId) -> bool {
        self.rules.of(site).capture
    }
    fn redacted(&self, text: &str) -> Option<String> {
        self.redactor.text(text)
    }
    fn is_bare(&self, site: &SiteId) -> bool {
        self.ledger.is_bare(site)
    }
    fn is_used(&self, site: &SiteId) -> bool {
        self.ledger.is_known(site) || self.rules.snapshot().is_configured(site)
    }
}

/// An exchange log in which a site has the exchanges of its former names too.
struct Renamed {
    kept: Arc<dyn CaptureStore>,
    finder: Arc<Finder>,
}

impl CaptureStore for Renamed {
    fn append(&self, exchanges: Vec<Exchange>) -> Result<Appended, CaptureError> {
        self.kept.append(exchanges)
    }

    fn scan(&self, site: &SiteId, after: Option<Uuid>, visit: &mut dyn FnMut(Exchange)) -> Result<(), CaptureError> {
        // A former name gets no new exchanges, so that the newest come last.
        for name in self.finder.names_of(site) {
            self.kept.scan(&name, after, &mut |exchange| visit(Exchange { site: site.clone(), ..exchange }))?;
        }
        Ok(())
    }

    fn sites(&self) -> Result<BTreeSet<SiteId>, CaptureError> {
        Ok(self.kept.sites()?.iter().map(|site| self.finder.name_today(site)).collect())
    }
}

#[cfg(test)]
mod tests;
