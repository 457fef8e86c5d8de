//! Why an audit came to nothing: the label of `audits_lost_total`.
//!
//! A lost audit is no evidence, so no cause may depend on what the student would have shown: a student that fails or is
//! late is recorded as giving no answer, and a teacher that refuses what a student answers as evidence against it.

/// The cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    QueueFull,
    /// While the teacher answered: the client never saw the student.
    ClientLeft,
    TeacherUnreachable,
    /// It answered with an error status that says nothing of the request.
    TeacherError,
    /// Its answer is no plain text: a tool call, cut off, unreadable, too long to be kept.
    TeacherNotPlain,
    StudentBusy,
    /// The student cannot be asked this after all.
    Ineligible,
    /// The judge gave no verdict: its budget is spent, or it cannot be reached or read.
    JudgeSilent,
    /// Its turn to be recorded was over before it was complete.
    TooLate,
    /// The record could not be written.
    LogUnavailable,
}

impl Lost {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::ClientLeft => "client_left",
            Self::TeacherUnreachable => "teacher_unreachable",
            Self::TeacherError => "teacher_error",
            Self::TeacherNotPlain => "teacher_not_plain",
            Self::StudentBusy => "student_busy",
            Self::Ineligible => "ineligible",
            Self::JudgeSilent => "judge_silent",
            Self::TooLate => "too_late",
            Self::LogUnavailable => "log_unavailable",
        }
    }
}
