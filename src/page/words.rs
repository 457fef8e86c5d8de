//! A call site's state in plain sentences. Says what is; decides nothing.

use cycle::{LessonStep, LessonView};
use handover::{Cause, Role, State, Switch};
use ledger::SiteView;

/// `0.932` as `93.2 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}

/// A quality or a bound, by its thousandths.
pub(crate) fn quality(value: f64) -> String {
    format!("{value:.3}")
}

/// Why the site stands where it does.
pub(crate) fn state(view: &SiteView) -> String {
    let version = view.version.as_ref().map_or_else(|| "a version".to_owned(), |version| format!("version {version}"));
    let needed = quality(view.quality_min);
    match view.state {
        State::Teacher => "The teacher answers every request. No version is on trial.".to_owned(),
        State::Shadow => format!(
            "The teacher answers; {version} is compared with it on the side. It may serve when its served answers are proven better than {needed}."
        ),
        State::Canary => {
            let step = view.canary_step.map_or_else(String::new, |step| {
                format!(" Step {} of {}: {} more audits until the next.", step.step, step.steps, step.audits_left)
            });
            format!("Proven: {version} answers {} of the requests.{step}", percent(view.student_share))
        }
        State::Student => format!(
            "Proven: {version} is offered {} of the requests and answers where it is sure enough.",
            percent(view.student_share)
        ),
        State::Held => {
            "A person stopped it: the teacher answers and nothing moves until a person promotes it.".to_owned()
        }
    }
}

/// What the site waits for, if anything.
pub(crate) fn waits_for(view: &SiteView) -> Option<String> {
    (!view.blocked_by.is_empty()).then(|| format!("It waits for: {}.", view.blocked_by.join("; ")))
}

/// How many audits more it will take at this pace until the evidence is enough.
pub(crate) fn audits_to_go(view: &SiteView) -> Option<u64> {
    let (won, needed) = (view.log_e_value?, view.log_e_needed?);
    if won <= 0.0 || view.audits == 0 || won >= needed {
        return None;
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of audits"
    )]
    let left = (view.audits as f64 * (needed - won) / won).ceil() as u64;
    Some(left)
}

/// What a lesson is doing.
pub(crate) fn lesson(lesson: &LessonView) -> String {
    let number = lesson.number;
    match lesson.step {
        LessonStep::Drawing => format!("Lesson {number} draws its examples."),
        LessonStep::Exporting => format!("Lesson {number} writes the base's graph."),
        LessonStep::Training if lesson.paused => {
            format!(
                "Lesson {number} stands still while the proxy is busy, at step {} of {}.",
                lesson.steps_done, lesson.steps
            )
        }
        LessonStep::Training => {
            format!("Lesson {number} trains: step {} of {}.", lesson.steps_done, lesson.steps)
        }
        LessonStep::Exam => format!("Lesson {number} takes its exam."),
        LessonStep::Published => {
            let exam = lesson.exam.map_or_else(String::new, |exam| format!(" with an exam of {}", quality(exam)));
            format!("Lesson {number} was published{exam}.")
        }
        LessonStep::Failed => {
            format!("Lesson {number} failed: {}.", lesson.problem.as_deref().unwrap_or("nobody knows why"))
        }
    }
}

/// Why a site moved.
pub(crate) fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::BasisChanged => "what the evidence depends on has changed",
        Cause::Candidate => "a version passed its exam",
        Cause::Drift => "its answers had become worse",
        Cause::Evidence => "the evidence was enough",
        Cause::ErrorBudget => "too many of its attempts failed",
        Cause::Failures => "it failed several times in a row",
        Cause::LatencyBudget => "too many of its answers were slow",
        Cause::LogDamaged => "the log lost records",
        Cause::Operator => "a person wanted it",
    }
}

/// What a switch did.
pub(crate) fn switch(switch: &Switch) -> String {
    if let Some(paused) = switch.paused {
        return if paused { "paused".to_owned() } else { "resumed".to_owned() };
    }
    if let Some(share) = switch.share_max.filter(|_| switch.moves_nobody()) {
        return if share >= 1.0 { "cap lifted".to_owned() } else { format!("capped at {}", percent(share)) };
    }
    if switch.moves_nobody() {
        return "a version was discarded".to_owned();
    }
    let who = if switch.role == Role::Challenger { "challenger: " } else { "" };
    if switch.from == switch.to {
        return format!("{who}{}, step {}", switch.to.label(), switch.step + 1);
    }
    format!("{who}{} to {}", switch.from.label(), switch.to.label())
}
