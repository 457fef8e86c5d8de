//! Answers that must be JSON: which tokens may come next, and which must.
//!
//! The grammar work is llguidance's; here it meets our tokenizer. A schema is compiled once and then copied. What may call functions
//! has a grammar of its own (`calls`).

mod calls;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use llguidance::api::{ParserLimits, TopLevelGrammar};
use llguidance::toktrie::{TokEnv, TokRxInfo, TokTrie, TokenId, TokenizerEnv};
use llguidance::{Matcher, ParserFactory};
use parking_lot::Mutex;
use serde_json::{Value, json};
use wire::Form;

use crate::StudentError;
use crate::format::Format;

/// Compiled schemas that are kept; past that all are let go.
const KNOWN_MAX: usize = 64;
/// JSON of any kind, as OpenAI's `json_object` asks for.
const OBJECT: &str = r#"{"type":"object"}"#;
/// What may stand between two parts of the JSON: nothing, a space, or a new line and its indentation. As much as one likes would be a
/// place for a model to get lost in.
const WHITE_SPACE: &str = r"( |\n {0,32})?";

/// The forms of a base's answers.
pub(crate) struct Forms {
    format: Arc<Format>,
    /// Made when the first answer needs it: a second's work at a vocabulary of 262,144. Locked while a schema is compiled.
    factory: Mutex<Option<ParserFactory>>,
    known: Mutex<HashMap<blake3::Hash, Matcher>>,
}

/// What keeps one answer to its form.
pub(crate) struct Constraint(Box<Matcher>);

impl Forms {
    pub(crate) fn new(format: Arc<Format>) -> Self {
        Self { format, factory: Mutex::default(), known: Mutex::default() }
    }

    /// The constraint of a new answer, where it takes no making: none where any text will do.
    pub(crate) fn known(&self, form: &Form) -> Option<Option<Constraint>> {
        let Some(source) = source(form) else { return Some(None) };
        let known = self.known.lock();
        known.get(&blake3::hash(source.as_bytes())).map(|known| Some(Constraint(Box::new(known.deep_clone()))))
    }

    /// The same, made where it is not known: up to seconds of work.
    ///
    /// # Errors
    /// When the schema is none, or asks for what no grammar can say.
    pub(crate) fn begin(&self, form: &Form) -> Result<Option<Constraint>, StudentError> {
        if let Some(known) = self.known(form) {
            return Ok(known);
        }
        let Some(source) = source(form) else { return Ok(None) };
        let matcher = self.compile(form, &source)?;
        let mut known = self.known.lock();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(blake3::hash(source.as_bytes()), matcher.deep_clone());
        Ok(Some(Constraint(Box::new(matcher))))
    }

    fn compile(&self, form: &Form, source: &str) -> Result<Matcher, StudentError> {
        let mut made = self.factory.lock();
        let factory = match &mut *made {
            Some(factory) => factory,
            none => none.insert(factory(&self.format)?),
        };
        // A schema is a stranger's; whatever it does to its reader, the other answers go on.
        let parser = catch_unwind(AssertUnwindSafe(|| {
            grammar(form, source).map(|grammar| Matcher::new(factory.create_parser(grammar)))
        }));
        let matcher = parser.map_err(|_| StudentError::Form("the schema's reader panicked".to_owned()))??;
        matcher.get_error().map_or(Ok(matcher), |error| Err(StudentError::Form(error)))
    }
}

/// What a form is known by: the schema of an answer in JSON, or all that is said of the functions; none where any text will do.
fn source(form: &Form) -> Option<Cow<'_, str>> {
    match form {
        Form::Text => None,
        Form::JsonObject => Some(Cow::Borrowed(OBJECT)),
        Form::JsonSchema(schema) => Some(Cow::Borrowed(schema)),
        Form::Calls(tools) => Some(Cow::Owned(format!("{tools:?}"))),
    }
}

/// The grammar of `form`, whose schema is `source`.
fn grammar(form: &Form, source: &str) -> Result<TopLevelGrammar, StudentError> {
    if let Form::Calls(tools) = form {
        return calls::grammar(tools).map(TopLevelGrammar::from_lark);
    }
    let mut schema: Value = serde_json::from_str(source).map_err(unkept)?;
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("x-guidance".to_owned(), json!({"whitespace_pattern": WHITE_SPACE}));
    }
    Ok(TopLevelGrammar::from_json_schema(schema))
}

impl Constraint {
    /// `logits` with minus infinity for every token that may not come next, and how many may; nothing where no logit is left.
    ///
    /// # Errors
    /// When the grammar's work grows out of hand.
    pub(crate) fn mask(&mut self, logits: &[f32]) -> Result<Option<(Vec<f32>, usize)>, StudentError> {
        let allowed = self.0.compute_mask_or_eos().map_err(unkept)?;
        let mut masked = vec![f32::NEG_INFINITY; logits.len()];
        let (mut any, mut count) = (false, 0);
        allowed.iter_set_entries(|id| {
            if let (Some(masked), Some(logit)) = (masked.get_mut(id), logits.get(id)) {
                *masked = *logit;
                any |= *logit > f32::NEG_INFINITY;
                count += 1;
            }
        });
        Ok(any.then_some((masked, count)))
    }

    /// Takes the chosen token, which is none that ends an answer; the tokens that can only follow it.
    ///
    /// # Errors
    /// When the token may not come next.
    pub(crate) fn take(&mut self, token: u32) -> Result<Vec<u32>, StudentError> {
        self.0.consume_token(token).map_err(unkept)?;
        Ok(if self.0.is_stopped() { Vec::new() } else { self.0.consume_ff_tokens() })
    }
}

fn unkept(why: impl Display) -> StudentError {
    StudentError::Form(why.to_string())
}

/// Our tokenizer as llguidance wants it.
struct Vocabulary {
    trie: TokTrie,
    format: Arc<Format>,
}

impl TokenizerEnv for Vocabulary {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        self.trie.tokenize_with_greedy_fallback(bytes, |text| {
            self.format.tokenizer.encode(text).unwrap_or_else(|_| self.trie.greedy_tokenize(text.as_bytes()))
        })
    }
}

fn limits() -> ParserLimits {
    ParserLimits { verbose_errors: false, ..ParserLimits::default() }
}

fn factory(format: &Arc<Format>) -> Result<ParserFactory, StudentError> {
    let words = format.tokenizer.token_bytes();
    let info = TokRxInfo::new(words.len() as u32, format.tokenizer.special.end_of_turn);
    let ends: Vec<TokenId> = format.stop_ids.iter().copied().filter(|id| (*id as usize) < words.len()).collect();
    let trie = TokTrie::from(&info, &words).with_eos_tokens(&ends);
    let env: TokEnv = Arc::new(Vocabulary { trie, format: Arc::clone(format) });
    let mut factory = ParserFactory::new_simple(&env).map_err(unkept)?;
    *factory.limits_mut() = limits();
    factory.quiet();
    Ok(factory)
}

#[cfg(test)]
mod tests;
