//! `apprentice capture`: the exchange log, opened here or, where a running proxy holds it, looked at through that.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use admin::CaptureSearch;
use callsite::SiteId;
use capture::{CaptureError, Segments, Subject};
use http::Method;
use serde_json::Value;
use store::StoreError;
use toml::value::Datetime;

use super::admin_client::AdminClient;
use crate::cli::AdminAccess;
use crate::cli::capture::{Capture, CaptureAction, Erase, Search};
use crate::output::{eprint_line, print_line};
use crate::settings::Settings;
use crate::{Outcome, app};

const DAY_MS: u64 = 24 * 3_600_000;

/// Where the log is.
enum Log {
    Here(Box<Segments>),
    /// A running proxy has it.
    Running(Box<AdminClient>),
}

pub(crate) fn capture(arguments: &Capture) -> Outcome {
    let settings = Settings::load(&arguments.config)?;
    let open = || Log::open(&settings, &arguments.access);
    match &arguments.action {
        CaptureAction::Stats { json } => stats(&open()?, *json),
        CaptureAction::Search(search) => searched(&open()?, wanted(search)),
        CaptureAction::Verify => verify(&open()?),
        CaptureAction::Export { out } => export(&open()?, &settings, out),
        CaptureAction::Erase(erase) => {
            // What is wrong with the arguments is said before anything is opened.
            let erase = erasing(erase)?;
            erased(&open()?, &settings, &erase)
        }
    }
}

impl Log {
    fn open(settings: &Settings, access: &AdminAccess) -> Result<Self, app::Error> {
        let dir = &settings.data.dir;
        if !dir.join("capture").try_exists()? {
            return Err(format!("there is no exchange log in {} (data.dir)", dir.display()).into());
        }
        match app::exchange_log(settings, dir) {
            Ok(log) => Ok(Self::Here(Box::new(log))),
            Err(CaptureError::Store(StoreError::InUse(_))) => Ok(Self::Running(Box::new(AdminClient::new(access)?))),
            Err(error) => Err(error.into()),
        }
    }
}

/// Asks the running proxy.
fn ask(client: &AdminClient, method: Method, path: &str, body: Option<Value>) -> Result<Value, app::Error> {
    app::runtime()?.block_on(client.ask(method, path, body))
}

fn stats(log: &Log, json: bool) -> Outcome {
    let overview = match log {
        Log::Here(log) => serde_json::to_value(log.overview()?)?,
        Log::Running(client) => ask(client, Method::GET, "/admin/capture", None)?,
    };
    if json {
        print_line(&overview.to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    print_line(&format!(
        "{:<24} {:>10} {:>10} {:>10} {:>6}  {:<16} newest (UTC)",
        "site", "exchanges", "MB", "stored MB", "x", "oldest"
    ))?;
    for (site, of_site) in overview["sites"].as_object().into_iter().flatten() {
        print_line(&row(site, of_site))?;
    }
    let mb = |key: &str| overview[key].as_f64().unwrap_or_default() / 1e6;
    print_line(&format!(
        "{} segments, {:.1} MB on disk, {:.0} MB free",
        overview["segments"],
        mb("disk_bytes"),
        mb("free_bytes")
    ))?;
    said_aside(&overview)?;
    Ok(ExitCode::SUCCESS)
}

/// A site's line.
fn row(site: &str, of_site: &Value) -> String {
    let number = |key: &str| of_site[key].as_f64().unwrap_or_default();
    let time = |key: &str| of_site[key].as_str().and_then(time_of).unwrap_or_else(|| "-".to_owned());
    format!(
        "{site:<24} {:>10} {:>10.1} {:>10.1} {:>6.1}  {:<16} {}",
        of_site["exchanges"],
        number("raw_bytes") / 1e6,
        number("stored_bytes") / 1e6,
        number("raw_bytes") / number("stored_bytes").max(1.0),
        time("first"),
        time("last")
    )
}

/// The minute of an exchange's id, UTC.
fn time_of(id: &str) -> Option<String> {
    let seconds = capture::id_time_ms(uuid::Uuid::parse_str(id).ok()?) / 1_000;
    let at = time::OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
    Some(format!("{} {:02}:{:02}", at.date(), at.hour(), at.minute()))
}

fn wanted(search: &Search) -> CaptureSearch {
    let Search { site, text, from, to, status, source } = search;
    let [site, text, from, to] = [site, text, from, to].map(String::clone);
    let (status, source) = (status.clone().unwrap_or_default(), source.clone().unwrap_or_default());
    CaptureSearch { site, text, from, to, status, source }
}

fn searched(log: &Log, wanted: CaptureSearch) -> Outcome {
    let (all_read, lines) = match log {
        Log::Here(log) => {
            let found = admin::search(log, wanted, admin::FOUND_MAX, Instant::now())?;
            (found.all_read, String::from_utf8(found.lines()?)?)
        }
        Log::Running(client) => {
            let path = format!("/admin/captures?{}", serde_urlencoded::to_string(wanted)?);
            let (headers, lines) = app::runtime()?.block_on(client.ask_text(&path))?;
            (headers.get(admin::ALL_READ).is_none_or(|said| said == "true"), lines)
        }
    };
    if !all_read {
        eprint_line("the log is large: not every call site was looked at; name one with --site");
    }
    lines.lines().try_for_each(print_line)?;
    Ok(ExitCode::SUCCESS)
}

fn verify(log: &Log) -> Outcome {
    let verified = match log {
        Log::Here(log) => serde_json::to_value(log.verify()?)?,
        Log::Running(client) => ask(client, Method::POST, "/admin/capture/verify", None)?,
    };
    let mut whole = verified["set_aside"].as_array().is_none_or(Vec::is_empty);
    for segment in verified["segments"].as_array().into_iter().flatten() {
        let (name, exchanges) = (segment["segment"].as_str().unwrap_or_default(), &segment["exchanges"]);
        if segment["damaged"] == 0 {
            print_line(&format!("ok       {name}: {exchanges} exchanges"))?;
        } else {
            whole = false;
            let problem = segment["problem"].as_str().unwrap_or_default();
            print_line(&format!(
                "DAMAGED  {name}: {exchanges} exchanges can be read, {} places cannot; the first: {problem}",
                segment["damaged"]
            ))?;
        }
    }
    said_aside(&verified)?;
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Names the segments that were set aside.
fn said_aside(said: &Value) -> std::io::Result<()> {
    let names = said["set_aside"].as_array().into_iter().flatten().filter_map(Value::as_str);
    names.into_iter().try_for_each(|name| {
        print_line(&format!(
            "DAMAGED  {name} was set aside: it holds what could not be read; remove it when nobody wants it"
        ))
    })
}

fn export(log: &Log, settings: &Settings, out: &Path) -> Outcome {
    match log {
        Log::Here(log) => log.seal()?,
        Log::Running(client) => drop(ask(client, Method::POST, "/admin/capture/seal", None)?),
    }
    // Sealed segments never change: they are read where they lie, whoever has the log.
    let (count, damage) = capture::export_sealed(&settings.data.dir.join("capture"), out)?;
    print_line(&format!("{count} segments in {}; check them with `sha256sum -c *.sha256` there", out.display()))?;
    if damage.places > 0 {
        let first = damage.first.unwrap_or_default();
        print_line(&format!("DAMAGED  {} places could not be read; the first: {first}", damage.places))?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// What the arguments ask for.
fn erasing(erase: &Erase) -> Result<capture::Erase, app::Error> {
    let subject = match (&erase.user, erase.exchange, &erase.site) {
        (Some(user), None, None) => Subject::User(user.clone()),
        (None, Some(id), None) => Subject::Exchange(id),
        (None, None, Some(site)) => Subject::Site(SiteId::new(site)?),
        _ => return Err("say what to erase: --user, --exchange or --site".into()),
    };
    let before_ms = erase.before.as_deref().map(|day| {
        let date = day.parse::<Datetime>().ok().filter(|day| day.time.is_none()).and_then(|day| day.date);
        let date = date.ok_or_else(|| format!("--before {day} must be a day like 2026-05-01"))?;
        Ok::<u64, String>(teacher::day(date) * DAY_MS)
    });
    Ok(capture::Erase { subject, before_ms: before_ms.transpose()?, set_aside: erase.set_aside })
}

fn erased(log: &Log, settings: &Settings, erase: &capture::Erase) -> Outcome {
    let erased = match log {
        Log::Here(log) => {
            let (dir, finder) = (&settings.data.dir, app::known_sites(settings, &settings.data.dir)?);
            serde_json::to_value(app::erase(log, dir, &finder, erase)?)?
        }
        Log::Running(client) => ask(client, Method::POST, "/admin/capture/erase", Some(serde_json::to_value(erase)?))?,
    };
    let list =
        |key: &str| -> Vec<&str> { erased[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect() };
    print_line(&format!("{} exchanges erased; {} segments written anew", erased["exchanges"], erased["segments"]))?;
    let (lessons, versions, aside) = (list("lessons"), list("versions"), list("set_aside"));
    if !lessons.is_empty() {
        print_line(&format!(
            "{} examples taken out of the data of lessons {}",
            erased["examples"],
            lessons.join(", ")
        ))?;
    }
    if !versions.is_empty() {
        print_line(&format!("trained on some of it, and may still say it: {}", versions.join(", ")))?;
        print_line(
            "  `apprentice sites discard SITE VERSION` ends the use of one; the next lesson learns without what was erased",
        )?;
    }
    if !aside.is_empty() {
        print_line(&format!("not searched, as they cannot be read: {}; `--set-aside` removes them", aside.join(", ")))?;
    }
    print_line("what was exported or copied by hand before is not known here")?;
    Ok(ExitCode::SUCCESS)
}
