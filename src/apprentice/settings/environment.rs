//! The one reader of the environment.

use std::ffi::OsString;

/// What the log shows, as `tracing_subscriber::EnvFilter` reads it.
pub(crate) const LOG: &str = "APPRENTICE_LOG";
/// The admin token of `apprentice sites`.
pub(crate) const ADMIN_TOKEN: &str = "APPRENTICE_ADMIN_TOKEN";
/// Processor features to do without, such as `vnni`: to try here what another machine would do.
pub(crate) const CPU_MASK: &str = "APPRENTICE_CPU_MASK";
/// Who works here: the actor of `apprentice sites`.
pub(crate) const USER: &str = "USER";

/// Set: nothing is coloured (no-color.org).
pub(crate) const NO_COLOR: &str = "NO_COLOR";

/// The variable `name`, unless it is unset, empty or no text.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The variable `name` as it is, for members that must not read the environment themselves.
pub(crate) fn raw(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
