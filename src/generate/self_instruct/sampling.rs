//! Which tasks of the pool a prompt shows. Chance is an argument.

use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};

/// Tasks that a prompt shows.
pub(super) const SHOWN: usize = 8;

/// Places of the tasks to show, shuffled: `round(SHOWN * human_share)` of the `human` tasks and the rest of the `machine` ones, which
/// count on behind them. While there are too few machine-made tasks, human ones stand in: the first round is all human.
pub(super) fn shown(rng: &mut impl Rng, human: usize, machine: usize, human_share: f64) -> Vec<usize> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "at most SHOWN"
    )]
    let wanted = SHOWN - ((SHOWN as f64 * human_share).round() as usize).min(SHOWN);
    let of_machine = wanted.min(machine);
    let humans: Vec<usize> = (0..human).collect();
    let machines: Vec<usize> = (human..human + machine).collect();
    let mut shown: Vec<usize> = humans.sample(rng, (SHOWN - of_machine).min(human)).copied().collect();
    shown.extend(machines.sample(rng, of_machine).copied());
    shown.shuffle(rng);
    shown
}
