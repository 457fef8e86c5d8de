//! How a student keeps its budgets: does it answer, and soon enough? Not evidence and not in the log: after a restart
//! counting begins anew.
//!
//! Failures in a row send a serving version away at once. Failures and slow answers that are spread out are watched at
//! every attempt by a detector like that of [`drift`](crate::drift) with one gentle bet, since a machine that stalls
//! once makes several attempts fail together: while their share stays within the budget a false alarm comes once in
//! `drift_audits` attempts.

use std::collections::BTreeMap;

use callsite::VersionId;

use crate::drift::next;
use crate::record::Cause;
use crate::{Policy, Trial};

/// What the attempts of each of a site's versions were like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health(BTreeMap<VersionId, Attempts>);

/// About so many misses in a row are past a budget, whatever its share.
const MISSES_IN_A_ROW: f64 = 22.0;

#[derive(Clone, Debug, Default, PartialEq)]
struct Attempts {
    failures_in_a_row: u32,
    errors: Budget,
    slow: Budget,
    /// Why it must not serve, and since when (Unix time).
    failing: Option<(Cause, u64)>,
}

/// Shiryaev-Roberts statistic against "the share of misses is within the budget": its logarithm once one was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Budget(Option<f64>);

impl Budget {
    /// Adds one attempt against the budget `share`, in (0, 1); the alarm is at `log_alarm`. It does not rise past that,
    /// so that what recovers is not held against its past for ever.
    fn observe(&mut self, missed: bool, share: f64, log_alarm: f64) {
        // What a row of misses gains for being a sum, ln(f / (f - 1)), is about two of them.
        let bet = (log_alarm / (MISSES_IN_A_ROW + 2.0)).exp_m1() / (1.0 - share);
        let gain = bet.min(0.9 / share) * (f64::from(u8::from(missed)) - share);
        self.0 = Some(next(self.log_statistic(), gain).min(log_alarm));
    }

    fn log_statistic(&self) -> f64 {
        self.0.unwrap_or(f64::NEG_INFINITY)
    }
}

/// What a version's attempts have come to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Alarm {
    Failures,
    Errors,
    /// Answers that took more than so long (milliseconds).
    Slow(u64),
}

impl Alarm {
    fn cause(self) -> Cause {
        match self {
            Self::Failures => Cause::Failures,
            Self::Errors => Cause::ErrorBudget,
            Self::Slow(_) => Cause::LatencyBudget,
        }
    }
}

impl Attempts {
    fn alarm(&self, policy: &Policy) -> Option<Alarm> {
        let alarm = policy.drift_audits.ln();
        if self.failures_in_a_row >= policy.failures_max {
            Some(Alarm::Failures)
        } else if self.errors.log_statistic() >= alarm {
            Some(Alarm::Errors)
        } else {
            policy.latency_max_ms.filter(|_| self.slow.log_statistic() >= alarm).map(Alarm::Slow)
        }
    }

    fn settle(&mut self, policy: &Policy, at_ms: u64) {
        let alarm = self.alarm(policy).map(|alarm| (alarm.cause(), at_ms));
        self.failing = self.failing.or(alarm);
    }
}

impl Health {
    /// Counts an attempt that gave no answer at `at_ms`.
    pub fn failed(&mut self, version: &VersionId, policy: &Policy, at_ms: u64) {
        let attempts = self.0.entry(version.clone()).or_default();
        attempts.failures_in_a_row = attempts.failures_in_a_row.saturating_add(1);
        attempts.errors.observe(true, policy.errors_max, policy.drift_audits.ln());
        attempts.settle(policy, at_ms);
    }

    /// Counts an answer that took `latency_ms`. It ends a row of failures; a version that is failing already stays so:
    /// its switch is on the way.
    pub fn answered(&mut self, version: &VersionId, policy: &Policy, latency_ms: u64, at_ms: u64) {
        let attempts = self.0.entry(version.clone()).or_default();
        attempts.failures_in_a_row = 0;
        attempts.errors.observe(false, policy.errors_max, policy.drift_audits.ln());
        match policy.latency_max_ms {
            Some(most) => attempts.slow.observe(latency_ms > most, policy.slow_max, policy.drift_audits.ln()),
            None => attempts.slow = Budget::default(),
        }
        attempts.settle(policy, at_ms);
    }

    /// Why `version` must not be asked to serve.
    #[must_use]
    pub fn failing(&self, version: &VersionId) -> Option<Cause> {
        self.0.get(version)?.failing.map(|(cause, _)| cause)
    }

    /// Whether `version` keeps its budgets as things stand.
    #[must_use]
    pub fn is_within_budgets(&self, version: &VersionId, policy: &Policy) -> bool {
        self.0.get(version).is_none_or(|attempts| attempts.alarm(policy).is_none())
    }

    /// What is wrong with `version`, in words.
    #[must_use]
    pub fn missing(&self, version: &VersionId, policy: &Policy) -> Option<String> {
        let (slow, errors) = (policy.slow_max * 100.0, policy.errors_max * 100.0);
        Some(match self.0.get(version)?.alarm(policy)? {
            Alarm::Failures => "the student gives no answer".to_owned(),
            Alarm::Errors => format!("more than {errors:.1}% of its attempts give no answer (errors_max)"),
            Alarm::Slow(most_ms) => {
                format!("more than {slow:.1}% of its answers take over {most_ms} ms (slow_max, latency_max_ms)")
            }
        })
    }

    /// log of the statistics of the error budget and of the latency budget; each is past it at `ln(drift_audits)`.
    #[must_use]
    pub fn log_statistics(&self, version: &VersionId) -> Option<(f64, f64)> {
        self.0.get(version).map(|attempts| (attempts.errors.log_statistic(), attempts.slow.log_statistic()))
    }

    /// When the first of the failing versions began to fail (Unix time).
    #[must_use]
    pub fn since_ms(&self) -> Option<u64> {
        self.0.values().filter_map(|attempts| attempts.failing.map(|(_, at_ms)| at_ms)).min()
    }

    /// After the switches that failing versions called for: forgets versions that are no longer `live`. What is only
    /// compared has nobody to be taken from, and goes on being watched.
    pub fn switched<'a>(&mut self, live: impl Iterator<Item = &'a Trial>) {
        let live: Vec<&VersionId> = live.map(Trial::version).collect();
        self.0.retain(|version, _| live.contains(&version));
        for attempts in self.0.values_mut() {
            (attempts.failing, attempts.failures_in_a_row) = (None, 0);
        }
    }
}
