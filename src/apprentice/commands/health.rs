//! `apprentice health`: whether a proxy answers, for the health checks of containers that have no other program.

use std::process::ExitCode;
use std::time::Duration;

use crate::cli::AdminListener;
use crate::commands::admin_client::AdminClient;
use crate::output::print_line;
use crate::{Outcome, app};

/// A listener that is well answers in milliseconds; whoever runs checks waits for more than this.
const LIMIT: Duration = Duration::from_secs(2);

/// Asks the admin listener whether requests are answered.
pub(crate) fn health(listener: &AdminListener) -> Outcome {
    let client = AdminClient::without_token(listener)?;
    let (_, answer) = app::runtime()?.block_on(async {
        let asked = tokio::time::timeout(LIMIT, client.ask_text("/readyz")).await;
        asked.map_err(|_| format!("no answer from {} within {} s", listener.admin, LIMIT.as_secs()))?
    })?;
    let answer = answer.trim_end();
    if answer != "ready" {
        return Err(format!("{} says {answer:.80}, not ready; is it the admin listener?", listener.admin).into());
    }
    print_line(answer)?;
    Ok(ExitCode::SUCCESS)
}
