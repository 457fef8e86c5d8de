//! Is a lesson due? Pure: everything it looks at is an argument.

use std::fmt;

use handover::State;

use crate::LessonSettings;

/// What is known of a site when its turn comes.
#[derive(Clone, Copy, Debug)]
pub struct ScheduleInput {
    pub state: State,
    /// The serving version's threshold covers clearly fewer requests than it did.
    pub coverage_lost: bool,
    /// Audits of the version in Shadow.
    pub audits: u64,
    /// Of a challenger, if there is one.
    pub challenger_audits: Option<u64>,
    /// Trainable prompts since the last lesson was drawn, or since drift was found.
    pub new_exchanges: u64,
    /// Lessons in a row whose version was not handed over.
    pub fruitless_lessons: u32,
    /// An operator asked for a lesson.
    pub requested: bool,
    /// Mean requests a second over the policy's window.
    pub requests_per_s: f64,
}

/// Whether to start, and if not, what blocks it.
#[derive(Clone, Debug, PartialEq)]
pub enum Due {
    Now,
    /// Lessons are switched off.
    Disabled,
    Held,
    /// The version on trial gets its chance first.
    OnTrial {
        audits: u64,
        audits_max: u64,
    },
    /// A version serves, and `refresh_factor = 0` asks for no other.
    Serving,
    InCanary,
    /// A challenger gets its chance first; without one it leaves by itself.
    Challenged {
        audits: u64,
    },
    NeedsExchanges {
        have: u64,
        need: u64,
    },
    Busy {
        requests_per_s: f64,
        requests_per_s_max: f64,
    },
}

impl fmt::Display for Due {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => formatter.write_str("due: begins when no other lesson runs"),
            Self::Disabled => formatter.write_str("disabled by lessons.enabled"),
            Self::Held => formatter.write_str("blocked: the site is held; `promote` releases it"),
            Self::Serving => formatter.write_str("not needed: the student serves, and lessons.refresh_factor is 0"),
            Self::InCanary => formatter.write_str("waiting for the canary's end"),
            Self::Challenged { audits } => write!(formatter, "waiting for the challenger on trial: {audits} audits"),
            Self::OnTrial { audits, audits_max } => {
                write!(formatter, "waiting for the version on trial: {audits} of {audits_max} audits")
            }
            Self::NeedsExchanges { have, need } => {
                write!(formatter, "waiting for exchanges: {have} of {need} trainable prompts")
            }
            Self::Busy { requests_per_s, requests_per_s_max } => {
                write!(
                    formatter,
                    "waiting for less traffic: {requests_per_s:.1} requests/s, {requests_per_s_max:.1} at most"
                )
            }
        }
    }
}

/// Decides for one site.
#[must_use]
pub fn due(input: &ScheduleInput, settings: &LessonSettings) -> Due {
    if !settings.enabled {
        return Due::Disabled;
    }
    match input.state {
        State::Held => return Due::Held,
        _ if input.requested => return Due::Now,
        State::Canary if !input.coverage_lost => return Due::InCanary,
        State::Student if let Some(audits) = input.challenger_audits => return Due::Challenged { audits },
        State::Shadow if input.audits < settings.shadow_audits_max => {
            return Due::OnTrial { audits: input.audits, audits_max: settings.shadow_audits_max };
        }
        State::Teacher | State::Shadow | State::Canary | State::Student => {}
    }
    // What serves goes on serving; a challenger may learn what it does not cover, or what has been said since.
    let serves_well = input.state == State::Student && !input.coverage_lost;
    let first = settings.exchanges_min.saturating_mul(if serves_well { settings.refresh_factor } else { 1 });
    if first == 0 {
        return Due::Serving;
    }
    let need = first.saturating_mul(1 << input.fruitless_lessons.min(16));
    if input.new_exchanges < need {
        return Due::NeedsExchanges { have: input.new_exchanges, need };
    }
    if input.requests_per_s > settings.quiet.requests_per_s {
        let requests_per_s_max = settings.quiet.requests_per_s;
        return Due::Busy { requests_per_s: input.requests_per_s, requests_per_s_max };
    }
    Due::Now
}

/// Which of the sites that are due is next: one that was asked for before all others, then the one with the most
/// to learn; of equals the first.
#[must_use]
pub fn next<'a, T>(due: impl Iterator<Item = (&'a ScheduleInput, T)>) -> Option<T> {
    let rank = |input: &ScheduleInput| (input.requested, input.new_exchanges);
    let mut best: Option<((bool, u64), T)> = None;
    for (input, site) in due {
        if best.as_ref().is_none_or(|(most, _)| rank(input) > *most) {
            best = Some((rank(input), site));
        }
    }
    best.map(|(_, site)| site)
}
