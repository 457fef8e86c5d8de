//! What every key of the configuration means: the source of `docs/reference/configuration.md`.
//!
//! Defaults come from the sections themselves; a test holds that every key is listed, and that every range
//! named here is one that is checked.

mod keys;

use crate::settings::Settings;

pub(crate) use keys::KEYS;
pub(crate) use keys::Key;

/// The value of `key` in `table`.
pub(crate) fn value<'a>(table: &'a toml::Table, key: &str) -> Option<&'a toml::Value> {
    let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
    match (table.get(first)?, rest) {
        (value, None) => Some(value),
        (toml::Value::Table(inner), Some(rest)) => value(inner, rest),
        _ => None,
    }
}

/// `docs/reference/configuration.md`.
pub(crate) fn markdown() -> Result<String, toml::ser::Error> {
    let defaults = Settings::default().table()?;
    let mut text = String::from(
        "# Configuration\n\nMade by `apprentice reference configuration`; a test holds it against the code. \
         `[sites.NAME]` takes the keys of `[site]`, and\n`[sites.NAME.handover]` and `[sites.NAME.verifiers]` those of \
         the sections of these names. Lists and tables are replaced whole.\n\n\
         | key | default | must be | meaning |\n|---|---|---|---|\n",
    );
    for Key { key, range, meaning } in KEYS {
        let default = value(&defaults, key).map_or_else(|| "-".to_owned(), |value| format!("`{value}`"));
        text.push_str(&format!("| `{key}` | {default} | {range} | {meaning} |\n"));
    }
    Ok(text)
}
