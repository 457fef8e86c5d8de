//! What models are asked, from the template files of `seeds/prompts/`, which are built in; a folder of one's own goes before them.
//!
//! A slot that a template names and nobody fills is an error, never an empty place in a prompt.

use std::path::{Path, PathBuf};

use fs_err as fs;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use wire::{Prompt, Role, Sampling, Turn};

use crate::GenerateError;

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../seeds/prompts/", $name, ".jinja")))),*]
    };
}

/// Every template, by its name.
const BUILT_IN: &[(&str, &str)] = built_in![
    "dialogue/scene",
    "dialogue/grow",
    "levels/level",
    "levels/map",
    "levels/request",
    "self_play/request",
    "self_instruct/instructions",
    "self_instruct/classification",
    "self_instruct/input_first",
    "self_instruct/output_first",
    "autoif/instructions",
    "autoif/function",
    "autoif/repair",
    "autoif/translation",
    "autoif/relation",
    "autoif/response",
    "autoif/score",
];

/// The templates of a run.
pub struct Prompts(Environment<'static>);

impl Prompts {
    /// The built-in templates, each replaced by the file of its name in `folder` where there is one.
    ///
    /// # Errors
    /// When a file cannot be read, or a template is not well formed.
    pub fn load(folder: Option<&Path>) -> Result<Self, GenerateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| failed("syntax", None, &error))?);
        for (name, built_in) in BUILT_IN {
            let own = folder.map(|folder| folder.join(format!("{name}.jinja"))).filter(|path| path.is_file());
            let text = own.as_ref().map(fs::read_to_string).transpose()?;
            let text = text.unwrap_or_else(|| (*built_in).to_owned());
            environment.add_template_owned(*name, text).map_err(|error| failed(name, own, &error))?;
        }
        Ok(Self(environment))
    }

    /// The text of template `name` with `slots`.
    ///
    /// # Errors
    /// When there is no such template, or a slot is missing.
    pub fn render(&self, name: &str, slots: impl Serialize) -> Result<String, GenerateError> {
        let text = self.0.get_template(name).and_then(|template| template.render(Serde(slots)));
        Ok(text.map_err(|error| failed(name, None, &error))?.trim().to_owned())
    }
}

fn failed(name: &str, file: Option<PathBuf>, error: &minijinja::Error) -> GenerateError {
    let name = file.map_or_else(|| name.to_owned(), |path| path.display().to_string());
    // The whole chain: the outer error alone does not name the slot.
    let mut problem = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        problem = format!("{problem}: {inner}");
        source = inner.source();
    }
    GenerateError::Template { name, problem }
}

/// A question of one turn.
pub(crate) fn question(text: String, max_tokens: u32, sampling: Sampling) -> Prompt {
    Prompt::new(vec![Turn::new(Role::User, text)], max_tokens, sampling)
}

/// The name of every template.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// The words that every prompt of template `name` begins with: how a scripted teacher knows what it is asked.
#[must_use]
pub fn opening(name: &str) -> &'static str {
    let text = BUILT_IN.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| *text);
    let text = text.rsplit_once("#}").map_or(text, |(_, text)| text).trim_start();
    let end = text.find(['\n', '{']).unwrap_or(text.len());
    text.get(..end).unwrap_or_default().trim_end()
}
