//! From a file's text to the settings: every problem that can be seen at once, each with the place where it stands. A value that cannot be read is
//! noted and taken out, and the rest is read on.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use crate::settings::nearest::{self, allowed};
use crate::settings::sections::Site;
use crate::settings::{Settings, problems, sites};

/// Problems of one file that are looked for; whoever has more begins with these.
const PROBLEMS_MAX: usize = 20;

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(super) message: String,
    /// Where in the text, in bytes.
    pub(super) at: Option<Range<usize>>,
    pub(super) help: Option<String>,
}

/// Reads and checks a configuration's text.
pub(super) fn read(text: &str) -> Result<Settings, Vec<Problem>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let syntax = |error: toml::de::Error| Problem { message: error.message().to_owned(), at: error.span(), help: None };
    let mut found: Vec<Problem> = errors.into_iter().map(syntax).collect();
    // What a broken text means is not guessed at.
    let settings = if found.is_empty() { read_all(root, &mut found) } else { None };
    found.truncate(PROBLEMS_MAX);
    found.sort_by_key(|problem| problem.at.as_ref().map(|at| at.start));
    settings.filter(|_| found.is_empty()).ok_or(found)
}

fn read_all(whole: Spanned<DeTable<'_>>, found: &mut Vec<Problem>) -> Option<Settings> {
    let mut root = whole.clone();
    read_sites(&whole, &mut root, found);
    let settings = section::<Settings>(&mut root, "", found)?.trained_as_served();
    let mut said = problems::of(&settings);
    said.extend(sites::problems(&settings));
    said.extend(settings.match_rules().err());
    found.extend(said.into_iter().map(|message| placed(message, &whole)));
    Some(settings)
}

/// The rules of single sites, which are read key by key over those of every site: here they are only looked at, and what cannot be read is taken out.
fn read_sites(whole: &Spanned<DeTable<'_>>, root: &mut Spanned<DeTable<'_>>, found: &mut Vec<Problem>) {
    let Some(DeValue::Table(all)) = whole.get_ref().get("sites").map(Spanned::get_ref) else { return };
    for (name, value) in all {
        let DeValue::Table(table) = value.get_ref() else { continue };
        let name = name.get_ref();
        let before = found.len();
        let mut own = Spanned::new(value.span(), table.clone());
        for (part, section) in [
            ("handover", section_of::<handover::Policy> as SectionOf),
            ("verifiers", section_of::<verify::VerifierSettings>),
        ] {
            if let Some(DeValue::Table(rules)) = own.get_mut().remove(part).map(Spanned::into_inner) {
                section(Spanned::new(value.span(), rules), &format!("sites.{name}.{part}"), found);
            }
        }
        section_of::<Site>(own, &format!("sites.{name}"), found);
        let broken: Vec<Range<usize>> = found.iter().skip(before).filter_map(|problem| problem.at.clone()).collect();
        broken.iter().for_each(|at| drop(take_out(root.get_mut(), at)));
    }
}

type SectionOf = fn(Spanned<DeTable<'_>>, &str, &mut Vec<Problem>);

fn section_of<T: DeserializeOwned>(mut table: Spanned<DeTable<'_>>, name: &str, found: &mut Vec<Problem>) {
    section::<T>(&mut table, name, found);
}

/// A table as the section `name`; nothing where something is wrong that cannot be taken out.
fn section<T: DeserializeOwned>(table: &mut Spanned<DeTable<'_>>, name: &str, found: &mut Vec<Problem>) -> Option<T> {
    while found.len() < PROBLEMS_MAX {
        let error = match T::deserialize(Deserializer::from(table.clone())) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let taken = error.span().and_then(|at| take_out(table.get_mut(), &at));
        let path = match (&taken, name) {
            (Some(key), "") => key.clone(),
            (Some(key), name) => format!("{name}.{key}"),
            (None, name) => name.to_owned(),
        };
        let (message, help) = nearest::said(error.message(), &path);
        found.push(Problem { message, at: error.span(), help });
        taken?;
    }
    None
}

/// Takes the innermost key out that is, or whose value is, at this place; its dotted name.
fn take_out(table: &mut DeTable<'_>, at: &Range<usize>) -> Option<String> {
    for (key, value) in table.iter_mut() {
        if let DeValue::Table(inner) = value.get_mut()
            && let Some(found) = take_out(inner, at)
        {
            return Some(format!("{}.{found}", key.get_ref()));
        }
    }
    let found = table.iter().find(|(key, value)| holds(&key.span(), at) || reaches(value, at));
    let name = found?.0.get_ref().to_string();
    table.remove(name.as_str());
    Some(name)
}

fn holds(span: &Range<usize>, at: &Range<usize>) -> bool {
    span.start <= at.start && at.start < span.end.max(span.start + 1)
}

/// Whether a value, or anything in it, is at this place: lists of tables stand in many.
fn reaches(value: &Spanned<DeValue<'_>>, at: &Range<usize>) -> bool {
    holds(&value.span(), at)
        || match value.get_ref() {
            DeValue::Table(table) => table.iter().any(|(key, value)| holds(&key.span(), at) || reaches(value, at)),
            DeValue::Array(values) => values.iter().any(|value| reaches(value, at)),
            _ => false,
        }
}

/// A problem whose message begins with the key that it is about, or names it further on.
fn placed(message: String, root: &Spanned<DeTable<'_>>) -> Problem {
    let is_path = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    let words = message.split(|letter| !is_path(letter)).filter(|word| !word.is_empty());
    let mut paths: Vec<&str> = words.map(|word| word.trim_end_matches('.')).filter(|word| word.contains('.')).collect();
    // A name without dots may be a key of the section that the message begins with.
    let section = message.split(|letter| !is_path(letter)).next().unwrap_or_default().to_owned();
    let inner = message.split('`').nth(1).map(|name| format!("{section}.{name}"));
    paths.extend(inner.as_deref());
    let at = paths.iter().find_map(|path| place(root.get_ref(), path)).or_else(|| place(root.get_ref(), &section));
    let help = paths.first().and_then(|path| allowed(path));
    Problem { message, at, help }
}

/// Where the value of a dotted key stands.
fn place(table: &DeTable<'_>, path: &str) -> Option<Range<usize>> {
    for (key, value) in table {
        let Some(rest) = path.strip_prefix(key.get_ref().as_ref()) else { continue };
        match (rest.strip_prefix('.'), value.get_ref()) {
            (None, _) if rest.is_empty() => return Some(value.span()),
            (Some(rest), DeValue::Table(inner)) => {
                if let Some(found) = place(inner, rest) {
                    return Some(found);
                }
            }
            _ => {}
        }
    }
    None
}
