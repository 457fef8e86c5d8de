//! Does the judge still see what is bad? Every so many verdicts of a site it is put one more pair, whose truth is known:
//! the teacher's answer corrupted on purpose, beside the teacher's answer. A judge that no longer sees as much as its
//! calibration said takes the site back into Shadow, paused: its verdicts are no evidence. Counting begins anew with
//! the process.

use std::collections::BTreeMap;
use std::sync::Arc;

use callsite::SiteId;
use handover::OperatorAction;
use handover::drift::Drift;
use parking_lot::Mutex;
use wire::Prompt;

use crate::Gateway;
use crate::call::Call;

/// Verdicts between two sentinels: a twentieth more of the judge's cost.
const VERDICTS: u64 = 20;
/// Mean sentinels between two false alarms.
const SENTINELS: f64 = 1_000.0;
/// A detector needs room on both sides of what is promised.
const PROMISED: (f64, f64) = (0.10, 0.95);

/// What every site's judge was seen to do.
#[derive(Debug, Default)]
pub struct Sentinels(Mutex<BTreeMap<SiteId, Watched>>);

#[derive(Debug, Default)]
struct Watched {
    verdicts: u64,
    seen: Drift,
}

impl Sentinels {
    /// Counts a verdict; whether a sentinel is due.
    fn is_due(&self, site: &SiteId) -> bool {
        let mut sites = self.0.lock();
        let watched = sites.entry(site.clone()).or_default();
        watched.verdicts += 1;
        watched.verdicts.is_multiple_of(VERDICTS)
    }

    /// Adds what came of one; whether the judge sees clearly less than `sensitivity`.
    fn observe(&self, site: &SiteId, saw_it: bool, sensitivity: f64) -> bool {
        let mut sites = self.0.lock();
        let watched = sites.entry(site.clone()).or_default();
        let (least, most) = PROMISED;
        watched.seen.observe(f64::from(u8::from(saw_it)), sensitivity.clamp(least, most));
        let alarm = watched.seen.log_statistic() >= SENTINELS.ln();
        if alarm {
            watched.seen = Drift::default();
        }
        alarm
    }
}

impl Gateway {
    /// After a verdict: puts a sentinel to the judge where one is due, and follows what comes of it.
    pub(crate) async fn watch_judge(
        self: &Arc<Self>,
        call: &Arc<Call>,
        prompt: &Prompt,
        teacher: &str,
        sensitivity: f64,
    ) {
        if !self.sentinels.is_due(&call.site) {
            return;
        }
        let Some(corrupted) = verify::corrupt(&verify::prompt_key::text(prompt), teacher) else { return };
        let Ok(preference) = self.judge(call, prompt, &corrupted, teacher).await else { return };
        let saw_it = preference < 0.5;
        let outcome = if saw_it { "seen" } else { "missed" };
        self.metrics.judge_sentinels_total(call.site.as_str(), outcome).inc();
        if !self.sentinels.observe(&call.site, saw_it, sensitivity) {
            return;
        }
        let (gateway, site) = (self.clone(), call.site.clone());
        tracing::error!(%site, sensitivity, "the judge no longer sees what is bad: the site is compared and not served");
        let reason = format!(
            "the judge sees fewer corrupted answers than the {sensitivity:.2} of its calibration; `resume` once it is mended"
        );
        // The switch is synced to the disk.
        let switched = tokio::task::spawn_blocking(move || {
            let (at_ms, actor) = ((gateway.clock)(), Some("sentinel".to_owned()));
            gateway.ledger.operate(&site, at_ms, OperatorAction::Shadow, Some(reason), actor)
        });
        if let Ok(Err(error)) = switched.await {
            tracing::error!(site = %call.site, %error, "a site whose judge is blind could not be taken into Shadow");
        }
    }
}
