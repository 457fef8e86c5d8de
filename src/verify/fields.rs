//! JSON answers compared field by field, tool calls among them.
//!
//! A field is a leaf: a scalar, or an empty list or object. Its path is a JSON pointer with `*` for every list index
//! (`/items/*/price`; a key that is `*` itself is written `~2`). Lists compare by position. Must not read text as JSON
//! that is not: a fenced block is none.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Ends a learnt path that the teacher does not always write: the student need not either.
pub const OPTIONAL: char = '?';

/// What a comparison of two JSON answers showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Fields of equal value, free fields of the right type among them.
    pub right: usize,
    /// Fields of either answer, at least 1.
    pub total: usize,
    /// Path of the first wrong field, in the order of the teacher's answer; the root is the empty text.
    pub wrong: Option<String>,
}

impl Compared {
    /// The share of right fields, in [0, 1].
    #[must_use]
    pub fn share(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts of fields in one answer")]
        let share = self.right as f64 / self.total.max(1) as f64;
        share
    }
}

/// Reads an answer that is one plain JSON value. The `arguments` of tool calls that are JSON in a string, as OpenAI
/// writes them, become what the string says.
#[must_use]
pub fn read(text: &str) -> Option<Value> {
    let mut value: Value = serde_json::from_str(text.trim()).ok()?;
    if is_tool_calls(&value) {
        for call in value.as_array_mut().into_iter().flatten() {
            let Some(arguments) = call.get_mut("arguments") else { continue };
            let inner = arguments.as_str().and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
            if let Some(inner) = inner {
                *arguments = Value::Object(inner);
            }
        }
    }
    Some(value)
}

/// Whether `value` is a list of one or more `{"name": "...", "arguments": ...}`, or an object with one, as answers that call are.
#[must_use]
pub fn is_tool_calls(value: &Value) -> bool {
    let is_call = |call: &Value| call.get("name").is_some_and(Value::is_string) && call.get("arguments").is_some();
    calls_of(value).as_array().is_some_and(|calls| !calls.is_empty() && calls.iter().all(is_call))
}

/// The calls of an answer that calls, without what it says beside them; any other value is all there is.
#[must_use]
pub fn calls_of(value: &Value) -> &Value {
    value.get("tool_calls").unwrap_or(value)
}

/// Compares `student` with `teacher`. Numbers are equal within `tolerance`, relative to the larger. `free` fields, or
/// everything below a free path, need only be there and of the same type (`null` is of every type); a free path that
/// ends with [`OPTIONAL`] need not be there.
#[must_use]
pub fn compare(student: &Value, teacher: &Value, tolerance: f64, free: &[String]) -> Compared {
    let mut walk = Walk { tolerance, free, learns: false, compared: Compared::default(), wrong: Vec::new() };
    walk.pair(&mut String::new(), Some(student), Some(teacher));
    Compared { wrong: walk.wrong.into_iter().next(), ..walk.compared }
}

/// The paths on which two answers differ: where a teacher disagrees with itself. Lists of different length differ as
/// a whole; a field that one answer lacks ends with [`OPTIONAL`].
#[must_use]
pub fn differing(left: &Value, right: &Value, tolerance: f64) -> BTreeSet<String> {
    let mut walk = Walk { tolerance, free: &[], learns: true, compared: Compared::default(), wrong: Vec::new() };
    walk.pair(&mut String::new(), Some(left), Some(right));
    walk.wrong.into_iter().collect()
}

/// Whether a field on which the answers differ holds prose on either side: a text of more than `words` words.
#[must_use]
pub fn differs_in_prose(left: &Value, right: &Value, words: usize) -> bool {
    let long = |value: &Value| value.as_str().is_some_and(|text| text.split_whitespace().count() > words);
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            left.iter().any(|(key, value)| right.get(key).is_some_and(|other| differs_in_prose(value, other, words)))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.iter().zip(right).any(|(left, right)| differs_in_prose(left, right, words))
        }
        (left, right) => left != right && (long(left) || long(right)),
    }
}

struct Walk<'a> {
    tolerance: f64,
    free: &'a [String],
    /// Whether the paths are to become free ones: fields that one side lacks are marked [`OPTIONAL`].
    learns: bool,
    compared: Compared,
    /// Paths, in the order they were met.
    wrong: Vec<String>,
}

impl Walk<'_> {
    fn count(&mut self, fields: usize, path: &str, is_right: bool) {
        self.compared.total += fields;
        if is_right {
            self.compared.right += fields;
        } else {
            self.wrong.push(path.to_owned());
        }
    }

    fn is_free(&self, path: &str) -> bool {
        self.free.iter().any(|free| free.strip_suffix(OPTIONAL).unwrap_or(free) == path || free == path)
    }

    fn is_optional(&self, path: &str) -> bool {
        self.free.iter().any(|free| free.strip_suffix(OPTIONAL) == Some(path))
    }

    fn pair(&mut self, path: &mut String, student: Option<&Value>, teacher: Option<&Value>) {
        match (student, teacher) {
            (Some(student), Some(teacher)) if self.is_free(path) => {
                self.count(fields(teacher), path, same_type(student, teacher));
            }
            (Some(Value::Object(student)), Some(Value::Object(teacher)))
                if !(student.is_empty() && teacher.is_empty()) =>
            {
                self.objects(path, student, teacher);
            }
            (Some(Value::Array(student)), Some(Value::Array(teacher)))
                if !(student.is_empty() && teacher.is_empty()) =>
            {
                self.lists(path, student, teacher);
            }
            (Some(student), Some(teacher)) => {
                let total = fields(student).max(fields(teacher));
                self.count(total, path, equal(student, teacher, self.tolerance));
            }
            (Some(only), None) | (None, Some(only)) => {
                let optional = self.is_optional(path);
                let path = if self.learns { format!("{path}{OPTIONAL}") } else { path.clone() };
                self.count(fields(only), &path, optional);
            }
            (None, None) => {}
        }
    }

    fn objects(&mut self, path: &mut String, student: &Map<String, Value>, teacher: &Map<String, Value>) {
        let extra = student.keys().filter(|key| !teacher.contains_key(*key));
        for key in teacher.keys().chain(extra) {
            let length = path.len();
            path.push('/');
            let escaped = key.replace('~', "~0").replace('/', "~1");
            path.push_str(if escaped == "*" { "~2" } else { &escaped });
            self.pair(path, student.get(key), teacher.get(key));
            path.truncate(length);
        }
    }

    fn lists(&mut self, path: &mut String, student: &[Value], teacher: &[Value]) {
        let length = path.len();
        let shared = student.len().min(teacher.len());
        if student.len() != teacher.len() {
            let rest = student.iter().chain(teacher).map(fields).sum::<usize>();
            let paired = student.iter().take(shared).chain(teacher.iter().take(shared)).map(fields).sum::<usize>();
            self.count(rest - paired, path, false);
        }
        path.push_str("/*");
        for (student, teacher) in student.iter().zip(teacher) {
            self.pair(path, Some(student), Some(teacher));
        }
        path.truncate(length);
    }
}

/// How many leaves `value` has.
fn fields(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.values().map(fields).sum::<usize>().max(1),
        Value::Array(list) => list.iter().map(fields).sum::<usize>().max(1),
        _ => 1,
    }
}

fn equal(left: &Value, right: &Value, tolerance: f64) -> bool {
    left == right || left.as_f64().zip(right.as_f64()).is_some_and(|(left, right)| near(left, right, tolerance))
}

/// Whether two numbers are equal within `tolerance` of the larger.
#[must_use]
pub fn near(left: f64, right: f64, tolerance: f64) -> bool {
    (left - right).abs() <= tolerance.max(0.0) * left.abs().max(right.abs())
}

fn same_type(left: &Value, right: &Value) -> bool {
    let null = left.is_null() || right.is_null();
    null || std::mem::discriminant(left) == std::mem::discriminant(right)
}
