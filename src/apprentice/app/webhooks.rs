//! Tells the configured addresses of every transition of a call site. Reads the hand-over log's newest entries, so
//! nothing waits for a webhook; one that cannot be reached is tried a few times, then told nothing of that transition.

use std::sync::Arc;
use std::time::Duration;

use handover::{Entry, Record};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Uri};
use ledger::Ledger;
use teacher::{Client, Endpoint, Outgoing};
use telemetry::Metrics;
use tokio::sync::watch;

use crate::app::{Error, background};
use crate::settings::sections::Webhooks;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Newest entries that are looked at; more transitions between two looks are not told.
const ENTRIES_MAX: usize = 1_000;
const TRIES: u32 = 3;
const TIME_MAX: Duration = Duration::from_secs(10);

/// One address.
pub(crate) struct Webhook {
    url: String,
    client: Client,
    path: &'static str,
}

/// The configured addresses. Their connections belong to the runtime that this is called on.
pub(crate) fn webhooks(section: &Webhooks) -> Result<Vec<Webhook>, Error> {
    let webhook = |url: &String| {
        let failed = |error: &dyn std::fmt::Display| format!("webhooks.urls: {error}");
        let endpoint = Endpoint::new(url, None, None).map_err(|error| failed(&error))?;
        let client = Client::new(&endpoint).map_err(|error| failed(&error))?;
        // The client puts what follows `/v1` behind the address's own path.
        let bare = url.parse::<Uri>().is_ok_and(|uri| uri.path() == "/");
        Ok::<_, String>(Webhook { url: url.clone(), client, path: if bare { "/" } else { "/v1" } })
    };
    Ok(section.urls.iter().map(webhook).collect::<Result<_, _>>()?)
}

/// Tells of every transition from now on, until the program stops.
pub(crate) async fn tell(
    webhooks: Vec<Webhook>,
    ledger: Arc<Ledger>,
    metrics: Arc<Metrics>,
    stopped: watch::Receiver<bool>,
) {
    let newest = |ledger: &Ledger| ledger.entries(None, None, 1).first().map(|entry| entry.seq);
    let mut told = newest(&ledger);
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = background::told(stopped.clone()) => return,
        }
        if newest(&ledger) == told {
            continue;
        }
        let mut entries = ledger.entries(None, None, ENTRIES_MAX);
        entries.retain(|entry| told.is_none_or(|told| entry.seq > told));
        told = entries.first().map_or(told, |entry| Some(entry.seq));
        for entry in entries.iter().rev().filter(|entry| matches!(entry.record, Record::Switch(_))) {
            for webhook in &webhooks {
                let sent = send(webhook, entry).await;
                metrics.webhooks_total(if sent { "sent" } else { "failed" }).inc();
            }
        }
    }
}

/// Posts an entry as it stands in the log; says whether somebody took it.
async fn send(webhook: &Webhook, entry: &Entry) -> bool {
    let Ok(body) = serde_json::to_vec(entry) else { return false };
    for attempt in 1..=TRIES {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let body = Outgoing::Whole(body.clone().into());
        let asked = webhook.client.send(&Method::POST, webhook.path, None, &headers, body);
        match tokio::time::timeout(TIME_MAX, asked).await {
            Ok(Ok(answer)) if answer.status().is_success() => return true,
            Ok(Ok(answer)) => tracing::warn!(url = webhook.url, status = %answer.status(), attempt, "webhook refused"),
            Ok(Err(error)) => tracing::warn!(url = webhook.url, error = error.message, attempt, "webhook failed"),
            Err(_) => tracing::warn!(url = webhook.url, attempt, "webhook did not answer in time"),
        }
        tokio::time::sleep(LOOK_EVERY * attempt).await;
    }
    false
}
