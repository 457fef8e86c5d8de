//! A small part of JSONPath (RFC 9535): `$`, `.name`, `['name']`, `[3]`, `[*]`, `.*`. Pure.

use serde_json::Value;

/// Where something lies in a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
    All,
}

impl JsonPath {
    /// # Errors
    /// In words, what of `text` is not understood.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |rest: &str| {
            format!(
                "`{text}` is not understood from `{rest}` on: a path is `$` and then `.name`, `['name']`, `[3]`, `[*]` or `.*`, as in `$.messages[*].content`"
            )
        };
        let mut rest = text.trim().strip_prefix('$').ok_or_else(|| wrong(text))?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, behind) = step(rest).ok_or_else(|| wrong(rest))?;
            steps.push(step);
            rest = behind;
        }
        if steps.is_empty() { Err(wrong(text)) } else { Ok(Self(steps)) }
    }

    /// Calls `visit` with everything that lies there.
    pub(crate) fn visit(&self, value: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
        walk(&self.0, value, visit);
    }
}

/// The step that `rest` begins with, and what follows.
fn step(rest: &str) -> Option<(Step, &str)> {
    if let Some(inner) = rest.strip_prefix('[') {
        let (inside, behind) = match inner.chars().next()? {
            quote @ ('\'' | '"') => {
                let (name, behind) = inner.get(1..)?.split_once(quote)?;
                (Step::Name(name.to_owned()), behind.strip_prefix(']')?)
            }
            _ => {
                let (inside, behind) = inner.split_once(']')?;
                (if inside == "*" { Step::All } else { Step::Index(inside.parse().ok()?) }, behind)
            }
        };
        return Some((inside, behind));
    }
    let name = rest.strip_prefix('.')?;
    let (name, behind) = name.split_at(name.find(['.', '[']).unwrap_or(name.len()));
    match name {
        "" => None,
        "*" => Some((Step::All, behind)),
        name => Some((Step::Name(name.to_owned()), behind)),
    }
}

fn walk(steps: &[Step], value: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    let Some((step, rest)) = steps.split_first() else { return visit(value) };
    match (step, value) {
        (Step::Name(name), Value::Object(fields)) => {
            if let Some(field) = fields.get_mut(name) {
                walk(rest, field, visit);
            }
        }
        (Step::Index(at), Value::Array(items)) => {
            if let Some(item) = items.get_mut(*at) {
                walk(rest, item, visit);
            }
        }
        (Step::All, Value::Array(items)) => items.iter_mut().for_each(|item| walk(rest, item, visit)),
        (Step::All, Value::Object(fields)) => fields.values_mut().for_each(|field| walk(rest, field, visit)),
        _ => {}
    }
}
