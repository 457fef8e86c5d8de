//! What the maker begins with: instructions that people wrote, and queries of players and designers that they are put to.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::GenerateError;
use crate::facts::Refused;
use crate::records::Source;

const INSTRUCTIONS: (&str, &str) =
    ("seeds/autoif/instructions.txt", include_str!("../../../seeds/autoif/instructions.txt"));
const QUERIES: (&str, &str) = ("seeds/autoif/queries.jsonl", include_str!("../../../seeds/autoif/queries.jsonl"));

/// One instruction: a rule for an answer that a function can check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) id: String,
    pub(super) text: String,
    /// Whether a person wrote it.
    pub(super) seed: bool,
}

/// The instructions of `path`, one a line, or those that are built in; none twice.
///
/// # Errors
/// When the file cannot be read, or holds none.
pub(super) fn instructions(path: Option<&Path>) -> Result<Vec<Instruction>, GenerateError> {
    let source = Source { path, built_in: INSTRUCTIONS };
    let text = source.text()?;
    let mut seen = BTreeSet::new();
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && seen.insert(line.to_lowercase())).enumerate();
    let instructions: Vec<Instruction> = lines
        .map(|(at, line)| Instruction { id: format!("seed-{at:02}"), text: line.to_owned(), seed: true })
        .collect();
    if instructions.is_empty() {
        return Err(GenerateError::Nothing(format!("{} holds no instruction", source.name())));
    }
    Ok(instructions)
}

/// A line of a file of queries: our own form, or a conversation of ShareGPT's, whose first turn counts.
#[derive(Deserialize)]
struct Record {
    query: Option<String>,
    #[serde(default)]
    conversations: Vec<Value>,
}

impl Record {
    fn query(self) -> Option<String> {
        let asked = |turn: &Value| {
            let by = turn.get("from").or_else(|| turn.get("role"))?.as_str()?;
            let text = turn.get("value").or_else(|| turn.get("content"))?.as_str()?;
            ["human", "user"].contains(&by).then(|| text.to_owned())
        };
        self.query.or_else(|| self.conversations.iter().find_map(asked))
    }
}

/// The queries of `path`, or the built-in ones, with more than `letters.0` and fewer than `letters.1` letters and none twice; and the lines
/// that hold none.
///
/// # Errors
/// When the file cannot be read, or no query is left.
pub(super) fn queries(
    path: Option<&Path>,
    letters: (usize, usize),
) -> Result<(Vec<String>, Vec<Refused>), GenerateError> {
    let source = Source { path, built_in: QUERIES };
    let (records, mut refused) = source.records::<Record>()?;
    let name = source.name();
    let count = records.len();
    let mut seen = BTreeSet::new();
    let asked: Vec<String> = records.into_iter().filter_map(Record::query).collect();
    if asked.len() < count {
        let reason =
            format!("{} records have neither `query` nor a turn of a person in `conversations`", count - asked.len());
        refused.push(Refused { file: name.clone(), line: 0, reason });
    }
    let fits = |query: &String| {
        let count = query.chars().count();
        letters.0 < count && count < letters.1
    };
    let queries: Vec<String> = asked.into_iter().filter(fits).filter(|query| seen.insert(query.clone())).collect();
    if queries.is_empty() {
        let (least, most) = letters;
        return Err(GenerateError::Nothing(format!(
            "{name} holds no query of more than {least} and fewer than {most} letters"
        )));
    }
    Ok((queries, refused))
}
