//! Exchanges that no client had, into the exchange log: directly, or, where a running proxy holds it, through that.

use callsite::SiteId;
use capture::{CaptureError, CaptureStore, Exchange};
use serde_json::Value;
use store::StoreError;

use super::admin_client::AdminClient;
use crate::app;
use crate::cli::AdminAccess;
use crate::output::eprint_line;
use crate::settings::Settings;

/// Bytes of exchanges that are sent at a time.
const BATCH_BYTES: usize = 8 << 20;

/// Adds `exchanges` of `site`; when it returns they survive a crash.
pub(super) async fn add(
    settings: &Settings,
    access: &AdminAccess,
    site: &SiteId,
    exchanges: &[Exchange],
) -> Result<(), app::Error> {
    match app::exchange_log(settings, &settings.data.dir) {
        Ok(log) => {
            let appended = tokio::task::block_in_place(|| log.append(exchanges.to_vec()))?;
            told(appended.too_large, appended.not_redacted);
            Ok(())
        }
        Err(CaptureError::Store(StoreError::InUse(_))) => send(access, site, exchanges).await,
        Err(error) => Err(error.into()),
    }
}

async fn send(access: &AdminAccess, site: &SiteId, exchanges: &[Exchange]) -> Result<(), app::Error> {
    let admin = AdminClient::new(access)?;
    let path = format!("/admin/call-sites/{site}/exchanges");
    let mut lines = String::new();
    let (mut too_large, mut not_redactable) = (0, 0);
    let mut count = |answer: Value| {
        too_large += answer["too_large"].as_u64().unwrap_or_default();
        not_redactable += answer["not_redactable"].as_u64().unwrap_or_default();
    };
    for exchange in exchanges {
        lines.push_str(&serde_json::to_string(exchange)?);
        lines.push('\n');
        if lines.len() > BATCH_BYTES {
            count(admin.send_lines(&path, std::mem::take(&mut lines)).await?);
        }
    }
    if !lines.is_empty() {
        count(admin.send_lines(&path, lines).await?);
    }
    told(too_large, not_redactable);
    Ok(())
}

/// Says what was not kept.
fn told(too_large: u64, not_redactable: u64) {
    for (count, why) in [(too_large, "too large"), (not_redactable, "against capture.redact")] {
        if count > 0 {
            eprint_line(&format!("{count} exchanges were {why} and are not kept"));
        }
    }
}
