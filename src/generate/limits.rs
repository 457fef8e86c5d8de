//! What numbers of a maker's settings must be: one check for every maker, one wording.

use crate::GenerateError;

/// # Errors
/// The first of `numbers` that is 0.
pub(crate) fn at_least_one(numbers: &[(&'static str, usize)]) -> Result<(), GenerateError> {
    let zero = numbers.iter().find(|(_, number)| *number == 0);
    zero.map_or(Ok(()), |(key, _)| wrong(key, &0, "must be at least 1"))
}

/// # Errors
/// The first of `numbers` that is no share.
pub(crate) fn shares(numbers: &[(&'static str, f64)]) -> Result<(), GenerateError> {
    let outside = numbers.iter().find(|(_, number)| !(0.0..=1.0).contains(number));
    outside.map_or(Ok(()), |(key, number)| wrong(key, number, "must lie in 0 to 1"))
}

/// # Errors
/// Always: `key` must not be `value`.
fn wrong(key: &'static str, value: &dyn ToString, wanted: &'static str) -> Result<(), GenerateError> {
    Err(GenerateError::Setting { key, value: value.to_string(), wanted })
}
