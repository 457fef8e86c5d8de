use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::*;

/// A site with its log, driven as the ledger drives it.
#[derive(Default)]
struct Driven {
    site: Site,
    log: Vec<Record>,
    policy: Policy,
}

impl Driven {
    fn write(&mut self, record: Record) {
        self.site.apply(self.log.len() as u64, &record, &self.policy);
        self.log.push(record);
        while let Some(due) = self.site.due(&self.policy) {
            let record = Record::Switch(due);
            self.site.apply(self.log.len() as u64, &record, &self.policy);
            self.log.push(record);
        }
    }

    fn candidate(&mut self, version: &str) {
        let grid = vec![0.9, 0.5, 0.0];
        self.write(Record::Candidate(Candidate { version: version.into(), grid, exam: 1.0 }));
    }

    fn audit(&mut self, quality: f64) {
        let version = self.site.trial.as_ref().map_or_else(String::new, |trial| trial.version.clone());
        let request = self.log.len().to_string();
        self.write(Record::Audit(Audit { request, version, quality, confidence: 0.99, verified: true, served: false }));
    }

    fn steer(&mut self, steer: Steer) -> Result<(), SteerError> {
        let switch = self.site.steer(&steer, Some("test".into()), &self.policy)?;
        self.write(Record::Switch(switch));
        Ok(())
    }

    fn until(&mut self, state: State, quality: f64, limit: usize) -> usize {
        (1..=limit)
            .find(|_| {
                self.audit(quality);
                self.site.state == state
            })
            .unwrap_or_else(|| panic!("never {state:?}"))
    }

    fn replayed(&self) -> Site {
        let mut site = Site::default();
        self.log.iter().enumerate().for_each(|(at, record)| site.apply(at as u64, record, &self.policy));
        site
    }
}

#[test]
fn a_good_version_walks_from_teacher_to_student_on_evidence() {
    let mut driven = Driven::default();
    driven.candidate("1");
    assert_eq!(driven.site.state, State::Shadow);
    // alpha_1 = 0.05 * 6 / pi^2: a few audits more than the 43 of alpha = 0.05.
    let shadow = driven.until(State::Canary, 1.0, 80);
    assert!((44..=60).contains(&shadow), "{shadow} audits in shadow");
    assert_eq!(driven.until(State::Student, 1.0, 80), 30);
    assert_eq!(driven.site.last_switch.as_ref().unwrap().cause, Cause::Evidence);
}

#[test]
fn a_bad_version_never_leaves_shadow() {
    let mut driven = Driven::default();
    driven.candidate("1");
    (0..2000).for_each(|at| driven.audit(f64::from(u8::from(at % 4 != 0))));
    assert_eq!(driven.site.state, State::Shadow);
    assert!(!driven.site.missing(&driven.policy).is_empty());
}

#[test]
fn drift_sends_the_site_back_and_a_new_version_starts_with_less_budget() {
    let mut driven = Driven::default();
    driven.candidate("1");
    let first = driven.until(State::Canary, 1.0, 80);
    driven.until(State::Student, 1.0, 80);
    assert!(driven.until(State::Teacher, 0.0, 20) <= 10);
    assert_eq!(driven.site.last_switch.as_ref().unwrap().cause, Cause::Drift);
    assert!(driven.site.trial.is_none() && driven.site.stale_before_ms.is_some());
    driven.candidate("2");
    assert!(driven.until(State::Canary, 1.0, 120) > first);
}

#[test]
fn a_rollback_always_wins_and_holds_until_released() {
    let mut driven = Driven::default();
    driven.candidate("1");
    driven.until(State::Student, 1.0, 200);
    driven.steer(Steer::Rollback { to: None }).unwrap();
    assert_eq!(driven.site.state, State::Held);
    assert_eq!(driven.site.plan(&driven.policy, Dice { route: 0.0, audit: 0.0 }), Plan::teacher("held"));
    (0..100).for_each(|_| driven.audit(1.0));
    assert_eq!(driven.site.state, State::Held);
    driven.steer(Steer::Promote).unwrap();
    assert_ne!(driven.site.state, State::Held);
}

#[test]
fn nobody_can_promote_past_the_evidence() {
    let mut driven = Driven::default();
    assert!(driven.steer(Steer::Promote).unwrap_err().to_string().contains("no version has passed its exam"));
    driven.candidate("1");
    assert!(driven.steer(Steer::Promote).unwrap_err().to_string().contains("lower bound"));
    let error = driven.steer(Steer::Rollback { to: Some("9".into()) }).unwrap_err();
    assert!(error.to_string().contains("`9` was never proven"));
}

#[test]
fn a_rollback_to_a_proven_version_serves_it_again() {
    let mut driven = Driven::default();
    driven.candidate("1");
    driven.until(State::Student, 1.0, 200);
    driven.until(State::Teacher, 0.0, 20);
    driven.candidate("2");
    driven.until(State::Student, 1.0, 200);
    driven.steer(Steer::Rollback { to: Some("1".into()) }).unwrap();
    let plan = driven.site.plan(&driven.policy, Dice { route: 0.5, audit: 0.5 });
    assert!(matches!(plan.route, Route::Student { ref version, .. } if version == "1"), "{plan:?}");
}

#[test]
fn the_share_served_locally_follows_the_state() {
    let mut driven = Driven::default();
    let local = |driven: &Driven| {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let plans =
            (0..1000).map(|_| driven.site.plan(&driven.policy, Dice { route: rng.random(), audit: rng.random() }));
        plans.filter(|plan| plan.route != Route::Teacher).count()
    };
    driven.candidate("1");
    assert_eq!(local(&driven), 0);
    driven.until(State::Canary, 1.0, 80);
    assert!((60..140).contains(&local(&driven)), "{}", local(&driven));
    driven.until(State::Student, 1.0, 80);
    assert_eq!(local(&driven), 1000);
}

#[test]
fn any_history_replays_to_the_same_site() {
    for seed in 0..50 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut driven = Driven::default();
        for step in 0..400 {
            match rng.random_range(0..100) {
                0..3 => driven.candidate(&step.to_string()),
                3 => drop(driven.steer(Steer::Rollback { to: None })),
                4..6 => drop(driven.steer(Steer::Promote)),
                _ => {
                    let quality = f64::from(u8::from(rng.random::<f64>() < 0.97));
                    driven.audit(quality);
                }
            }
            assert!(driven.site.trial.is_some() || !matches!(driven.site.state, State::Canary | State::Student));
        }
        assert_eq!(driven.replayed(), driven.site, "seed {seed}");
    }
}

#[test]
fn a_policy_that_cannot_work_says_so() {
    assert!(Policy::default().problems().is_empty());
    let policy = Policy { quality_floor: 0.95, audit_share_serving: 0.0, ..Policy::default() };
    assert_eq!(policy.problems().len(), 2);
}
