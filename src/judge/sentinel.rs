//! How far a judge can be trusted: answers whose quality is known are put to it, and the same ones twice.
//!
//! Always asked anew: a verdict from the cache would say nothing of the judge as it is today.

use verify::clopper_pearson_lower;
use wire::Prompt;

use crate::{Judge, JudgeError};

/// Good and bad answers of a sentinel set, each (science 2.8).
const SENTINELS_EACH: usize = 50;
/// A judge that agrees with itself less often on what is bad is not to be relied on (science 5.4).
const AGREEMENT_MIN: f64 = 0.9;
/// The lower bound of the sensitivity errs with at most this probability.
const SENSITIVITY_ALPHA: f64 = 0.05;

/// An answer of known quality beside one that is good.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub prompt: Prompt,
    /// A good answer, in the teacher's place.
    pub reference: String,
    /// The answer that is judged, in the student's place.
    pub text: String,
    /// Whether it is known to be good: written or approved by a person, or a good one that was corrupted on purpose.
    pub good: bool,
}

/// What a judge made of cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calibration {
    pub good: u64,
    pub good_passed: u64,
    pub bad: u64,
    pub bad_seen: u64,
}

impl Calibration {
    fn count(&mut self, good: bool, judged_bad: bool) {
        let (all, right) =
            if good { (&mut self.good, &mut self.good_passed) } else { (&mut self.bad, &mut self.bad_seen) };
        *all += 1;
        *right += u64::from(good != judged_bad);
    }

    /// Share of the cases that were judged right, in [0, 1]; 0 without cases.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        share(self.good_passed + self.bad_seen, self.good + self.bad)
    }

    /// The lower 95 % bound of how often the judge sees that an answer is bad; want 100 bad cases or more.
    #[must_use]
    pub fn sensitivity_lower(&self) -> f64 {
        clopper_pearson_lower(self.bad_seen, self.bad, SENSITIVITY_ALPHA)
    }

    /// The level at which a test of this judge's verdicts must be run so that the truth keeps `alpha`: it sees only a
    /// share of the bad answers (science 2.8).
    #[must_use]
    pub fn alpha_eff(&self, alpha: f64) -> f64 {
        alpha * self.sensitivity_lower()
    }
}

/// Puts every case to the judge.
///
/// # Errors
/// As [`Judge::prefer`]; the first failure ends it.
pub async fn calibrate(judge: &Judge, cases: &[Case], now_ms: u64) -> Result<Calibration, JudgeError> {
    let mut found = Calibration::default();
    for case in cases {
        found.count(case.good, judged_bad(judge, case, now_ms).await?);
    }
    Ok(found)
}

/// Fifty good and fifty bad answers that a judge sees again and again: its accuracy on them is watched.
#[derive(Clone, Debug)]
pub struct Sentinel(Vec<Case>);

impl Sentinel {
    /// # Errors
    /// [`JudgeError::Sentinels`] with fewer than 50 good or fewer than 50 bad cases.
    pub fn new(cases: Vec<Case>) -> Result<Self, JudgeError> {
        let good = cases.iter().filter(|case| case.good).count();
        let bad = cases.len() - good;
        if good.min(bad) < SENTINELS_EACH {
            return Err(JudgeError::Sentinels { good, bad, wanted: SENTINELS_EACH });
        }
        Ok(Self(cases))
    }

    /// What the judge makes of them today.
    ///
    /// # Errors
    /// As [`calibrate`].
    pub async fn examine(&self, judge: &Judge, now_ms: u64) -> Result<Calibration, JudgeError> {
        calibrate(judge, &self.0, now_ms).await
    }
}

/// How often two verdicts on the same case agree on whether it is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    pub same: u64,
    pub all: u64,
}

impl Agreement {
    /// In [0, 1]; 0 without cases.
    #[must_use]
    pub fn share(&self) -> f64 {
        share(self.same, self.all)
    }

    /// At least 0.9: the judge's sensitivity may be relied on.
    #[must_use]
    pub fn suffices(&self) -> bool {
        self.share() >= AGREEMENT_MIN
    }
}

/// Puts every case to the judge twice; 30 of them are enough (science 5.4).
///
/// # Errors
/// As [`calibrate`].
pub async fn test_retest(judge: &Judge, cases: &[Case], now_ms: u64) -> Result<Agreement, JudgeError> {
    let mut found = Agreement { same: 0, all: 0 };
    for case in cases {
        let first = judged_bad(judge, case, now_ms).await?;
        found.same += u64::from(first == judged_bad(judge, case, now_ms).await?);
        found.all += 1;
    }
    Ok(found)
}

async fn judged_bad(judge: &Judge, case: &Case, now_ms: u64) -> Result<bool, JudgeError> {
    Ok(judge.prefer_anew(&case.prompt, &case.text, &case.reference, now_ms).await?.is_bad())
}

#[expect(clippy::cast_precision_loss, reason = "counts of judged answers")]
fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}
