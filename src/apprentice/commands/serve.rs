//! `apprentice serve`: start everything, wait for a signal, stop everything; tell the service manager of each, if there is one.

mod manager;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use crate::Outcome;
use crate::app::{self, App};
use crate::output::print_line;
use crate::settings::Settings;

/// Runs until SIGINT or SIGTERM; SIGHUP reads the configuration again.
pub(crate) fn serve(config: &Path) -> Outcome {
    let settings = Settings::load(config)?;
    raise_descriptor_limit();
    let drain = Duration::from_secs(settings.proxy.drain_s);
    app::runtime()?.block_on(async {
        let app = App::start(settings, Some(config), None)?;
        let [proxy, admin] = app.schemes;
        say(&format!("proxy  {proxy}://{}/v1   (or /s/SITE/v1 to name the call site)", app.proxy));
        say(&format!("admin  {admin}://{}   token in {}", app.admin, app.token_source));
        say(&format!("teacher's key: {}", app.key_source));
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let mut hangup = signal(SignalKind::hangup())?;
        // Both ports are open, and whoever hears of it may send a signal.
        manager::ready(&app);
        manager::watch_over(&app);
        loop {
            tokio::select! {
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                _ = hangup.recv() => manager::reload(&app).await,
            }
        }
        say("stopping: running requests may finish");
        manager::stopping(drain);
        app.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Takes as many descriptors as the machine allows: shells and service managers often give 1,024, and every request needs two.
fn raise_descriptor_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, ?current, "the limit of open descriptors stays as it is");
    }
}

/// Nothing that cannot be said ends the proxy.
fn say(line: &str) {
    if let Err(error) = print_line(line) {
        tracing::warn!(%error, line, "this could not be said");
    }
}
