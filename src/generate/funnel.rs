//! How many went into every filter and came out, beside what the seeds' authors published.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub name: String,
    pub came: u64,
    pub left: u64,
    /// By the reason.
    pub dropped: BTreeMap<String, u64>,
    /// The share that passed this step in the publication that the recipe is from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub published: Option<f64>,
}

/// The steps of a run, in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Funnel {
    pub steps: Vec<Step>,
}

impl Funnel {
    /// Something reached step `name`: it passed, or was dropped for `reason`.
    pub fn count(&mut self, name: &str, dropped: Option<&str>) {
        let step = self.step(name);
        step.came += 1;
        match dropped {
            None => step.left += 1,
            Some(reason) => *step.dropped.entry(reason.to_owned()).or_default() += 1,
        }
    }

    /// Something that passed step `name` is dropped after all.
    pub fn revoke(&mut self, name: &str, reason: &str) {
        let step = self.step(name);
        step.left = step.left.saturating_sub(1);
        *step.dropped.entry(reason.to_owned()).or_default() += 1;
    }

    /// The published share of step `name`.
    pub fn published(&mut self, name: &str, share: f64) {
        self.step(name).published = Some(share);
    }

    fn step(&mut self, name: &str) -> &mut Step {
        let place = self.steps.iter().position(|step| step.name == name).unwrap_or(self.steps.len());
        if place == self.steps.len() {
            self.steps.push(Step { name: name.to_owned(), ..Step::default() });
        }
        &mut self.steps[place]
    }
}
