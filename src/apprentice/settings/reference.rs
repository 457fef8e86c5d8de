//! What every key of the configuration means: the source of `docs/reference/configuration.md`.
//!
//! Defaults come from the sections themselves; a test holds that every key is listed, and that every range
//! named here is one that is checked.

mod keys;

use crate::settings::Settings;

pub(crate) use keys::KEYS;
use keys::Key;

/// The default values as a table of the file.
pub(crate) fn defaults() -> Result<toml::Table, toml::ser::Error> {
    let Settings {
        proxy,
        admin,
        teacher,
        offline,
        callsites,
        data,
        capture,
        student,
        lessons,
        handover,
        verifiers,
        site,
        similarity,
        judge,
        generate,
        webhooks,
        keys: _,
        sites: _,
    } = Settings::default();
    let mut table = toml::Table::new();
    let mut put = |name: &str, section: toml::Table| drop(table.insert(name.to_owned(), section.into()));
    put("proxy", toml::Table::try_from(proxy)?);
    put("admin", toml::Table::try_from(admin)?);
    put("teacher", toml::Table::try_from(teacher)?);
    put("offline", toml::Table::try_from(offline)?);
    put("callsites", toml::Table::try_from(callsites)?);
    put("data", toml::Table::try_from(data)?);
    put("capture", toml::Table::try_from(capture)?);
    put("student", toml::Table::try_from(student)?);
    put("similarity", toml::Table::try_from(similarity)?);
    put("judge", toml::Table::try_from(judge)?);
    put("generate", toml::Table::try_from(generate)?);
    put("webhooks", toml::Table::try_from(webhooks)?);
    put("site", toml::Table::try_from(site)?);
    put("verifiers", toml::Table::try_from(verifiers)?);
    put("handover", toml::Table::try_from(handover)?);
    put("lessons", toml::Table::try_from(lessons)?);
    Ok(table)
}

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
    let defaults = defaults()?;
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
