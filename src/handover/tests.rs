//! Golden vectors computed independently in double precision (formulas of the module docs), simulations
//! with fixed seeds, and the machine's walks.

mod actions;
mod challenger;
mod failures;
mod machine;
mod planning;
mod policy;
mod rules;
mod statistics;

use callsite::VersionId;

use crate::*;

fn version(name: &str) -> VersionId {
    VersionId::new(name).unwrap()
}

/// A site with its log, driven as the ledger drives it.
#[derive(Default)]
struct Driven {
    site: Site,
    log: Vec<Record>,
    policy: Policy,
    basis: Basis,
    failures: Failures,
}

impl Driven {
    fn write(&mut self, record: Record) {
        self.site.apply(self.log.len() as u64, &record);
        self.log.push(record);
        while let Some(due) = self.site.due() {
            let record = Record::Switch(due);
            self.site.apply(self.log.len() as u64, &record);
            self.log.push(record);
        }
    }

    fn candidate(&mut self, name: &str) {
        let (policy, basis) = (self.policy.clone(), self.basis.clone());
        let grid = vec![0.9, 0.5, 0.0];
        self.write(Record::Candidate(Candidate { version: version(name), grid, exam: 1.0, policy, basis }));
    }

    fn outcome(&mut self, name: &str, outcome: AuditOutcome) {
        let request = self.log.len().to_string();
        self.write(Record::Audit(Audit { request, version: version(name), served: false, outcome }));
    }

    fn audit_of(&mut self, name: &str, quality: f64) {
        self.outcome(name, AuditOutcome::Compared { quality, confidence: 0.99, verified: true });
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
        let switch = self.site.operate(&action, Some("test".into()))?;
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
        self.site.plan(&self.policy, &self.failures, Dice { route, audit })
    }

    fn served_by(&self, route: f64) -> String {
        match self.plan(route, 0.99).route {
            Route::Teacher => "teacher".to_owned(),
            Route::Student { version, .. } => version.as_str().to_owned(),
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
