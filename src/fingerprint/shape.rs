//! What of a request is compared as it is: the API, the model, the schema of the answer, the tools.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize as Derive, Serialize};

/// A hash over the API, the model, the answer's schema and the tools, in canonical form: neither the order of keys nor
/// that of tools nor white space matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Derive)]
#[serde(try_from = "String", into = "String")]
pub struct Shape(pub(crate) u64);

impl Shape {
    /// `format` and `tools` are the request's own JSON.
    #[must_use]
    pub fn new(api: &str, model: &str, format: Option<&str>, tools: Option<&str>) -> Self {
        let tools = tools.map_or(0, |tools| match serde_json::from_str::<Vec<Tool>>(tools) {
            Ok(tools) => tools.iter().fold(1_u64, |sum, tool| sum.wrapping_add(tool.hash())),
            Err(_) => text(tools),
        });
        let format = format
            .map_or(0, |format| serde_json::from_str(format).map_or_else(|_| text(format), |Canonical(hash)| hash));
        Self([text(model), format, tools].into_iter().fold(text(api), mix))
    }
}

impl From<Shape> for String {
    fn from(shape: Shape) -> Self {
        format!("{:016x}", shape.0)
    }
}

impl TryFrom<String> for Shape {
    type Error = std::num::ParseIntError;
    fn try_from(hex: String) -> Result<Self, Self::Error> {
        u64::from_str_radix(&hex, 16).map(Self)
    }
}

pub(crate) fn text(text: &str) -> u64 {
    mix(crate::text::hash_of(text), text.len() as u64)
}

/// SplitMix64's finish over both.
pub(crate) fn mix(one: u64, other: u64) -> u64 {
    let z = one.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ other;
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A tool, with its parts in it or in `function`. What it is said to do may change; what it takes may not.
#[derive(Derive)]
struct Tool {
    function: Option<Function>,
    name: Option<String>,
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    parameters: Canonical,
}

#[derive(Derive)]
struct Function {
    name: String,
    #[serde(default)]
    parameters: Canonical,
}

impl Tool {
    fn hash(&self) -> u64 {
        let (name, parameters) = match &self.function {
            Some(function) => (function.name.as_str(), function.parameters.0),
            None => (self.name.as_deref().unwrap_or(&self.r#type), self.parameters.0),
        };
        mix(text(name), parameters)
    }
}

/// The hash of any JSON; of an object whatever the order of its keys.
#[derive(Default)]
struct Canonical(u64);

impl<'de> Deserialize<'de> for Canonical {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Canonicals)
    }
}

struct Canonicals;

impl<'de> Visitor<'de> for Canonicals {
    type Value = Canonical;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Canonical, E> {
        Ok(Canonical(mix(1, u64::from(value))))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Canonical, E> {
        Ok(Canonical(mix(2, value.cast_unsigned())))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Canonical, E> {
        Ok(Canonical(mix(2, value)))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Canonical, E> {
        Ok(Canonical(mix(3, value.to_bits())))
    }
    fn visit_str<E>(self, value: &str) -> Result<Canonical, E> {
        Ok(Canonical(mix(4, text(value))))
    }
    fn visit_unit<E>(self) -> Result<Canonical, E> {
        Ok(Canonical(mix(5, 0)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Canonical, A::Error> {
        let mut hash = 6;
        while let Some(Canonical(item)) = items.next_element()? {
            hash = mix(hash, item);
        }
        Ok(Canonical(hash))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Canonical, A::Error> {
        let mut sum = 7_u64;
        while let Some((Canonical(key), Canonical(value))) = fields.next_entry()? {
            sum = sum.wrapping_add(mix(key, value));
        }
        Ok(Canonical(mix(7, sum)))
    }
}
