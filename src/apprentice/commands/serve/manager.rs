//! What a service manager is told (sd_notify(3); systemd, `Type=notify` and `notify-reload`): that both ports are open, that the configuration is
//! read again, that the program ends, that it is alive. Where `NOTIFY_SOCKET` is not set nobody is told; `sd_notify` reads it, and
//! `WATCHDOG_USEC`, by itself. Decides nothing: a manager that cannot be told is a line in the log.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::app::App;

/// Beyond the time that running requests get: what waits is written, a lesson writes down where it stands.
const ENDING: Duration = Duration::from_secs(15);
/// Signs of life within the time after which the manager takes the program for dead.
const SIGNS: u32 = 3;

/// Says that requests are served, and where.
pub(super) fn ready(app: &App) {
    tell(&[NotifyState::Ready, NotifyState::Status(&addresses(app))]);
}

/// Reads the configuration again, and says so before and afterwards.
pub(super) async fn reload(app: &App) {
    match NotifyState::monotonic_usec_now() {
        // One message: a manager that waits for the reload compares the time with its own.
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "the service manager is not told of the reload: the system has no clock"),
    }
    let in_force = app.reload().await;
    let addresses = addresses(app);
    let kept = format!("{addresses}; the configuration was wrong and not read again: see the log");
    tell(&[NotifyState::Ready, NotifyState::Status(if in_force { &addresses } else { &kept })]);
}

/// Says that the program ends, and how long that may take.
pub(super) fn stopping(drain: Duration) {
    let most = u32::try_from((drain + ENDING).as_micros()).unwrap_or(u32::MAX);
    let status = NotifyState::Status("stopping: running requests may finish");
    tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(most), status]);
}

/// Gives signs of life as long as every serving thread gives one, where the manager asked for it. One that hangs is not covered up.
pub(super) fn watch_over(app: &App) {
    let Some(patience) = sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero()) else { return };
    let pulse = app.serving.pulse.clone();
    tokio::spawn(async move {
        loop {
            if pulse.feel() {
                tell(&[NotifyState::Watchdog]);
            } else {
                tracing::error!("a serving thread takes no turns: the service manager gets no sign of life");
            }
            tokio::time::sleep(patience / SIGNS).await;
        }
    });
}

fn addresses(app: &App) -> String {
    let [proxy, admin] = app.schemes;
    format!("proxy {proxy}://{}, admin {admin}://{}", app.proxy, app.admin)
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told: see NOTIFY_SOCKET");
    }
}
