//! Seeded chance: every run has a generator of its own, so what it finds depends on nothing but seed, scenario and
//! number. The only place that makes generators.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The generator of run `run` of the scenario called `scenario`.
#[must_use]
pub(crate) fn generator(seed: u64, scenario: &str, run: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ crate::hash::text(scenario));
    rng.set_stream(run);
    rng
}

/// Whether a coin of this probability falls on its head.
pub(crate) fn coin(rng: &mut ChaCha8Rng, probability: f64) -> bool {
    rng.random::<f64>() < probability
}

/// A standard normal number (Box and Muller 1958).
pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// 1 for good, 0 for bad.
pub(crate) fn quality(good: bool) -> f64 {
    f64::from(u8::from(good))
}

/// Fisher and Yates: every order is as likely as any other.
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, rng.random_range(0..=last));
    }
}
