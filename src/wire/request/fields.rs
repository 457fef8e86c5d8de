//! The fields of a JSON object as the client wrote them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::Ineligible;

pub(crate) const NULL: &str = "null";

/// Why a body is no request of its API.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("the body is not a JSON object: {0}")]
    Json(#[from] serde_json::Error),
    #[error("field `{field}` {problem}")]
    Field { field: &'static str, problem: String },
}

/// A JSON object, its values unread. Of a field that is there twice the last one counts, as in most readers of JSON.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    values: BTreeMap<String, &'a RawValue>,
    may_be_kept: bool,
}

impl<'a> Fields<'a> {
    /// The JSON of a field; null is something, too.
    pub(crate) fn json(&self, name: &str) -> Option<&'a str> {
        self.values.get(name).map(|value| value.get())
    }

    /// Whether every `store` that the object has is null or true.
    pub(crate) fn may_be_kept(&self) -> bool {
        self.may_be_kept
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.get()))
    }

    /// What a field says; nothing where it is absent or null.
    pub(crate) fn optional<T: Deserialize<'a>>(&self, field: &'static str) -> Result<Option<T>, RequestError> {
        let Some(raw) = self.json(field).filter(|raw| *raw != NULL) else { return Ok(None) };
        serde_json::from_str(raw)
            .map_err(|error| RequestError::Field { field, problem: format!("has the wrong shape: {error}") })
    }

    pub(crate) fn required<T: Deserialize<'a>>(&self, field: &'static str) -> Result<T, RequestError> {
        self.optional(field)?.ok_or_else(|| RequestError::Field { field, problem: "is missing".into() })
    }

    /// The same, for whoever asks whether a student can be asked.
    pub(crate) fn field<T: Deserialize<'a>>(&self, name: &'static str) -> Result<Option<T>, Ineligible> {
        self.optional(name).map_err(|_| Ineligible::Field(name.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields<'de>, M::Error> {
                let mut fields = Fields { values: BTreeMap::new(), may_be_kept: true };
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    fields.may_be_kept &= name != "store" || matches!(value.get(), NULL | "true");
                    fields.values.insert(name, value);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Object)
    }
}
