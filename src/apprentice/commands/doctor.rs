//! `apprentice doctor`: everything around a configuration, looked at all at once and for no longer than a person waits. Starts nothing, changes nothing.
//!
//! What is looked at is gathered in [`around`] (files, disk, memory), [`listening`] (ports) and [`teaching`] (the teacher); each hands
//! facts to functions that judge them: [`machine`], and `app::teacher_check`, which a running proxy looks with as well.

mod around;
mod listening;
mod machine;
mod teaching;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::cli::Doctor;
use crate::commands::findings;
use crate::finding::{Finding, State};
use crate::output::{Colour, print_line, print_marked};
use crate::settings::Settings;
use crate::{Outcome, app};

/// When what is not known by then is called unknown.
const TIME: Duration = Duration::from_millis(2_800);
/// Columns of a finding's name.
const NAME_COLUMNS: usize = 18;

type Look = fn(&Settings) -> Vec<Finding>;

/// What is looked at beside the network, in the order in which it is said.
const LOOKS: [(&str, Look); 5] = [
    ("teacher", findings::of_teacher),
    ("base model", findings::of_base),
    ("ONNX Runtime", around::of_library),
    ("memory", around::of_weights),
    ("the machine", around::of_machine),
];

/// Looks and says; a failure is in the exit code.
pub(crate) fn doctor(arguments: &Doctor) -> Outcome {
    let found = examined(&arguments.config.config)?;
    let worst = found.iter().map(|finding| finding.state).max().unwrap_or(State::Ok);
    if arguments.json {
        print_line(&serde_json::json!({"state": worst, "findings": found}).to_string())?;
    } else {
        found.iter().try_for_each(tell)?;
        print_line(conclusion(worst))?;
    }
    Ok(if worst == State::Fail { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn examined(path: &Path) -> Result<Vec<Finding>, app::Error> {
    let settings = match Settings::load(path) {
        Ok(settings) => Arc::new(settings),
        Err(error) => {
            let todo = "correct the file, or have `apprentice init` write another";
            return Ok(vec![Finding::fail("configuration", error.to_string(), todo)]);
        }
    };
    let mut found = vec![Finding::ok("configuration", path.display().to_string())];
    let runtime = app::runtime()?;
    found.extend(runtime.block_on(all(&settings)));
    // Who still waits for a disk or for the name of a host is not waited for.
    runtime.shutdown_background();
    Ok(found)
}

/// Every look at once.
async fn all(settings: &Arc<Settings>) -> Vec<Finding> {
    let until = Instant::now() + TIME;
    let mut looks: Vec<(&str, JoinHandle<Vec<Finding>>)> = Vec::new();
    for (name, look) in LOOKS {
        let settings = settings.clone();
        looks.push((name, tokio::task::spawn_blocking(move || look(&settings))));
    }
    let (here, there) = (settings.clone(), settings.clone());
    looks.push(("ports", tokio::spawn(async move { listening::look(&here).await })));
    looks.push(("teacher's answer", tokio::spawn(async move { teaching::look(&there).await })));
    let mut found = Vec::new();
    for (name, look) in looks {
        match timeout_at(until, look).await {
            Ok(Ok(findings)) => found.extend(findings),
            Ok(Err(error)) => {
                found.push(Finding::fail("doctor", format!("{name}: {error}"), "report this, with the configuration"))
            }
            Err(_) => found.push(Finding::warn(
                "doctor",
                format!("{name}: not known within {TIME:?}"),
                "try again when the machine is less busy, or have `apprentice check` wait for it; a disk or the network may hang",
            )),
        }
    }
    found
}

fn tell(finding: &Finding) -> std::io::Result<()> {
    let Finding { name, state, said, todo } = finding;
    let colour = match state {
        State::Ok => Colour::Green,
        State::Warn => Colour::Yellow,
        State::Fail => Colour::Red,
    };
    print_marked(colour, &format!("{:<6}", state.name()), &format!("{name:<NAME_COLUMNS$}{said}"))?;
    if todo.is_empty() { Ok(()) } else { print_line(&format!("{:indent$}-> {todo}", "", indent = 6 + NAME_COLUMNS)) }
}

fn conclusion(worst: State) -> &'static str {
    match worst {
        State::Ok => "\nall is well: `apprentice serve`",
        State::Warn => "\n`apprentice serve` will start; what is marked `warn` wants a look",
        State::Fail => "\nwhat is marked `fail` must be put right first",
    }
}
