//! What there is to say of the teacher: keys, its answer, and the clocks, of which [`super::machine`] says what they mean.

use std::time::UNIX_EPOCH;

use super::machine;
use crate::app;
use crate::app::{secrets, teacher_check};
use crate::finding::Finding;
use crate::settings::Settings;

/// Key, address, models and clock.
pub(super) async fn look(settings: &Settings) -> Vec<Finding> {
    // What is wrong with its address is said elsewhere.
    let Ok(endpoint) = app::teacher(settings) else { return Vec::new() };
    let now_s = app::now_ms() / 1_000;
    let checked = teacher_check::check(settings, &endpoint, &[], now_s).await;
    let used = secrets::key_source(settings, &endpoint).map_err(|error| error.to_string());
    let mut found = vec![Finding::of("teacher's key", used, "see proxy.listen, proxy.open and [keys]")];
    found.extend(
        secrets::token_missing(settings)
            .map(|missing| Finding::fail("admin token", missing, "set the variable, or listen on 127.0.0.1")),
    );
    found.extend(checked.found);
    found.push(machine::clock(now_s, built_s(), checked.teacher_s));
    found
}

/// When this program's file was written.
fn built_s() -> Option<u64> {
    let modified = std::env::current_exe().and_then(std::fs::metadata).and_then(|file| file.modified()).ok()?;
    Some(modified.duration_since(UNIX_EPOCH).ok()?.as_secs())
}
