//! A conversation that is being read, text by text: what was called becomes the canonical text of calls, and what came back a
//! text of the user's that says of which function it is.

use std::collections::HashMap;

use crate::calls::{Call, Calls};
use crate::{Ineligible, Role, Turn};

/// What the result of a call begins with; a colon and the result follow the function's name.
const RESULT_OF: &str = "Result of ";

/// See the module.
#[derive(Default)]
pub(crate) struct Conversation {
    turns: Vec<Turn>,
    /// The functions that were called, by the calls' ids.
    called: HashMap<String, String>,
    /// An answer that calls and may go on.
    calling: Option<Calls>,
}

impl Conversation {
    pub(crate) fn say(&mut self, turn: Turn) {
        self.end_calls();
        self.turns.push(turn);
    }

    /// The assistant calls; with what it said just before and calls just after it is one answer.
    pub(crate) fn call(&mut self, id: String, call: Call) {
        self.called.insert(id, call.name.clone());
        match &mut self.calling {
            Some(calling) => calling.calls.push(call),
            None => {
                let said = self.turns.pop_if(|turn| turn.role == Role::Assistant);
                let content = said.map(|turn| turn.text).unwrap_or_default();
                self.calling = Some(Calls { content, calls: vec![call] });
            }
        }
    }

    /// What came of the call `id`.
    ///
    /// # Errors
    /// When there was none.
    pub(crate) fn result(&mut self, id: &str, text: &str) -> Result<(), Ineligible> {
        let name = self.called.get(id).ok_or(Ineligible::Messages)?;
        let turn = Turn::new(Role::User, format!("{RESULT_OF}{name}: {text}"));
        self.say(turn);
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Vec<Turn> {
        self.end_calls();
        self.turns
    }

    fn end_calls(&mut self) {
        let turn = self.calling.take().map(|calls| Turn::new(Role::Assistant, calls.text()));
        self.turns.extend(turn);
    }
}

/// The result that `text` says, if it is what came of the function `name`.
pub(crate) fn result_of<'a>(name: &str, text: &'a str) -> Option<&'a str> {
    text.strip_prefix(RESULT_OF)?.strip_prefix(name)?.strip_prefix(": ")
}
