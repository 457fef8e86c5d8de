//! `apprentice sites`: the admin API from the command line.

use std::process::ExitCode;
use std::time::Duration;

use callsite::SiteId;
use http::Method;
use serde_json::Value;

use crate::cli::{LabelForm, RatingVerdict, Sites, SitesAction};
use crate::commands::admin_client::AdminClient;
use crate::output::{Reader, print_anew, print_line};
use crate::settings::environment;
use crate::{Outcome, app};

/// Between two tables of `watch`.
const WATCH_EVERY: Duration = Duration::from_secs(2);
/// Characters of a text that is shown on one line.
const LINE_CHARS: usize = 100;

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
        SitesAction::List | SitesAction::Watch => (Method::GET, "/admin/call-sites".to_owned(), None),
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
        SitesAction::Cancel { site } => post(site, "/lesson/cancel", Value::Null)?,
        SitesAction::Versions { site } => (Method::GET, path(site, "/versions")?, None),
        SitesAction::Labels { site, form: LabelForm::Preference } => (Method::GET, path(site, "/labels")?, None),
        SitesAction::Labels { site, form: LabelForm::Kto } => (Method::GET, path(site, "/labels?form=kto")?, None),
        SitesAction::Found { .. } => (Method::GET, "/admin/found-sites".to_owned(), None),
        SitesAction::Name { site, name } => edit(site, "name", Some(serde_json::json!({"name": name})))?,
        SitesAction::Merge { site, into } => edit(site, "merge", Some(serde_json::json!({"into": into})))?,
        SitesAction::Split { site } => edit(site, "split", None)?,
        SitesAction::Ignore { site } => edit(site, "ignore", None)?,
    };
    if matches!(sites.action, Some(SitesAction::Watch)) {
        return app::runtime()?.block_on(watch(&client, &path));
    }
    if let Some(SitesAction::Labels { .. }) = &sites.action {
        let (_, lines) = app::runtime()?.block_on(client.ask_text(&path))?;
        lines.lines().try_for_each(print_line)?;
        return Ok(ExitCode::SUCCESS);
    }
    let listing = path == "/admin/call-sites";
    let answer = app::runtime()?.block_on(client.ask(method, &path, body))?;
    if let Some(SitesAction::Found { site }) = &sites.action {
        found(&answer, site.as_deref())?;
    } else if listing {
        table(&answer).iter().try_for_each(|line| print_line(line))?;
    } else {
        print_line(&serde_json::to_string_pretty(&answer)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows the table again and again, until nobody reads it. A proxy that is away for a while is waited for; one that was never there is not.
async fn watch(client: &AdminClient, path: &str) -> Outcome {
    let mut lines = table(&client.ask(Method::GET, path, None).await?);
    while print_anew(&lines)? == Reader::Reads {
        tokio::time::sleep(WATCH_EVERY).await;
        lines = match client.ask(Method::GET, path, None).await {
            Ok(answer) => table(&answer),
            Err(error) => vec![error.to_string()],
        };
    }
    Ok(ExitCode::SUCCESS)
}

/// One line for each site, under a line that says what they are.
fn table(answer: &Value) -> Vec<String> {
    let head = format!(
        "{:<24} {:<8} {:>6} {:>7} {:>7}  {:<20} next lesson",
        "site", "state", "audits", "bound", "needed", "version"
    );
    std::iter::once(head).chain(answer.as_array().into_iter().flatten().map(row)).collect()
}

/// A request that changes a found site.
fn edit(site: &str, verb: &str, body: Option<Value>) -> Result<(Method, String, Option<Value>), callsite::BadSite> {
    SiteId::new(site).map(|site| (Method::POST, format!("/admin/found-sites/{site}/{verb}"), body))
}

/// Prints what was found: all of it in short, or one site in full.
fn found(answer: &Value, site: Option<&str>) -> Result<(), app::Error> {
    let all = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(site) = site else {
        if all.is_empty() {
            print_line("nothing was found yet: a call site needs some dozens of different prompts")?;
        }
        return Ok(all.iter().flat_map(found_lines).try_for_each(|line| print_line(&line))?);
    };
    let one = all.iter().find(|found| found["site"] == site);
    let one =
        one.ok_or_else(|| format!("no call site `{site}` was found; `apprentice sites found` lists those that were"))?;
    Ok(print_line(&serde_json::to_string_pretty(one)?)?)
}

/// A text on one line, its end left out where it is long.
fn short(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > LINE_CHARS { line.chars().take(LINE_CHARS - 1).chain(['…']).collect() } else { line }
}

/// A found site in a few lines: name, templates, samples, what varies.
fn found_lines(site: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |key: &str| site[key].as_array().cloned().unwrap_or_default();
    let active = if site["active"] == true { "" } else { ", not active" };
    let mut lines =
        vec![format!("{}  {} requests, {}{active}", text(&site["site"]), site["requests"], text(&site["standing"]))];
    for (what, texts) in [("template", list("templates")), ("sample", list("samples"))] {
        for one in texts {
            for (part, said) in [("system", text(&one["system"])), ("user", text(&one["user"]))] {
                lines.extend((!said.is_empty()).then(|| format!("  {what:<8} {part:<6} {}", short(&said))));
            }
        }
    }
    for slot in list("slots") {
        let values: Vec<String> = slot["values"].as_array().into_iter().flatten().map(&text).collect();
        lines.push(format!("  varies   {}", short(&format!("{} … {}", text(&slot["after"]), values.join(" | ")))));
    }
    lines.push(String::new());
    lines
}

fn row(site: &Value) -> String {
    let text = |key: &str| short(site[key].as_str().unwrap_or("-"));
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
