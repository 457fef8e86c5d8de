//! The gateway as it is configured.

use std::sync::Arc;
use std::time::Duration;

use callsite::SiteId;
use capture::Capture;
use gateway::{Activity, Auditor, Gateway, Guard, Key, Keys, Outages, Sentinels, Students};
use ledger::Ledger;
use net::OwnHosts;

use crate::app::{Error, Shared, judges, now_ms, prices, secrets};
use crate::settings::Settings;
use crate::settings::sections::ProxyKey;

/// What was opened for it.
pub(super) struct Parts<'a> {
    pub(super) endpoint: &'a teacher::Endpoint,
    pub(super) ledger: &'a Arc<Ledger>,
    pub(super) students: &'a Arc<dyn Students>,
    /// Where exchanges go, if the log could be opened.
    pub(super) capture: Option<Capture>,
    pub(super) auditor: Auditor,
    pub(super) activity: &'a Arc<Activity>,
}

/// The proxy's own keys.
fn keys(settings: &Settings) -> Result<Keys, Error> {
    let key = |(name, key): (&String, &ProxyKey)| {
        let hash = blake3::Hash::from_hex(&key.hash).map_err(|_| {
            format!("keys.{name}.hash is not 64 hex digits: `apprentice key {name}` makes a key and says its hash")
        })?;
        let site =
            key.site.as_deref().map(SiteId::new).transpose().map_err(|error| format!("keys.{name}.site: {error}"))?;
        Ok(Key::new(name, *hash.as_bytes(), site, key.requests_per_minute, key.tokens_per_day))
    };
    settings.keys.iter().map(key).collect::<Result<_, Error>>().map(Keys::new)
}

/// Puts it together; `seed` makes the dice repeatable.
pub(super) fn gateway(shared: &Shared, parts: Parts<'_>, seed: Option<u64>) -> Result<Arc<Gateway>, Error> {
    let Shared { settings, data, metrics, rules, .. } = shared;
    let Parts { endpoint, ledger, students, capture, auditor, activity } = parts;
    Ok(Arc::new(Gateway {
        guard: Guard { hosts: OwnHosts::new(&settings.proxy.hosts), origins: settings.proxy.origins.clone() },
        keys: keys(settings)?,
        body_bytes_max: settings.proxy.body_mb << 20,
        connections: settings.proxy.limits(),
        endpoint: endpoint.clone(),
        parameters: settings.teacher.parameters.clone(),
        distillable: settings.teacher.distillable,
        rules: rules.clone(),
        callsites: shared.found.callsites(settings)?,
        repeats: gateway::Repeats::new(settings.callsites.repeat_s * 1_000),
        early: gateway::Early::default(),
        continued: gateway::Continued::default(),
        ledger: ledger.clone(),
        students: students.clone(),
        student_time: Duration::from_secs_f64(settings.student.answer_seconds_max),
        capture: capture.filter(|_| settings.capture.enabled),
        auditor,
        similarity: shared.similarity()?,
        judge: judges::judge(settings, endpoint, data, metrics)?,
        sentinels: Sentinels::default(),
        outages: Outages::default(),
        upgrades: gateway::Upgrades::default(),
        offline_fallback: settings.offline.fallback,
        activity: activity.clone(),
        prices: prices(settings)?,
        metrics: metrics.clone(),
        spans: shared.traces.spans(),
        dice: secrets::dice(seed)?,
        clock: now_ms,
    }))
}
