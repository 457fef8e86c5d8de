//! The file of a recorded stream: JSON lines, or CSV with a header. Parses texts; judges nothing.

use serde::Deserialize;

use crate::SimulateError;

/// One request that both have answered.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedRow {
    pub input: String,
    pub teacher: String,
    pub student: String,
    /// The student's, in [0, 1].
    pub confidence: f64,
    /// What is right, where that is known.
    #[serde(default)]
    pub label: Option<String>,
}

/// How a file of rows is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    JsonLines,
    Csv,
}

impl Form {
    /// By the ending of a file's name: `.csv` is CSV.
    #[must_use]
    pub fn of(file: &str) -> Self {
        let is_csv = file.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("csv"));
        if is_csv { Self::Csv } else { Self::JsonLines }
    }
}

/// The rows of `text`; `file` is named in errors.
///
/// # Errors
/// [`SimulateError::Row`] with file and line for a row that is none or whose confidence is outside [0, 1],
/// [`SimulateError::File`] when there is no row.
pub fn read_rows(file: &str, text: &str, form: Form) -> Result<Vec<RecordedRow>, SimulateError> {
    let rows = match form {
        Form::JsonLines => json_lines(file, text)?,
        Form::Csv => csv_rows(file, text)?,
    };
    let wrong = rows.iter().find(|(_, row)| !(0.0..=1.0).contains(&row.confidence));
    if let Some((line, row)) = wrong {
        let problem = format!("confidence = {} must lie in [0, 1]", row.confidence);
        return Err(SimulateError::Row { file: file.to_owned(), line: *line, problem });
    }
    if rows.is_empty() {
        return Err(SimulateError::File { file: file.to_owned(), problem: "it holds no rows".into() });
    }
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

fn json_lines(file: &str, text: &str) -> Result<Vec<(u64, RecordedRow)>, SimulateError> {
    let lines = (1u64..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(line, json)| {
            let row = serde_json::from_str(json);
            let row = row.map_err(|error| {
                // The parser sees one line: its own "line 1" would mislead.
                let problem = error.to_string().replace(" at line 1 column ", " at column ");
                SimulateError::Row { file: file.to_owned(), line, problem }
            });
            Ok((line, row?))
        })
        .collect()
}

fn csv_rows(file: &str, text: &str) -> Result<Vec<(u64, RecordedRow)>, SimulateError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let problem = |error: csv::Error, line: u64, header: &csv::StringRecord| SimulateError::Row {
        file: file.to_owned(),
        line: error.position().map_or(line, csv::Position::line),
        problem: words(&error, header),
    };
    let header = reader.headers().map_err(|error| problem(error, 1, &csv::StringRecord::new()))?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| problem(error, 1, &header))?;
        let line = record.position().map_or(1, csv::Position::line);
        rows.push((line, record.deserialize(Some(&header)).map_err(|error| problem(error, line, &header))?));
    }
    Ok(rows)
}

/// A field by its name: the library knows its place only.
fn words(error: &csv::Error, header: &csv::StringRecord) -> String {
    let csv::ErrorKind::Deserialize { err, .. } = error.kind() else { return error.to_string() };
    let field = err.field().and_then(|at| header.get(usize::try_from(at).ok()?));
    field.map_or_else(|| err.kind().to_string(), |field| format!("{field}: {}", err.kind()))
}
