//! `apprentice sites`: the admin API from the command line.

use std::process::ExitCode;

use callsite::SiteId;
use http::Method;
use serde_json::Value;

use crate::cli::{RatingVerdict, Sites, SitesAction};
use crate::commands::admin_client::AdminClient;
use crate::output::print_line;
use crate::settings::environment;
use crate::{Outcome, app};

/// Asks the admin API and prints what it says.
pub(crate) fn sites(sites: Sites) -> Outcome {
    let client = AdminClient::new(&sites.access)?;
    let path = |site: &str, verb: &str| SiteId::new(site).map(|site| format!("/admin/call-sites/{site}{verb}"));
    let actor = sites.actor.clone().or_else(|| environment::variable(environment::USER));
    let why = |more: Value| {
        let mut body = serde_json::json!({"reason": sites.reason, "actor": actor});
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        Some(body)
    };
    let post = |site: &str, verb: &str, more: Value| path(site, verb).map(|path| (Method::POST, path, why(more)));
    let (method, path, body) = match sites.action.as_ref().unwrap_or(&SitesAction::List) {
        SitesAction::List => (Method::GET, "/admin/call-sites".to_owned(), None),
        SitesAction::Show { site } => (Method::GET, path(site, "")?, None),
        SitesAction::Promote { site } => post(site, "/promote", Value::Null)?,
        SitesAction::Hold { site } => post(site, "/hold", Value::Null)?,
        SitesAction::Pause { site } => post(site, "/pause", Value::Null)?,
        SitesAction::Resume { site } => post(site, "/resume", Value::Null)?,
        SitesAction::Shadow { site } => post(site, "/shadow", Value::Null)?,
        SitesAction::Cap { site, share } => post(site, "/cap", serde_json::json!({"share": share}))?,
        SitesAction::Rollback { site, to } => post(site, "/rollback", serde_json::json!({"to": to}))?,
        SitesAction::Discard { site, version } => post(site, "/discard", serde_json::json!({"version": version}))?,
        SitesAction::Rate { site, request, verdict, version } => {
            let good = *verdict == RatingVerdict::Good;
            post(site, "/ratings", serde_json::json!({"request": request, "good": good, "version": version}))?
        }
        SitesAction::Train { site } => (Method::POST, path(site, "/train")?, None),
    };
    let listing = path == "/admin/call-sites";
    let answer = app::runtime()?.block_on(client.ask(method, &path, body))?;
    if listing {
        print_line(&format!(
            "{:<24} {:<8} {:>6} {:>7} {:>7}  {:<20} next lesson",
            "site", "state", "audits", "bound", "needed", "version"
        ))?;
        answer.as_array().into_iter().flatten().try_for_each(|site| print_line(&row(site)))?;
    } else {
        print_line(&serde_json::to_string_pretty(&answer)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(site: &Value) -> String {
    let text = |key: &str| site[key].as_str().unwrap_or("-").to_owned();
    let number = |key: &str| site[key].as_f64().map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    format!(
        "{:<24} {:<8} {:>6} {:>7} {:>7}  {:<20} {}",
        text("site"),
        text("state"),
        site["audits"],
        number("lower_bound"),
        number("quality_min"),
        text("version"),
        text("next_lesson")
    )
}
