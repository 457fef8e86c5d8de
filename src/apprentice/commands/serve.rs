//! `apprentice serve`: start everything, wait for a signal, stop everything.

use std::path::Path;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::Outcome;
use crate::app::{self, App};
use crate::output::print_line;
use crate::settings::Settings;

/// Runs until SIGINT or SIGTERM.
pub(crate) fn serve(config: &Path) -> Outcome {
    let settings = Settings::load(config)?;
    app::runtime()?.block_on(async {
        let app = App::start(settings, None)?;
        say(&format!("proxy  http://{}/v1   (or /s/SITE/v1 to name the call site)", app.proxy));
        say(&format!("admin  http://{}   token in {}", app.admin, app.token_source));
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        say("stopping: running requests may finish");
        app.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// Nothing that cannot be said ends the proxy.
fn say(line: &str) {
    if let Err(error) = print_line(line) {
        tracing::warn!(%error, line, "this could not be said");
    }
}
