//! `apprentice policy try`: what a policy would have done with recorded evidence. Changes nothing anywhere.

use std::path::Path;
use std::process::ExitCode;

use callsite::SiteId;
use handover::{Policy, Role};
use simulate::{Made, Replayed};

use crate::cli::AdminAccess;
use crate::commands::admin_client::AdminClient;
use crate::commands::simulate::policy as read_policy;
use crate::output::print_line;
use crate::{Outcome, app};

/// Replays the entries and prints each switch, and how every site stands.
pub(crate) fn try_on(policy: &Path, entries: Option<&Path>, site: Option<&str>, access: &AdminAccess) -> Outcome {
    let policy = read_policy(Some(policy))?;
    let only = site.map(SiteId::new).transpose()?;
    let (file, text) = match entries {
        Some(entries) => {
            let file = entries.display().to_string();
            let text = std::fs::read_to_string(entries).map_err(|error| format!("cannot read {file}: {error}"))?;
            (file, text)
        }
        None => {
            let asked =
                app::runtime()?.block_on(AdminClient::new(access)?.entries(only.as_ref().map(SiteId::as_str)))?;
            (access.listener.admin.clone(), serde_json::to_string(&asked)?)
        }
    };
    let sites = simulate::replay_entries(&simulate::read_entries(&file, &text)?, &policy);
    let shown: Vec<_> = sites.iter().filter(|(site, _)| only.as_ref().is_none_or(|only| only == *site)).collect();
    if shown.is_empty() {
        let wanted = only.map_or_else(String::new, |site| format!(" of `{site}`"));
        return Err(format!("{file} holds no entries{wanted}").into());
    }
    let mut lines = shown.iter().flat_map(|(site, replayed)| told(site, replayed, &policy));
    lines.try_for_each(|line| print_line(&line))?;
    Ok(ExitCode::SUCCESS)
}

fn told(site: &SiteId, replayed: &Replayed, policy: &Policy) -> Vec<String> {
    let mut lines = vec![format!("{site}: {} audits", replayed.audits)];
    lines.extend(replayed.switches.iter().map(|made| format!("  {}", switch(made))));
    let standing = &replayed.site;
    lines.push(format!("  at the end: {}", standing.state.label()));
    if let Some(trial) = &standing.incumbent {
        let threshold = trial.threshold().map_or_else(|| "none".to_owned(), |threshold| format!("{threshold:.3}"));
        let (audits, bound) = (trial.audits(), trial.lower_bound());
        let (version, coverage) = (trial.version(), trial.coverage());
        let bound = format!("lower bound {bound:.3}, threshold {threshold}, coverage {coverage:.3}");
        lines.push(format!("  version {version}: {audits} audits are evidence, {bound}"));
    }
    lines.extend(standing.missing(replayed.at_ms, policy).into_iter().map(|missing| format!("  waits: {missing}")));
    if replayed.audits_without_trial > 0 {
        let count = replayed.audits_without_trial;
        lines.push(format!("  {count} audits are of a version that is not on trial here; begin before its candidate"));
    }
    if replayed.by_hand > 0 {
        lines.push(format!("  {} recorded switches were made by a person and are left out", replayed.by_hand));
    }
    lines
}

fn switch(made: &Made) -> String {
    let switch = &made.switch;
    let role = if switch.role == Role::Challenger { "challenger " } else { "" };
    let version = switch.version.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let (from, to, cause) = (switch.from.label(), switch.to.label(), switch.cause.label());
    let bound = switch.lower_bound.map_or_else(String::new, |bound| format!(", lower bound {bound:.3}"));
    let threshold = switch.threshold.map_or_else(String::new, |tau| format!(", threshold {tau:.3}"));
    let (audits, at, seq) = (switch.audits, made.at_ms, made.seq);
    format!(
        "{role}{from} -> {to} ({cause}): version {version}, {audits} audits{bound}{threshold}, at {at} ms, entry {seq}"
    )
}
