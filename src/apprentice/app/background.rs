//! What runs beside the serving threads, each a loop that ends when the program is told to stop.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use gateway::{Gateway, Students};
use ledger::Ledger;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

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

/// Runs `work` on one thread from its beginning to its end. A lesson's processes are killed with the *thread* that started
/// them (`PR_SET_PDEATHSIG`), and the runtime's own threads come and go.
pub(crate) async fn on_its_own_thread(name: &str, work: impl Future<Output = ()> + Send + 'static) {
    let (ended, end) = oneshot::channel::<()>();
    let runtime = Handle::current();
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
        runtime.block_on(work);
        drop(ended);
    });
    match thread {
        // Nothing is ever sent: what is awaited is that the other end is gone, after a panic too.
        Ok(_) => end.await.unwrap_or_default(),
        Err(error) => tracing::error!(name, %error, "the thread cannot be started"),
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

#[cfg(test)]
mod tests;
