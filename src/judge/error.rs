//! Why there is no verdict.

/// What went wrong, with which value. None of them says anything about the answers that were to be judged.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum JudgeError {
    /// Prices and limits are in the currency of the settings.
    #[error(
        "the judge's budget of {limit} for UTC day {day} is spent: {spent} is paid or reserved and a call may cost \
         {needed}; raise `judge.budget_per_day` or wait for the next day"
    )]
    BudgetSpent { limit: f64, spent: f64, needed: f64, day: u64 },
    #[error("the judge is switched off: set `judge.model`")]
    Disabled,
    #[error("the judge's settings cannot be used: {}", .0.join("; "))]
    Settings(Vec<String>),
    #[error("the judge gave no answer: {0}")]
    Model(#[from] wire::ModelError),
    /// `text` is the beginning of what the judge wrote.
    #[error("the judge's answer cannot be read: {problem}; it begins {text:?}")]
    Unreadable { problem: String, text: String },
    #[error("a sentinel set needs {wanted} good and {wanted} bad answers and has {good} and {bad}")]
    Sentinels { good: usize, bad: usize, wanted: usize },
}
