//! How good a set of maps is (science 4.3). Every share is of a stated whole; chance is an argument.
//!
//! - `novelty`: edit distance, novelty, diversity; `control`: asked and made; `expressive`: what kinds of maps there are;
//! - `patterns`: which small windows they are made of; `parity`: a student's figures beside the teacher's.

mod control;
mod expressive;
mod novelty;
mod parity;
mod patterns;

pub use control::{Control, is_accurate};
pub use expressive::{Expressive, histogram};
pub use novelty::{DISTANCE_MIN, diversity, edit_distance, is_novel};
pub use parity::{Interval, parity};
pub use patterns::{Divergence, divergence};

/// Share of requests answered by a valid map after at most `retries` more tries, where each try is valid with `playability` by itself.
#[must_use]
pub fn valid_after(playability: f64, retries: u32) -> f64 {
    1.0 - (1.0 - playability).powi(i32::try_from(retries).unwrap_or(i32::MAX).saturating_add(1))
}

/// Tries that one request costs on average, with at most `retries` after the first.
#[must_use]
pub fn tries_expected(playability: f64, retries: u32) -> f64 {
    (0..=retries).map(|tried| (1.0 - playability).powi(i32::try_from(tried).unwrap_or(i32::MAX))).sum()
}
