//! The records of JSONL files, those that are built in and those that somebody brings: what can be read, and what cannot, with its line.

use std::io::Read;
use std::path::Path;

use dataset::Lines;
use serde::de::DeserializeOwned;

use crate::GenerateError;
use crate::facts::Refused;

/// Records with their lines, and the lines that are none.
type Numbered<T> = (Vec<(usize, T)>, Vec<Refused>);

/// A file of somebody's, or the one that is built in.
pub(crate) struct Source<'a> {
    pub(crate) path: Option<&'a Path>,
    /// Name and text of the one that is built in.
    pub(crate) built_in: (&'static str, &'static str),
}

impl Source<'_> {
    /// What a person calls it.
    pub(crate) fn name(&self) -> String {
        self.path.map_or_else(|| self.built_in.0.to_owned(), |path| path.display().to_string())
    }

    /// The whole of it, for files that are not one record a line.
    pub(crate) fn text(&self) -> Result<String, GenerateError> {
        match self.path {
            Some(path) => Ok(fs_err::read_to_string(path)?),
            None => Ok(self.built_in.1.to_owned()),
        }
    }

    /// Every record that can be read, with its line; and the lines that are none.
    pub(crate) fn numbered<T: DeserializeOwned>(&self) -> Result<Numbered<T>, GenerateError> {
        match self.path {
            Some(path) => numbered(&self.name(), dataset::open_lines(path)?),
            None => numbered(&self.name(), Lines::new(self.built_in.1.as_bytes())),
        }
    }

    /// The same without the lines' numbers.
    pub(crate) fn records<T: DeserializeOwned>(&self) -> Result<(Vec<T>, Vec<Refused>), GenerateError> {
        self.numbered().map(plain)
    }
}

/// Every record of `path` that can be read, and every line that cannot, with its reason.
pub(crate) fn read_records<T: DeserializeOwned>(path: &Path) -> Result<(Vec<T>, Vec<Refused>), GenerateError> {
    numbered(&path.display().to_string(), dataset::open_lines(path)?).map(plain)
}

fn plain<T>((records, refused): Numbered<T>) -> (Vec<T>, Vec<Refused>) {
    (records.into_iter().map(|(_, record)| record).collect(), refused)
}

fn numbered<T: DeserializeOwned>(file: &str, lines: Lines<impl Read>) -> Result<Numbered<T>, GenerateError> {
    let (mut records, mut refused) = (Vec::new(), Vec::new());
    for line in lines {
        let (number, _, text) = line?;
        let record = text.map_err(|problem| problem.to_string());
        match record.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string())) {
            Ok(record) => records.push((number, record)),
            Err(reason) => refused.push(Refused { file: file.to_owned(), line: number, reason }),
        }
    }
    Ok((records, refused))
}
