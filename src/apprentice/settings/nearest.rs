//! What a person may have meant: the reader's words put into a person's, the known name that is nearest to an unknown one, what a key is for.

use crate::settings::reference::KEYS;

/// The reader's types in words.
const TYPES: [(&str, &str); 14] = [
    ("a borrowed string", "a text"),
    ("a nonzero u32", "a whole number, 1 or more"),
    ("a boolean", "true or false"),
    ("a string", "a text"),
    ("path string", "a text"),
    ("a sequence", "a list"),
    ("a map", "a table"),
    ("usize", "a whole number, 0 or more"),
    ("u64", "a whole number, 0 or more"),
    ("u32", "a whole number, 0 or more"),
    ("i64", "a whole number"),
    ("i32", "a whole number"),
    ("f64", "a number"),
    ("f32", "a number"),
];

/// What is wrong with the key `path`, and what may help, from what the reader says of it.
pub(super) fn said(message: &str, path: &str) -> (String, Option<String>) {
    if message.starts_with("unknown field ") {
        let mut names = message.split('`').skip(1).step_by(2);
        let key = names.next().unwrap_or_default();
        let known: Vec<&str> = names.collect();
        // A key of a table in a list has no path of its own: the list's is known.
        let section = path.strip_suffix(key).map_or(path, |section| section.trim_end_matches('.'));
        if section.is_empty() {
            return (format!("there is no section [{key}]"), Some(meant(key, &known, "the file")));
        }
        let place = format!("[{section}]");
        return (format!("{place} has no key `{key}`"), Some(meant(key, &known, &place)));
    }
    if message.starts_with("unknown variant ") {
        let mut names = message.split('`').skip(1).step_by(2);
        let given = names.next().unwrap_or_default();
        let near = nearest_key(given, names).map(|name| format!("did you mean \"{name}\"?"));
        return (format!("{path}: {message}"), near.or_else(|| allowed(path)));
    }
    let expected = message.rsplit_once(", expected ").and_then(|(got, wanted)| {
        let words = if wanted.starts_with("struct ") { Some("a table") } else { in_words(wanted) }?;
        Some(format!("{got}, expected {words}"))
    });
    (format!("{path}: {}", expected.unwrap_or_else(|| message.to_owned())), allowed(path))
}

fn in_words(name: &str) -> Option<&'static str> {
    TYPES.iter().find(|(known, _)| *known == name).map(|(_, words)| *words)
}

/// Which key may have been meant by one that is not `known` in its section.
fn meant(key: &str, known: &[&str], place: &str) -> String {
    let list = if known.is_empty() { "no keys".to_owned() } else { known.join(", ") };
    if let Some(name) = nearest_key(key, known.iter().copied()) {
        return format!("did you mean `{name}`? {place} has: {list}");
    }
    let last = |key: &'static str| key.rsplit('.').next().unwrap_or(key);
    let elsewhere = nearest_key(key, KEYS.iter().map(|known| last(known.key)));
    let elsewhere = elsewhere.and_then(|name| KEYS.iter().find(|known| last(known.key) == name));
    match elsewhere.map(|known| known.key) {
        Some(other) => format!("did you mean `{other}`, which stands in another section? {place} has: {list}"),
        None => format!("{place} has: {list}"),
    }
}

/// The name of a key that `wrong` is a misspelling of.
fn nearest_key<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    nearest(&wrong.to_lowercase().replace('-', "_"), known)
}

/// The name that `wrong` is a misspelling of: a letter in three may be wrong, missing, too much or in the wrong place.
pub(crate) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let far = |name: &str| strsim::damerau_levenshtein(wrong, name);
    let (distance, name) = known.map(|name| (far(name), name)).min_by_key(|(distance, _)| *distance)?;
    (distance <= (name.chars().count().min(wrong.chars().count()) / 3).max(1)).then_some(name)
}

/// What the key of this path is for and may be, as the reference says.
pub(super) fn allowed(path: &str) -> Option<String> {
    // What a site says for itself is a key of the section for every site.
    let own = path.strip_prefix("sites.").and_then(|rest| rest.split_once('.')).map(|(_, key)| key);
    let names = own.map_or_else(|| [path.to_owned(), String::new()], |key| [key.to_owned(), format!("site.{key}")]);
    let known = KEYS.iter().find(|known| names.iter().any(|name| name == known.key))?;
    let range = if known.range.is_empty() { String::new() } else { format!(" Must be {}.", known.range) };
    Some(format!("{}: {}{range}", known.key, known.meaning))
}
