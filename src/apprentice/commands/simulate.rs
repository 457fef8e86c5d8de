//! `apprentice simulate handover`: how often, how soon and at what cost the hand-over decides, in seeded worlds.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use handover::Policy;
use simulate::{Meter, Report, Size};

use crate::Outcome;
use crate::cli::SimulateHandover;
use crate::output::{eprint_line, print_line};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Simulates, prints and writes; fails when a goal is missed, after writing.
pub(crate) fn handover(arguments: &SimulateHandover) -> Outcome {
    if arguments.runs == 0 {
        return Err("--runs 0 must be at least 1".into());
    }
    let policy = policy(arguments.policy.as_deref())?;
    let (threads, began) = (threads(), Instant::now());
    let size = Size { runs: arguments.runs, seed: arguments.seed, threads };
    let meter = Meter { seconds: &|| began.elapsed().as_secs_f64(), resident: &resident };
    let progress = |what: &str| eprint_line(&format!("{:6.1} s  {what}", began.elapsed().as_secs_f64()));
    let report = simulate::handover_report(size, &policy, &meter, &progress);
    progress("done");
    print_line(&simulate::text(&report))?;
    write(arguments, &report, threads, began.elapsed().as_secs_f64())?;
    let missed = report.missed();
    missed.iter().for_each(|line| eprint_line(&format!("missed: {line}")));
    Ok(if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write(arguments: &SimulateHandover, report: &Report, threads: usize, seconds: f64) -> Result<(), Error> {
    if let Some(folder) = &arguments.plots {
        for plot in &report.plots {
            put(&folder.join(format!("{}.svg", plot.name)), &plot.svg)?;
        }
    }
    if let Some(path) = &arguments.json {
        let json = serde_json::json!({"machine": machine(), "rounds": arguments.runs, "rows": report.rows});
        put(path, &format!("{}\n", serde_json::to_string_pretty(&json)?))?;
    }
    if let Some(path) = &arguments.markdown {
        let head = format!(
            "Machine: {}, {threads} threads. Command: `{}`. Rounds: {} runs from seed {} for false promotions, a stated or smaller \
             part elsewhere; {seconds:.0} s, {}. Everything but times and memory follows from the seed. Numbers are of the policy \
             {}.",
            machine(),
            command(arguments),
            arguments.runs,
            arguments.seed,
            date(),
            arguments
                .policy
                .as_ref()
                .map_or_else(|| "that is shipped".to_owned(), |policy| format!("in `{}`", policy.display())),
        );
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let link = |name: &str| {
            let plots = arguments.plots.as_ref()?;
            let plots = plots.strip_prefix(folder).unwrap_or(plots);
            Some(plots.join(format!("{name}.svg")).display().to_string())
        };
        put(path, &simulate::markdown("handover", &head, report, &link))?;
    }
    Ok(())
}

/// The command again, without what it writes.
fn command(arguments: &SimulateHandover) -> String {
    let policy = arguments.policy.as_ref().map(|policy| format!(" --policy {}", policy.display())).unwrap_or_default();
    format!("apprentice simulate handover --runs {} --seed {}{policy}", arguments.runs, arguments.seed)
}

fn put(path: &PathBuf, text: &str) -> Result<(), Error> {
    let named = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(named)?;
    }
    Ok(std::fs::write(path, text).map_err(named)?)
}

/// The policy of a file, the shipped one without.
pub(crate) fn policy(path: Option<&Path>) -> Result<Policy, Error> {
    let Some(path) = path else { return Ok(Policy::default()) };
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(simulate::policy_from_toml(&text).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// Threads that this process may use.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The processors, where the system says which.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names: Vec<&str> =
        info.lines().filter(|line| line.starts_with("model name")).filter_map(|line| line.split(':').nth(1)).collect();
    names.first().map_or_else(
        || format!("{} x {}", threads(), std::env::consts::ARCH),
        |name| format!("{} x {}", names.len(), name.trim()),
    )
}

/// Memory of this process, where the system says it.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1_024)
}

/// Today in UTC, as year-month-day.
fn date() -> String {
    time::OffsetDateTime::from(SystemTime::now()).date().to_string()
}
