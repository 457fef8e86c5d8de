//! TRL's lines: prompt and completion, preferences, and labelled completions. Prompts and completions may be texts or messages; messages are
//! written.

use serde_json::{Map, Value, json};

use super::fields::{completion, kind, prompt, said, take, with};
use crate::record::{Answered, Record};

pub(super) fn read(mut line: Map<String, Value>) -> Result<Record, String> {
    let asked = prompt(&take(&mut line, "prompt")?, "prompt")?;
    let text = completion(&take(&mut line, "completion")?, "completion")?;
    Ok(Record { asked, answer: Answered::One(text), extra: line })
}

pub(super) fn write(record: &Record) -> Result<Map<String, Value>, String> {
    Ok(with(&record.extra, [("prompt", json!(record.asked)), ("completion", said(record.one()?))]))
}

pub(super) fn read_labelled(mut line: Map<String, Value>) -> Result<Record, String> {
    let label = take(&mut line, "label")?;
    let label = label.as_bool().ok_or_else(|| format!("`label` is {}, it must be true or false", kind(&label)))?;
    let record = read(line)?;
    let text = record.one()?.to_owned();
    Ok(Record { answer: Answered::Labelled(text, label), ..record })
}

pub(super) fn write_labelled(record: &Record) -> Result<Map<String, Value>, String> {
    let Answered::Labelled(text, label) = &record.answer else {
        return Err("`label` is not known".to_owned());
    };
    let fields = [("prompt", json!(record.asked)), ("completion", said(text)), ("label", json!(label))];
    Ok(with(&record.extra, fields))
}

pub(super) fn read_preference(mut line: Map<String, Value>) -> Result<Record, String> {
    let asked = prompt(&take(&mut line, "prompt")?, "prompt")?;
    let chosen = completion(&take(&mut line, "chosen")?, "chosen")?;
    let rejected = completion(&take(&mut line, "rejected")?, "rejected")?;
    Ok(Record { asked, answer: Answered::Pair { chosen, rejected }, extra: line })
}

pub(super) fn write_preference(record: &Record) -> Result<Map<String, Value>, String> {
    let Answered::Pair { chosen, rejected } = &record.answer else {
        return Err("`rejected` is not known: there is one answer".to_owned());
    };
    let fields = [("prompt", json!(record.asked)), ("chosen", said(chosen)), ("rejected", said(rejected))];
    Ok(with(&record.extra, fields))
}
