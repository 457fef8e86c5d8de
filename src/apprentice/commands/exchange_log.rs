//! Exchanges that no client had, into the exchange log: directly, or, where a running proxy holds it, through that.

use callsite::SiteId;
use capture::{CaptureError, CaptureStore, Exchange};
use store::StoreError;

use super::admin_client::AdminClient;
use crate::app;
use crate::cli::AdminAccess;
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
            tokio::task::block_in_place(|| log.append(exchanges))?;
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
    for exchange in exchanges {
        lines.push_str(&serde_json::to_string(exchange)?);
        lines.push('\n');
        if lines.len() > BATCH_BYTES {
            admin.send_lines(&path, std::mem::take(&mut lines)).await?;
        }
    }
    if !lines.is_empty() {
        admin.send_lines(&path, lines).await?;
    }
    Ok(())
}
