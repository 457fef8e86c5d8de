//! A policy from a TOML text: its `[handover]` table, or the whole. Does not read files.

use handover::Policy;

use crate::SimulateError;

/// The policy that `text` asks for; what it does not name is the default.
///
/// # Errors
/// [`SimulateError::Policy`] when it is no TOML, names an unknown key or a number is out of its range.
pub fn policy_from_toml(text: &str) -> Result<Policy, SimulateError> {
    let wrong = |error: toml::de::Error| SimulateError::Policy(error.to_string());
    let mut table: toml::Table = toml::from_str(text).map_err(wrong)?;
    let table = match table.remove("handover") {
        Some(toml::Value::Table(handover)) => handover,
        Some(_) => return Err(SimulateError::Policy("`handover` must be a table".into())),
        None => table,
    };
    let policy: Policy = table.try_into().map_err(wrong)?;
    match policy.problems() {
        problems if problems.is_empty() => Ok(policy),
        problems => Err(SimulateError::Policy(problems.join("; "))),
    }
}
