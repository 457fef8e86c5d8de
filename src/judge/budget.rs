//! Money: what a call may cost at most is reserved before it is made, and corrected when its usage is known.
//!
//! A reservation that was begun and never settled (a call that failed or was given up) stays spent: the provider may
//! charge for it. Hence what is spent here is never less than what was charged, if the provider honours `max_tokens`.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use wire::{Prompt, Usage};

use crate::{JudgeError, JudgeSettings};

const MS_PER_DAY: u64 = 86_400_000;
/// Tokens that a provider's chat format puts around a turn, and before the answer, at most.
const FRAME_TOKENS: usize = 16;
const PRICED_TOKENS: f64 = 1e6;

/// What was spent or is reserved on a UTC day: what a caller keeps on disk so that a restart cannot spend it again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Days since 1970-01-01 UTC.
    pub day: u64,
    /// In the currency of the settings.
    pub amount: f64,
}

/// The ledger of one day. Days only go forward: a clock that is set back goes on with the later day's money.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: f64,
    input_price: f64,
    output_price: f64,
    spent: Mutex<Spent>,
}

impl Budget {
    pub(crate) fn new(settings: &JudgeSettings) -> Self {
        Self {
            limit: settings.budget_per_day,
            input_price: settings.input_price,
            output_price: settings.output_price,
            spent: Mutex::default(),
        }
    }

    pub(crate) fn spent(&self) -> Spent {
        *self.spent.lock()
    }

    /// Takes over what an earlier process spent. An amount that is no amount counts as the whole limit.
    pub(crate) fn resume(&self, before: Spent) {
        let amount = if before.amount >= 0.0 && before.amount.is_finite() { before.amount } else { self.limit };
        let mut spent = self.spent.lock();
        if before.day > spent.day {
            *spent = Spent { day: before.day, amount };
        } else if before.day == spent.day {
            spent.amount = spent.amount.max(amount);
        }
    }

    /// Sets aside what asking `prompt` may cost at most.
    ///
    /// # Errors
    /// [`JudgeError::BudgetSpent`] when it could pass the day's limit.
    pub(crate) fn reserve(&self, prompt: &Prompt, now_ms: u64) -> Result<Reservation<'_>, JudgeError> {
        let worst = worst_case(prompt);
        let (needed, today) = (self.cost(worst), now_ms / MS_PER_DAY);
        let mut spent = self.spent.lock();
        if today > spent.day {
            *spent = Spent { day: today, amount: 0.0 };
        }
        let Spent { day, amount } = *spent;
        if amount + needed > self.limit {
            return Err(JudgeError::BudgetSpent { limit: self.limit, spent: amount, needed, day });
        }
        spent.amount += needed;
        Ok(Reservation { budget: self, day, worst, begun: false })
    }

    fn cost(&self, usage: Usage) -> f64 {
        let read = f64::from(usage.prompt_tokens) * self.input_price;
        (read + f64::from(usage.completion_tokens) * self.output_price) / PRICED_TOKENS
    }

    /// Puts `actual` in the place of `reserved`, which was taken on `day`; that day may be over.
    fn correct(&self, day: u64, reserved: f64, actual: f64) {
        let mut spent = self.spent.lock();
        if spent.day == day {
            spent.amount = (spent.amount - reserved + actual).max(0.0);
        }
    }
}

/// Most tokens that `prompt` and its answer can have: no token stands for less than a byte.
fn worst_case(prompt: &Prompt) -> Usage {
    let bytes: usize = prompt.turns.iter().map(|turn| turn.text.len() + FRAME_TOKENS).sum();
    let prompt_tokens = u32::try_from(bytes + FRAME_TOKENS).unwrap_or(u32::MAX);
    Usage { prompt_tokens, completion_tokens: prompt.max_tokens }
}

/// Money set aside for one call. Dropped before [`begin`](Self::begin) it goes back, afterwards it is gone.
#[derive(Debug)]
pub(crate) struct Reservation<'a> {
    budget: &'a Budget,
    day: u64,
    worst: Usage,
    begun: bool,
}

impl Reservation<'_> {
    /// The call is being made: from here on it may be charged for.
    pub(crate) fn begin(&mut self) {
        self.begun = true;
    }

    /// The call was refused unread, which costs nothing.
    pub(crate) fn refund(mut self) {
        self.begun = false;
    }

    /// What the call cost by its `usage`; a count that the provider left out is the worst case's.
    pub(crate) fn settle(self, usage: Usage) -> f64 {
        let known = |count: u32, worst: u32| if count == 0 { worst } else { count };
        let actual = self.budget.cost(Usage {
            prompt_tokens: known(usage.prompt_tokens, self.worst.prompt_tokens),
            completion_tokens: known(usage.completion_tokens, self.worst.completion_tokens),
        });
        self.budget.correct(self.day, self.budget.cost(self.worst), actual);
        actual
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if !self.begun {
            self.budget.correct(self.day, self.budget.cost(self.worst), 0.0);
        }
    }
}
