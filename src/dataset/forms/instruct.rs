//! Alpaca's lines. An instruction with an input is one text of the user's with an empty line between; the input is remembered, so that it
//! is written apart again.

use serde_json::{Map, Value, json};
use wire::{Role, Turn};

use super::fields::{kind, optional_text, text, with};
use crate::record::{Answered, Record};

/// Among the extra keys: the part of the user's text that was the input.
const INPUT: &str = "input";

pub(super) fn read(mut line: Map<String, Value>) -> Result<Record, String> {
    let instruction = text(&mut line, "instruction")?;
    let output = text(&mut line, "output")?;
    let input = optional_text(&mut line, INPUT)?.unwrap_or_default();
    let system = optional_text(&mut line, "system")?;
    let mut asked: Vec<Turn> = system.iter().map(|text| Turn::new(Role::System, text)).collect();
    if let Some(history) = line.remove("history") {
        asked.extend(past(&history)?);
    }
    if input.is_empty() {
        asked.push(Turn::new(Role::User, &instruction));
    } else {
        asked.push(Turn::new(Role::User, format!("{instruction}\n\n{input}")));
        line.insert(INPUT.to_owned(), input.into());
    }
    Ok(Record { asked, answer: Answered::One(output), extra: line })
}

/// Earlier pairs of a question and its answer.
fn past(history: &Value) -> Result<Vec<Turn>, String> {
    let pairs = history.as_array().ok_or_else(|| format!("`history` is {}, it must be a list", kind(history)))?;
    let mut turns = Vec::new();
    for (at, pair) in pairs.iter().enumerate() {
        let [asked, answered] = pair.as_array().map(Vec::as_slice).unwrap_or_default() else {
            return Err(format!("`history[{at}]` must be a pair of texts"));
        };
        for (role, value) in [(Role::User, asked), (Role::Assistant, answered)] {
            let text = value.as_str().ok_or_else(|| format!("`history[{at}]` must be a pair of texts"))?;
            turns.push(Turn::new(role, text));
        }
    }
    Ok(turns)
}

pub(super) fn write(record: &Record) -> Result<Map<String, Value>, String> {
    let output = record.one()?;
    let mut asked = record.asked.as_slice();
    let mut fields = vec![("output", json!(output))];
    if let [Turn { role: Role::System, text }, rest @ ..] = asked {
        fields.push(("system", json!(text)));
        asked = rest;
    }
    let [earlier @ .., Turn { role: Role::User, text }] = asked else {
        return Err("`instruction` is not known: the last message before the answer is not the user's".to_owned());
    };
    if !earlier.is_empty() {
        fields.push(("history", json!(pairs(earlier)?)));
    }
    let input = record.extra.get(INPUT).and_then(Value::as_str).unwrap_or_default();
    let instruction = text.strip_suffix(input).and_then(|text| text.strip_suffix("\n\n")).filter(|_| !input.is_empty());
    fields.push(("instruction", json!(instruction.unwrap_or(text))));
    fields.push((INPUT, json!(instruction.map_or("", |_| input))));
    Ok(with(&record.extra, fields))
}

fn pairs(turns: &[Turn]) -> Result<Vec<[&str; 2]>, String> {
    let pair = |pair: &'_ [Turn]| match pair {
        [Turn { role: Role::User, .. }, Turn { role: Role::Assistant, .. }] => Ok(()),
        _ => Err("`history` cannot hold these messages: user and assistant must take turns".to_owned()),
    };
    turns.chunks(2).try_for_each(pair)?;
    Ok(turns.chunks(2).filter_map(|pair| Some([pair.first()?.text.as_str(), pair.get(1)?.text.as_str()])).collect())
}
