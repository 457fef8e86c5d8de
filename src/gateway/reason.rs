//! Why a chat request went where it went: one list for the `x-apprentice-reason` header, the metric label, the
//! API and the documents (`docs/reference/reasons.md`).

use std::fmt;

use handover::State;
use handover::plan::Because;
use wire::Ineligible;

/// The reason of one request's route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The call site's state and the dice.
    Plan(Because),
    /// The client named no call site and none was found.
    DefaultSite,
    /// The request is not understood; the teacher may.
    NotUnderstood,
    /// Not a chat request: passed through.
    PassedThrough,
    /// Streamed through unread.
    BodyTooLarge,
    /// A student can never be asked this.
    Ineligible(Ineligible),
    /// The student's queue is full.
    StudentBusy,
    /// The student gave no answer.
    StudentFailed,
    /// The student did not finish in time.
    StudentTimeout,
    /// The student's confidence is below the proven threshold.
    Unsure,
    /// The teacher cannot be reached, is broken or its model is gone; the site's proven student stands in.
    TeacherDown,
    /// A verifier refused the student's answer, by its name.
    Refused(&'static str),
}

impl Reason {
    /// The metric label: one of a fixed list.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Plan(because) => because.label(),
            Self::DefaultSite => "default-site",
            Self::NotUnderstood => "not-understood",
            Self::PassedThrough => "passed-through",
            Self::BodyTooLarge => "body-too-large",
            Self::Ineligible(Ineligible::Field(_)) => "field",
            Self::Ineligible(Ineligible::Content(_)) => "content",
            Self::Ineligible(Ineligible::Messages) => "messages-malformed",
            Self::Ineligible(Ineligible::LastTurn) => "last-turn-not-user",
            Self::Ineligible(Ineligible::Schema(_)) => "schema-not-supported",
            Self::Ineligible(Ineligible::TooLong { .. }) => "prompt-too-long",
            Self::StudentBusy => "student-busy",
            Self::StudentFailed => "student-failed",
            Self::StudentTimeout => "student-timeout",
            Self::Unsure => "unsure",
            Self::TeacherDown => "teacher-down",
            Self::Refused(verifier) => verifier,
        }
    }

    /// Every reason with what it means, for the documents.
    #[must_use]
    pub fn reference() -> Vec<(Self, &'static str)> {
        let state = |state, meaning| (Self::Plan(Because::State(state)), meaning);
        let mut all = vec![
            state(State::Teacher, "no version is on trial"),
            state(State::Shadow, "a version is compared, the teacher answers"),
            state(State::Canary, "a share of the requests goes to the student, and this one does"),
            state(State::Student, "the student answers whatever it may"),
            state(State::Held, "an operator stopped the site"),
            (Self::Plan(Because::CanaryDice), "in Canary, and the dice gave this request to the teacher"),
            (Self::Plan(Because::Challenger), "a newer version's canary share"),
            (Self::Plan(Because::StudentFailing), "the student failed too often in a row"),
            (Self::Plan(Because::TooManySites), "more call sites than are kept apart"),
            (Self::Plan(Because::LogUnavailable), "the hand-over log cannot be opened or written"),
            (Self::DefaultSite, "the client named no call site, and its prompts are of none that was found"),
            (Self::NotUnderstood, "the request is not understood; the teacher may"),
            (Self::PassedThrough, "not a chat request"),
            (Self::BodyTooLarge, "a body larger than proxy.body_mb streams through unread"),
            (
                Self::Ineligible(Ineligible::Field("NAME".into())),
                "the request uses a field that students do not honour, that says nothing anybody understands, or that the teacher's model refuses (`teacher.parameters`)",
            ),
            (Self::Ineligible(Ineligible::Content("KIND".into())), "a message holds what students cannot read"),
            (Self::Ineligible(Ineligible::Messages), "the messages are malformed"),
            (Self::Ineligible(Ineligible::LastTurn), "the conversation does not end with a user's message"),
            (
                Self::Ineligible(Ineligible::Schema(String::new())),
                "the answer must keep to a schema that is none, or that students cannot be held to",
            ),
            (
                Self::Ineligible(Ineligible::TooLong { tokens: 0, limit: 0 }),
                "the prompt does not fit the student's context",
            ),
            (Self::StudentBusy, "the student's queue is full, or what is in it would make the answer late"),
            (Self::StudentFailed, "the student gave no answer"),
            (Self::StudentTimeout, "the student did not finish in time"),
            (Self::Unsure, "the student's confidence is below the proven threshold"),
            (Self::TeacherDown, "the teacher cannot answer, and `offline.fallback` lets the student stand in"),
        ];
        all.extend(
            verify::verifier::NAMES.iter().map(|name| (Self::Refused(name), "a verifier refused the student's answer")),
        );
        all
    }
}

/// The header's text: the label, with the name of the field or the kind of content where there is one.
impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ineligible(ineligible) => ineligible.fmt(formatter),
            other => formatter.write_str(other.label()),
        }
    }
}
