//! Is a lesson due? Pure: everything it looks at is an argument.

use std::fmt;

use handover::State;

use crate::Lessons;

/// What is known of a site when its turn comes.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub state: State,
    /// Audits of the version in Shadow.
    pub audits: u64,
    /// Exchanges since the last lesson was drawn, or since drift was found.
    pub new_exchanges: u64,
    /// Lessons in a row that led to no promotion.
    pub failed_lessons: u32,
    /// A person asked for a lesson.
    pub asked: bool,
    /// Mean requests a second over the policy's window.
    pub requests_per_s: f64,
}

/// Whether to start, and if not, why not.
#[derive(Clone, Debug, PartialEq)]
pub enum Due {
    Now,
    /// There is nothing to learn while the site stands so.
    NotWanted,
    NeedsExchanges {
        have: u64,
        need: u64,
    },
    Busy {
        requests_per_s: f64,
    },
}

impl fmt::Display for Due {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => formatter.write_str("is next"),
            Self::NotWanted => formatter.write_str("not while the site stands so"),
            Self::NeedsExchanges { have, need } => write!(formatter, "has {have} of {need} new exchanges"),
            Self::Busy { requests_per_s } => {
                write!(formatter, "waits for a quiet moment, {requests_per_s:.1} requests/s now")
            }
        }
    }
}

/// Decides for one site.
#[must_use]
pub fn due(facts: &Facts, lessons: &Lessons) -> Due {
    let wanted = match facts.state {
        State::Teacher => true,
        // The version on trial gets its chance first.
        State::Shadow => facts.audits >= lessons.shadow_audits_max,
        State::Canary | State::Student | State::Held => false,
    };
    if facts.asked && facts.state != State::Held {
        return Due::Now;
    }
    if !wanted {
        return Due::NotWanted;
    }
    let need = lessons.exchanges_min.saturating_mul(1 << facts.failed_lessons.min(16));
    if facts.new_exchanges < need {
        return Due::NeedsExchanges { have: facts.new_exchanges, need };
    }
    if facts.requests_per_s > lessons.quiet.requests_per_s {
        return Due::Busy { requests_per_s: facts.requests_per_s };
    }
    Due::Now
}
