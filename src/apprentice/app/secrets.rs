//! What must not be guessed or spent by strangers: the admin token, the seed of the dice, the teacher's key.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use handover::Dice;
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::app::Error;
use crate::settings::Settings;
use crate::settings::environment;

/// The admin token's file in the data folder.
pub(crate) const TOKEN_FILE: &str = "admin-token";

/// Why no token may be made here, if none may.
pub(crate) fn token_missing(settings: &Settings) -> Option<String> {
    let (listen, name) = (settings.admin.listen, &settings.admin.token_env);
    match environment::secret(name) {
        Err(problem) => Some(problem),
        Ok(found) => (found.is_none() && !listen.ip().is_loopback())
            .then(|| format!("admin.listen {listen} is not loopback: set {name} to a token of your own first")),
    }
}

/// The admin token and where a person finds it: the environment, the service's credentials, else a file that only the owner reads.
pub(crate) fn admin_token(settings: &Settings, data: &Path) -> Result<(admin::Token, String), Error> {
    let name = &settings.admin.token_env;
    if let Some(token) = environment::secret(name)? {
        return Ok((admin::Token::new(&token.value), token.place));
    }
    if let Some(missing) = token_missing(settings) {
        return Err(missing.into());
    }
    let path = data.join(TOKEN_FILE);
    if let Ok(token) = std::fs::read_to_string(&path) {
        return Ok((admin::Token::new(token.trim()), path.display().to_string()));
    }
    let token = random_hex::<32>()?;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| format!("the admin token cannot be kept in {}: {error}; or set {name}", path.display()))?;
    writeln!(file, "{token}")?;
    Ok((admin::Token::new(&token), path.display().to_string()))
}

/// Whose key the teacher is asked with, in words; other machines may not spend the proxy's own without a word of the operator's.
pub(crate) fn key_source(settings: &Settings, endpoint: &teacher::Endpoint) -> Result<String, Error> {
    let (listen, name) = (settings.proxy.listen, &settings.teacher.key_env);
    if !endpoint.has_key() && !settings.keys.is_empty() {
        return Err(format!(
            "[keys] takes the place of the clients' own keys, so the teacher needs the proxy's: set ${name}"
        )
        .into());
    }
    if !endpoint.has_key() {
        return Ok(format!("each client's own (${name} is not set)"));
    }
    if !settings.keys.is_empty() {
        return Ok(format!("${name}, for whoever has one of {} keys of the proxy's own", settings.keys.len()));
    }
    if !listen.ip().is_loopback() && !settings.proxy.open {
        return Err(format!(
            "proxy.listen {listen} can be reached from other machines, and whoever reaches it would spend the key in ${name}: \
             give out keys of the proxy's own (`apprentice key NAME`), or listen on 127.0.0.1, or unset ${name} so that clients send their own, or say proxy.open = true"
        )
        .into());
    }
    Ok(format!("${name}, whoever asks"))
}

/// Throws the dice of one request; `seed` makes them repeatable.
pub(crate) fn dice(seed: Option<u64>) -> Result<Box<dyn Fn() -> Dice + Send + Sync>, Error> {
    let seed = match seed {
        Some(seed) => seed,
        None => u64::from_le_bytes(entropy()?),
    };
    let rng = Mutex::new(ChaCha8Rng::seed_from_u64(seed));
    Ok(Box::new(move || {
        let mut rng = rng.lock();
        Dice { route: rng.random(), audit: rng.random() }
    }))
}

/// `N` random bytes of the system's, as hex digits.
pub(crate) fn random_hex<const N: usize>() -> Result<String, Error> {
    Ok(entropy::<N>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn entropy<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| format!("the system gives no random bytes: {error}"))?;
    Ok(bytes)
}
