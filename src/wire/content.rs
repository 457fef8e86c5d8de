//! What a message says, as both APIs write it: a string, or a list of parts. Read in one pass, because every request is.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// One part of a message.
#[derive(serde::Deserialize)]
pub(crate) struct Part {
    pub(crate) r#type: String,
    #[serde(default)]
    pub(crate) text: String,
}

/// A message's content.
pub(crate) enum Content {
    Text(String),
    Parts(Vec<Part>),
}

impl Content {
    /// The text of a message, whatever else is in it; none where it has another form.
    pub(crate) fn text(raw: &RawValue) -> String {
        match serde_json::from_str(raw.get()) {
            Ok(Self::Text(text)) => text,
            Ok(Self::Parts(parts)) => parts.into_iter().map(|part| part.text).collect(),
            Err(_) => String::new(),
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Content;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a string or a list of parts")
            }

            fn visit_str<E>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Content, E> {
                Ok(Content::Text(text))
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut parts: S) -> Result<Content, S::Error> {
                let mut all = Vec::new();
                while let Some(part) = parts.next_element()? {
                    all.push(part);
                }
                Ok(Content::Parts(all))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
