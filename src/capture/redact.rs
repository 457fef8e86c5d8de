//! What is taken out of exchanges before they are stored: what looks like a key, always; what the operator's rules name.
//!
//! Rules look at the texts inside the JSON, not at its escapes, and at what the events of a stream say together. Where a rule cannot be
//! followed, the exchange is not stored.

mod json_path;
mod pieces;

use std::borrow::Cow;
use std::collections::BTreeMap;

use memchr::{memchr, memmem};
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::{Answer, Api, Called, Calls, CompletionSummary, Delivery, Envelope, Finish, Signals};

use crate::record::Exchange;
use json_path::JsonPath;
use pieces::pieces;

/// Keys as their issuers shape them: OpenAI and its like, bearer tokens, AWS, GitHub, Google, Slack, Hugging Face, GitLab, private keys.
const KEYS: &str = concat!(
    r"(?-u:\b)(?:sk-[A-Za-z0-9_-]{16,}|[Bb]earer +[A-Za-z0-9._~+/=-]{16,}|(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}",
    r"|github_pat_[A-Za-z0-9_]{40,}|AIza[0-9A-Za-z_-]{30,}|xox[abeprs]-[0-9A-Za-z-]{10,}|hf_[A-Za-z0-9]{30,}|glpat-[A-Za-z0-9_-]{16,})",
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[A-Za-z0-9+/=\\\srn]*(?:-----END [A-Z ]*PRIVATE KEY-----)?",
);
const KEY_REPLACED: &str = "[key]";

/// One rule of the operator's: `regex` or `path`, and what stands there instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedactRule {
    /// What matches in any text of the request and the answer is replaced; `${1}` in `replace` is its first group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// What lies there in the request or the answer is replaced whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(default = "replaced")]
    pub replace: String,
}

fn replaced() -> String {
    "[redacted]".to_owned()
}

/// A rule could not be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotRedactable;

/// Follows the rules.
#[derive(Clone, Debug)]
pub struct Redactor {
    keys: Regex,
    patterns: Vec<(Regex, String)>,
    paths: Vec<(JsonPath, String)>,
}

impl Redactor {
    /// # Errors
    /// In words, which rule cannot be followed and why.
    pub fn new(rules: &[RedactRule]) -> Result<Self, String> {
        let keys = Regex::new(KEYS).map_err(|error| error.to_string())?;
        let mut redactor = Self { keys, patterns: Vec::new(), paths: Vec::new() };
        for (at, rule) in rules.iter().enumerate() {
            let wrong = |what: String| format!("rule {}: {what}", at + 1);
            let replace = rule.replace.clone();
            match (&rule.regex, &rule.path) {
                (Some(regex), None) => {
                    let regex = Regex::new(regex).map_err(|error| wrong(error.to_string()))?;
                    redactor.patterns.push((regex, replace));
                }
                (None, Some(path)) => redactor.paths.push((JsonPath::parse(path).map_err(wrong)?, replace)),
                _ => return Err(wrong("it has either `regex` or `path`".to_owned())),
            }
        }
        Ok(redactor)
    }

    /// A text of a prompt as it may be kept beside the log; none where a rule leads into whole requests: it cannot be followed here.
    #[must_use]
    pub fn text(&self, text: &str) -> Option<String> {
        if !self.paths.is_empty() {
            return None;
        }
        Some(self.replaced(text))
    }

    /// Takes out of `exchange` what must not be stored and marks it.
    pub(crate) fn redact(&self, exchange: &mut Exchange) -> Result<(), NotRedactable> {
        // First, because an answer that is written anew repeats some of it.
        if let Some(request) = self.body(&exchange.request)? {
            exchange.request = request;
            exchange.redacted = true;
        }
        // An error's body is none, also where a stream was asked for.
        let is_stream = exchange.stream && has_events(&exchange.response);
        let response = if is_stream { self.stream(exchange)? } else { self.body(&exchange.response)? };
        if let Some(response) = response {
            exchange.response = response;
            exchange.redacted = true;
        }
        Ok(())
    }

    /// A text as it may be stored; none where nothing was taken out.
    fn body(&self, text: &str) -> Result<Option<String>, NotRedactable> {
        let without_keys = match self.keys.replace_all(text, KEY_REPLACED) {
            Cow::Borrowed(_) => None,
            Cow::Owned(text) => Some(text),
        };
        if self.patterns.is_empty() && self.paths.is_empty() {
            return Ok(without_keys);
        }
        let text = without_keys.as_deref().unwrap_or(text);
        Ok(self.by_rules(text)?.or(without_keys))
    }

    /// The operator's rules on one JSON text; on any other text there are only the patterns.
    fn by_rules(&self, text: &str) -> Result<Option<String>, NotRedactable> {
        let Ok(mut value) = serde_json::from_str::<Value>(text) else {
            let mut changed = text.to_owned();
            let any = self.replace_in(&mut changed);
            return if self.paths.is_empty() || text.trim().is_empty() {
                Ok(any.then_some(changed))
            } else {
                Err(NotRedactable)
            };
        };
        let mut changed = false;
        for (path, replace) in &self.paths {
            path.visit(&mut value, &mut |found| {
                changed |= found.as_str() != Some(replace);
                *found = Value::String(replace.clone());
            });
        }
        changed |= self.in_texts(&mut value);
        Ok(changed.then(|| value.to_string()))
    }

    /// Replaces in every text of `value`; whether there was anything.
    fn in_texts(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => self.replace_in(text),
            Value::Array(items) => items.iter_mut().fold(false, |any, item| self.in_texts(item) | any),
            Value::Object(fields) => fields.values_mut().fold(false, |any, field| self.in_texts(field) | any),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    fn replace_in(&self, text: &mut String) -> bool {
        let mut any = false;
        for (pattern, replace) in &self.patterns {
            if let Cow::Owned(changed) = pattern.replace_all(text, replace.as_str()) {
                (*text, any) = (changed, true);
            }
        }
        any
    }

    /// An event stream as it may be stored. What shows only in the events together takes a stream of our own making.
    fn stream(&self, exchange: &Exchange) -> Result<Option<String>, NotRedactable> {
        let by_event = self.events(&exchange.response)?;
        let response = by_event.as_deref().unwrap_or(&exchange.response);
        let together = Self::together(exchange.api, response);
        let of_the_answer: &[&str] = match exchange.api {
            Api::Chat => &["arguments", "content"],
            Api::Responses => &["delta"],
        };
        let mut showing = together.iter().filter(|(_, text)| self.shows(text)).map(|(field, _)| *field).peekable();
        if showing.peek().is_none() {
            return Ok(by_event);
        }
        let rewritten = showing.all(|field| of_the_answer.contains(&field)).then(|| self.rewritten(exchange, response));
        rewritten.flatten().map(Some).ok_or(NotRedactable)
    }

    /// Whether `text` has what must go.
    fn shows(&self, text: &str) -> bool {
        self.keys.is_match(text) || self.patterns.iter().any(|(regex, _)| regex.is_match(text))
    }

    /// Each event by itself.
    fn events(&self, response: &str) -> Result<Option<String>, NotRedactable> {
        // Most say nothing that must go; that is seen at once, and nothing is copied.
        if self.patterns.is_empty() && self.paths.is_empty() && !self.keys.is_match(response) {
            return Ok(None);
        }
        let (mut out, mut changed) = (String::with_capacity(response.len()), false);
        for line in response.split_inclusive('\n') {
            let data = line.strip_prefix("data:").map(str::trim).filter(|data| *data != "[DONE]");
            match data.map(|data| self.body(data)).transpose()?.flatten() {
                Some(data) => {
                    changed = true;
                    out.push_str(&format!("data: {data}\n"));
                }
                None => out.push_str(line),
            }
        }
        Ok(changed.then_some(out))
    }

    /// What the pieces of each text field say one after the other.
    fn together(api: Api, response: &str) -> BTreeMap<&str, String> {
        let mut together: BTreeMap<&str, String> = BTreeMap::new();
        for (field, text) in pieces(response) {
            if api == Api::Responses && field != "delta" {
                continue;
            }
            let so_far = together.entry(field).or_default();
            let quoted = text.get(1..text.len() - 1).filter(|plain| memchr(b'\\', plain.as_bytes()).is_none());
            match quoted.map_or_else(|| serde_json::from_str(text).map(Cow::Owned), |plain| Ok(Cow::Borrowed(plain))) {
                Ok(text) => so_far.push_str(&text),
                Err(_) => so_far.push_str(text),
            }
        }
        together
    }

    /// The answer of a stream as a stream of ours, without what must go; none where it is neither a plain text nor calls of functions.
    fn rewritten(&self, exchange: &Exchange, response: &str) -> Option<String> {
        let summary = exchange.api.read(true, response.as_bytes()).filter(CompletionSummary::is_trainable)?;
        let (text, finish) = match Calls::read(&summary.text).filter(|_| summary.called == Called::Functions) {
            Some(calls) => (self.calls(calls)?, Finish::ToolCalls),
            None => (self.replaced(&summary.text), Finish::Stop),
        };
        let (id, usage) = (exchange.id.simple().to_string(), summary.spent.usage.unwrap_or_default());
        let (created_s, asked) = (exchange.at_ms / 1000, exchange.request.as_bytes());
        let envelope = Envelope { id: &id, created_s, model: &summary.spent.model, asked };
        let delivery = Delivery { stream: true, include_usage: summary.spent.usage.is_some() };
        let answer = Answer::new(text, finish, usage, Signals::default());
        String::from_utf8(exchange.api.write(delivery, &envelope, &answer).1).ok()
    }

    /// A text without what must go.
    fn replaced(&self, text: &str) -> String {
        let mut text = self.keys.replace_all(text, KEY_REPLACED).into_owned();
        self.replace_in(&mut text);
        text
    }

    /// The text of calls without what must go; none where what is left cannot be read, or where white space, which it has none of, was
    /// a part of what must go: that would stay.
    fn calls(&self, mut calls: Calls) -> Option<String> {
        let mut changed = false;
        for text in calls.calls.iter_mut().map(|call| &mut call.arguments).chain([&mut calls.content]) {
            let without = self.replaced(text);
            changed |= without != *text;
            *text = without;
        }
        let text = calls.text();
        (changed && Calls::read(&text).is_some()).then_some(text)
    }
}

/// Whether a line of `text` begins as an event's does.
fn has_events(text: &str) -> bool {
    text.starts_with("data:") || memmem::find(text.as_bytes(), b"\ndata:").is_some()
}
