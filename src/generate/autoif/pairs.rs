//! Pairs for DPO: of the answers to one query, one that keeps the instruction before one that no function lets pass. Pure.

use dataset::PreferenceExample;
use wire::{Role, Turn};

use super::answers::Verified;
use super::settings::Settings;

/// Every pair of a kept answer with at least `chosen_accuracy_min` and an answer to the same query to which every function says no.
pub(super) fn pairs(verified: &[Verified], settings: &Settings) -> Vec<PreferenceExample> {
    let same = |left: &Verified, right: &Verified| left.answered.place == right.answered.place;
    let groups = verified.chunk_by(same);
    groups
        .flat_map(|group| {
            let is_chosen = |one: &&Verified| one.item.is_kept() && one.accuracy.share >= settings.chosen_accuracy_min;
            let chosen = group.iter().filter(is_chosen);
            chosen.flat_map(|chosen| {
                let rejected = group.iter().filter(|one| one.accuracy.refuted);
                rejected.map(|rejected| pair(chosen, rejected)).collect::<Vec<_>>()
            })
        })
        .collect()
}

fn pair(chosen: &Verified, rejected: &Verified) -> PreferenceExample {
    PreferenceExample {
        prompt: vec![Turn::new(Role::User, chosen.answered.asked())],
        chosen: [Turn::new(Role::Assistant, chosen.answered.text.clone())],
        rejected: [Turn::new(Role::Assistant, rejected.answered.text.clone())],
    }
}
