//! What was found of one thing that can be good or bad: `check`, `doctor` and the look at the teacher say it. Finds nothing itself.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Ok,
    /// It works, and a person should look at it.
    Warn,
    Fail,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What was found of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) name: &'static str,
    pub(crate) state: State,
    pub(crate) said: String,
    /// What to do about it; empty where nothing is to be done.
    pub(crate) todo: String,
}

impl Finding {
    pub(crate) fn ok(name: &'static str, said: impl Into<String>) -> Self {
        Self { name, state: State::Ok, said: said.into(), todo: String::new() }
    }

    pub(crate) fn warn(name: &'static str, said: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { name, state: State::Warn, said: said.into(), todo: todo.into() }
    }

    pub(crate) fn fail(name: &'static str, said: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { name, state: State::Fail, said: said.into(), todo: todo.into() }
    }

    /// Good, or wrong with what to do.
    pub(crate) fn of(name: &'static str, found: Result<String, String>, todo: &str) -> Self {
        match found {
            Ok(said) => Self::ok(name, said),
            Err(problem) => Self::fail(name, problem, todo),
        }
    }
}
