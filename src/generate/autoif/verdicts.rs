//! What functions said, kept beside the journal. A limit of time makes a verdict depend on the machine's load; a run that is walked
//! again must find the same ones, or it would ask the model other questions than it has paid for.

use std::collections::HashMap;
use std::io::Write;

use fs_err as fs;
use futures_util::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use super::tools::{Verdict, Verifiers};
use crate::GenerateError;
use crate::records::read_records;
use crate::run::Run;

const FILE: &str = "verdicts.jsonl";
/// Functions at work at a time; how many processes they have is the tool's affair.
const AT_ONCE: usize = 8;
/// Bytes of texts that are put to a function in one go; a longer text is not put to any.
const BYTES_MAX: usize = 1 << 20;

/// One function and the texts that it is to judge.
pub(super) struct Question<'a> {
    pub(super) source: &'a str,
    pub(super) texts: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Known {
    key: String,
    verdicts: Vec<Verdict>,
}

/// The verdicts of a run.
pub(super) struct Verdicts<'a> {
    verifiers: &'a dyn Verifiers,
    known: HashMap<String, Vec<Verdict>>,
    file: fs::File,
}

impl<'a> Verdicts<'a> {
    /// Reads what the run's folder holds; a torn line is asked again.
    pub(super) fn open(run: &Run, verifiers: &'a dyn Verifiers) -> Result<Self, GenerateError> {
        let path = run.folder().join(FILE);
        let records: Vec<Known> = if path.try_exists()? { read_records(&path)?.0 } else { Vec::new() };
        let known = records.into_iter().map(|known| (known.key, known.verdicts)).collect();
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&path)?;
        // Behind a torn line.
        file.write_all(b"\n")?;
        Ok(Self { verifiers, known, file })
    }

    /// The verdicts on every question's texts, in the questions' order; on disk before they are used.
    pub(super) async fn of(&mut self, questions: &[Question<'_>]) -> Result<Vec<Vec<Verdict>>, GenerateError> {
        let keys: Vec<String> = questions.iter().map(key).collect();
        let open = keys.iter().zip(questions).filter(|(key, _)| !self.known.contains_key(*key));
        let work = open.map(|(key, question)| {
            let verifiers = self.verifiers;
            async move { Ok::<_, GenerateError>((key, applied(verifiers, question).await?)) }
        });
        let done: Vec<(&String, Vec<Verdict>)> =
            futures_util::stream::iter(work.collect::<Vec<_>>()).buffered(AT_ONCE).try_collect().await?;
        let done: Vec<Known> = done.into_iter().map(|(key, verdicts)| Known { key: key.clone(), verdicts }).collect();
        self.file.write_all(&dataset::json_lines(&done)?)?;
        self.file.sync_data()?;
        self.known.extend(done.into_iter().map(|known| (known.key, known.verdicts)));
        Ok(keys.iter().map(|key| self.known.get(key).cloned().unwrap_or_default()).collect())
    }
}

fn key(question: &Question<'_>) -> String {
    let mut hasher = blake3::Hasher::new();
    for text in std::iter::once(question.source).chain(question.texts.iter().map(String::as_str)) {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

/// The verdicts on all texts, asked for in portions.
async fn applied(verifiers: &dyn Verifiers, question: &Question<'_>) -> Result<Vec<Verdict>, GenerateError> {
    let mut verdicts = Vec::with_capacity(question.texts.len());
    let mut open = question.texts.as_slice();
    while let Some(first) = open.first() {
        if first.len() > BYTES_MAX {
            verdicts.push(Verdict::Failed(format!("the text has {} bytes, more than {BYTES_MAX}", first.len())));
            open = open.get(1..).unwrap_or_default();
            continue;
        }
        let mut bytes = 0;
        let fits = open.iter().take_while(|text| {
            bytes += text.len();
            bytes <= BYTES_MAX
        });
        let (portion, rest) = open.split_at(fits.count());
        let mut said = verifiers.apply(question.source, portion).await?;
        said.resize(portion.len(), Verdict::Failed("it gave no verdict".into()));
        verdicts.append(&mut said);
        open = rest;
    }
    Ok(verdicts)
}
