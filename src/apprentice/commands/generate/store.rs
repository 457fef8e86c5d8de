//! `apprentice generate store`: what a run kept, into the exchange log.

use std::collections::BTreeMap;
use std::process::ExitCode;

use callsite::SiteId;
use capture::Exchange;
use generate::{exchange, run};

use crate::cli::generate::Store;
use crate::commands::exchange_log;
use crate::output::{eprint_line, print_line};
use crate::settings::Settings;
use crate::{Outcome, app};

/// In the run's folder: which sites have it.
const STORED_FILE: &str = "stored.json";

/// Stores, and says how many of which site.
pub(super) async fn store(arguments: &Store) -> Outcome {
    let settings = Settings::load(&arguments.config)?;
    let marker = arguments.run.join(STORED_FILE);
    let before: Option<BTreeMap<String, usize>> = files::read_json(&marker)?;
    if let Some(before) = before.filter(|_| !arguments.again) {
        let sites: Vec<String> = before.into_keys().collect();
        let run = arguments.run.display();
        return Err(
            format!("{run} is in the log already, for {}: `--again` stores it once more", sites.join(", ")).into()
        );
    }
    let (items, refused) = run::read_items(&arguments.run)?;
    for line in refused {
        eprint_line(&format!("{} line {}: {}", line.file, line.line, line.reason));
    }
    let own = arguments.site.as_deref().map(SiteId::new).transpose()?;
    let mut sites: BTreeMap<SiteId, Vec<Exchange>> = BTreeMap::new();
    for item in &items {
        let site = own.clone().map_or_else(|| SiteId::new(&item.site), Ok)?;
        let made = exchange::of(item, &site, settings.teacher.distillable, app::now_ms());
        sites.entry(site).or_default().extend(made);
    }
    sites.retain(|_, exchanges| !exchanges.is_empty());
    if sites.is_empty() {
        return Err(format!("{} holds nothing that could be learnt", arguments.run.display()).into());
    }
    for (site, exchanges) in &sites {
        exchange_log::add(&settings, &arguments.access, site, exchanges).await?;
    }
    let counts: BTreeMap<String, usize> =
        sites.iter().map(|(site, exchanges)| (site.to_string(), exchanges.len())).collect();
    files::replace_json(&marker, &counts)?;
    counts.iter().try_for_each(|(site, count)| print_line(&format!("{site}: {count} exchanges")))?;
    if settings.teacher.distillable != capture::Distillable::Yes {
        print_line("nothing learns from them: teacher.distillable is not \"yes\"")?;
    }
    Ok(ExitCode::SUCCESS)
}
