//! Verifiers of answers that are data: JSON, a schema, tool calls, game levels. Nothing is executed or fetched.

use levels::LevelRules;
use serde_json::Value;
use wire::{Answer, Finish, Prompt, Role};

use super::{Verdict, Verifier, VerifierError, fail_if};
use crate::tools::ToolRules;

/// The whole answer is one JSON value.
#[derive(Debug)]
pub(super) struct Json;

impl Verifier for Json {
    fn check(&self, _: &Prompt, answer: &Answer) -> Verdict {
        fail_if(serde_json::from_str::<serde::de::IgnoredAny>(answer.text.trim()).is_err(), "not-json")
    }
}

/// The answer is JSON that a JSON Schema accepts, or calls, of which the schema says nothing.
#[derive(Debug)]
pub(super) struct Schema(jsonschema::Validator);

impl Schema {
    /// Compiles `schema`: a table, or a text of JSON.
    pub(super) fn new(schema: &Value) -> Result<Self, VerifierError> {
        let parsed =
            schema.as_str().map(serde_json::from_str::<Value>).transpose().map_err(VerifierError::SchemaText)?;
        let schema = parsed.as_ref().unwrap_or(schema);
        let validator = jsonschema::validator_for(schema).map_err(|error| VerifierError::Schema(error.to_string()))?;
        Ok(Self(validator))
    }
}

impl Verifier for Schema {
    fn check(&self, _: &Prompt, answer: &Answer) -> Verdict {
        if answer.finish == Finish::ToolCalls {
            return Verdict::Pass;
        }
        match serde_json::from_str::<Value>(answer.text.trim()) {
            Ok(value) => fail_if(!self.0.is_valid(&value), "schema"),
            Err(_) => Verdict::Fail("not-json"),
        }
    }
}

/// Tool calls in the answer are right.
#[derive(Debug)]
pub(super) struct Tools(pub(super) ToolRules);

impl Verifier for Tools {
    fn check(&self, prompt: &Prompt, answer: &Answer) -> Verdict {
        // All of them: what the functions are is told in one of its own.
        let system = prompt.turns.iter().filter(|turn| turn.role == Role::System).map(|turn| turn.text.as_str());
        let findings = self.0.check(&system.collect::<Vec<_>>().join("\n"), &answer.text);
        fail_if(findings.iter().any(|finding| self.0.is_error(finding)), "tool-call")
    }
}

/// The answer is a playable game level, or calls.
#[derive(Debug)]
pub(super) struct Level(pub(super) LevelRules);

impl Verifier for Level {
    fn check(&self, _: &Prompt, answer: &Answer) -> Verdict {
        let playable = || levels::Map::parse(&answer.text).is_ok_and(|map| levels::is_valid(&map, self.0));
        fail_if(answer.finish != Finish::ToolCalls && !playable(), "level")
    }
}
