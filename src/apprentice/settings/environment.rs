//! The one reader of the environment.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

/// What the log shows, as `tracing_subscriber::EnvFilter` reads it.
pub(crate) const LOG: &str = "APPRENTICE_LOG";
/// The admin token of `apprentice sites`.
pub(crate) const ADMIN_TOKEN: &str = "APPRENTICE_ADMIN_TOKEN";
/// Processor features to do without, such as `vnni`: to try here what another machine would do.
pub(crate) const CPU_MASK: &str = "APPRENTICE_CPU_MASK";
/// Who works here: the actor of `apprentice sites`.
pub(crate) const USER: &str = "USER";

/// The folder with the credentials of a service: systemd's `LoadCredential=`, or secrets that a container mounts.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Set: nothing is coloured (no-color.org).
pub(crate) const NO_COLOR: &str = "NO_COLOR";

/// The variable `name`, unless it is unset, empty or no text.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A key or token, and where it was found.
pub(crate) struct Secret {
    pub(crate) value: String,
    pub(crate) place: String,
}

/// The secret `name`: the variable, else the file of that name in the folder of credentials. `None` where there is neither, or nothing in it.
///
/// # Errors
/// When the file is there and cannot be read.
pub(crate) fn secret(name: &str) -> Result<Option<Secret>, String> {
    if let Some(value) = variable(name) {
        return Ok(Some(Secret { value, place: format!("${name}") }));
    }
    let Some(folder) = raw(CREDENTIALS) else { return Ok(None) };
    let path = Path::new(&folder).join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let value = text.trim().to_owned();
            Ok((!value.is_empty()).then(|| Secret { value, place: path.display().to_string() }))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("the credential {}: {error}; let this user read it, or set {name}", path.display())),
    }
}

/// The value of the secret that a key of the configuration names, if it names one.
///
/// # Errors
/// As [`secret`].
pub(crate) fn secret_named(name: Option<&str>) -> Result<Option<String>, String> {
    let found = name.map(secret).transpose()?.flatten();
    Ok(found.map(|secret| secret.value))
}

/// The variable `name` as it is, for members that must not read the environment themselves.
pub(crate) fn raw(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
