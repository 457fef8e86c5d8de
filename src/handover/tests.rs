//! Golden vectors computed independently in double precision (formulas of the module docs), simulations
//! with fixed seeds, and the machine's walks.

mod actions;
mod challenger;
mod health;
mod machine;
mod measuring;
mod planning;
mod policy;
mod ratings;
mod routed;
mod rules;
mod statistics;
mod steering;

use callsite::VersionId;

use crate::*;

fn version(name: &str) -> VersionId {
    VersionId::new(name).unwrap()
}

/// A candidate whose exam suggests to serve whatever it says.
fn candidate(name: &str) -> Candidate {
    Candidate {
        version: version(name),
        grid: vec![0.9, 0.5, 0.0],
        likely: Some(0.0),
        exam: 1.0,
        measure: Some(verify::Measure::Exact),
        calibration: None,
        policy: Policy::default(),
        basis: Basis::default(),
    }
}

/// An audit of a prompt that nobody asked before.
fn audit(prompt: u64) -> Audit {
    let outcome = AuditOutcome::NoAnswer;
    Audit {
        request: prompt.to_string(),
        version: version("1"),
        served: false,
        prompt,
        near: prompt,
        user: None,
        features: None,
        outcome,
    }
}

fn compared(quality: f64, confidence: f64, verified: bool) -> AuditOutcome {
    AuditOutcome::Compared { quality, bad: quality < 0.5, confidence, verified, numbers: Numbers::default() }
}

/// A site with its log, driven as the ledger drives it.
#[derive(Default)]
struct Driven {
    site: Site,
    log: Vec<Record>,
    policy: Policy,
    basis: Basis,
    health: Health,
}

impl Driven {
    fn write(&mut self, record: Record) {
        self.site.apply(self.log.len() as u64, &record);
        self.log.push(record);
        while let Some(due) = self.site.due(self.log.len() as u64, &self.policy, &self.health) {
            let record = Record::Switch(due);
            self.site.apply(self.log.len() as u64, &record);
            self.log.push(record);
        }
    }

    fn candidate(&mut self, name: &str) {
        let (policy, basis) = (self.policy.clone(), self.basis.clone());
        self.write(Record::Candidate(Candidate { policy, basis, ..candidate(name) }));
    }

    fn outcome(&mut self, name: &str, outcome: AuditOutcome) {
        let audit = Audit { version: version(name), outcome, ..audit(self.log.len() as u64) };
        self.write(Record::Audit(audit));
    }

    fn audit_of(&mut self, name: &str, quality: f64) {
        self.outcome(name, compared(quality, 0.99, true));
    }

    /// Audits the incumbent.
    fn audit(&mut self, quality: f64) {
        let name = self.incumbent().to_owned();
        self.audit_of(&name, quality);
    }

    fn incumbent(&self) -> &str {
        self.site.incumbent.as_ref().map_or("none", |trial| trial.version().as_str())
    }

    fn challenger(&self) -> &str {
        self.site.challenger.as_ref().map_or("none", |trial| trial.version().as_str())
    }

    fn operate(&mut self, action: OperatorAction) -> Result<(), ActionError> {
        let switch = self.site.operate(
            self.log.len() as u64,
            &self.policy,
            &action,
            Some("test".into()),
            Some("tester".into()),
        )?;
        self.write(Record::Switch(switch));
        Ok(())
    }

    /// Follows changed rules as the ledger does.
    fn rules_changed(&mut self) {
        while let Some(record) = self.site.due_to_rules(&self.policy, &self.basis) {
            self.write(record);
        }
    }

    fn until(&mut self, state: State, quality: f64, limit: usize) -> usize {
        (1..=limit)
            .find(|_| {
                self.audit(quality);
                self.site.state == state
            })
            .unwrap_or_else(|| panic!("never {state:?}"))
    }

    /// A site that serves version `name`.
    fn serving(name: &str) -> Self {
        let mut driven = Self::default();
        driven.candidate(name);
        driven.until(State::Student, 1.0, 200);
        driven
    }

    /// Audits the challenger until it serves its first share.
    fn challenger_serves(&mut self) {
        let name = self.challenger().to_owned();
        while self.site.challenger.as_ref().unwrap().step.is_none() {
            self.audit_of(&name, 1.0);
        }
    }

    fn plan(&self, route: f64, audit: f64) -> Plan {
        self.site.plan(&self.policy, None, &self.health, Dice { route, audit })
    }

    fn served_by(&self, route: f64) -> String {
        match self.plan(route, 0.99).route {
            Route::Teacher => "teacher".to_owned(),
            Route::Student { candidate, .. } => candidate.version.as_str().to_owned(),
        }
    }

    fn replayed(&self) -> Site {
        let mut site = Site::default();
        self.log.iter().enumerate().for_each(|(at, record)| site.apply(at as u64, record));
        site
    }

    fn last(&self) -> &Switch {
        self.site.last_switch.as_ref().unwrap()
    }
}
