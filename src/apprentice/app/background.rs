//! What runs beside the serving threads, each a loop that ends when the program is told to stop.

use std::sync::Arc;
use std::time::Duration;

use gateway::{Gateway, Students};
use ledger::Ledger;
use tokio::sync::watch;

use crate::app::now_ms;

/// How often rollbacks that took effect in memory are written, and a log that failed is tried again.
const FLUSH_EVERY: Duration = Duration::from_millis(100);

/// Waits until the program is told to stop.
pub(crate) async fn told(mut stopped: watch::Receiver<bool>) {
    // An error says that the program is gone, which is as good a reason to stop.
    stopped.wait_for(|stopped| *stopped).await.map(drop).unwrap_or_default();
}

/// Opens the versions on trial and serving, so that no client waits for it.
pub(crate) async fn warm(students: Arc<dyn Students>, ledger: Arc<Ledger>) {
    let open = move || {
        for view in ledger.views() {
            for version in view.active() {
                if let Err(problem) = students.open(&view.site, version) {
                    tracing::error!(site = %view.site, %version, problem, "a version cannot be opened");
                }
            }
        }
    };
    if tokio::task::spawn_blocking(open).await.is_err() {
        tracing::error!("opening the versions failed");
    }
}

/// Makes the audits that were planned.
pub(crate) async fn audit(audits: gateway::Audits, gateway: Arc<Gateway>, stopped: watch::Receiver<bool>) {
    tokio::select! {
        worked = audits.work(gateway) => if let Err(error) = worked { tracing::error!(%error, "audits stopped") },
        () = told(stopped) => {}
    }
}

/// Writes what the ledger could not write at once; a last time when the program stops.
pub(crate) async fn flush(ledger: Arc<Ledger>, stopped: watch::Receiver<bool>) {
    loop {
        let stopping = tokio::select! {
            () = tokio::time::sleep(FLUSH_EVERY) => false,
            () = told(stopped.clone()) => true,
        };
        let ledger = ledger.clone();
        if tokio::task::spawn_blocking(move || ledger.flush(now_ms())).await.is_err() {
            tracing::error!("writing the hand-over log failed");
        }
        if stopping {
            return;
        }
    }
}
