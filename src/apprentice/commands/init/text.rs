//! The commented defaults, and values put into them: everything around a value stays as it stands.

use super::questions::Value;

/// Every key with its default and what it means.
pub(super) const COMMENTED: &str = include_str!("../../../../policies/default.toml");

/// `text` with another value behind its key.
///
/// # Errors
/// When the text has no such key.
pub(super) fn put(text: &str, value: &Value) -> Result<String, String> {
    let Value { section, key, value } = value;
    let (head, start) = (format!("[{section}]"), format!("{key} = "));
    let mut inside = false;
    let mut done = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            inside = line == head;
        }
        match line.strip_prefix(&start).filter(|_| inside && !done) {
            Some(old) => {
                // Values of this file hold no `#` themselves.
                let comment = old.find(" #").and_then(|at| old.get(at..)).unwrap_or_default();
                lines.push(format!("{start}{value}{comment}"));
                done = true;
            }
            None => lines.push(line.to_owned()),
        }
    }
    if done { Ok(lines.join("\n") + "\n") } else { Err(format!("the commented defaults have no {section}.{key}")) }
}
