//! A call site's state in plain sentences. Says what is; decides nothing.

use admin::{PriceView, SavedView};
use cycle::{LessonStep, LessonView};
use handover::{Cause, Compared, Points, Role, State, Switch};
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
        State::Student => {
            let fallen = view.lower_bound.is_some_and(|bound| bound < view.quality_min);
            let fallen = if fallen {
                " Its bound has fallen since: that alone moves nobody, and more answers are audited; it goes back to the teacher when they are found to have become worse."
            } else {
                ""
            };
            format!(
                "Proven: {version} is offered {} of the requests and answers where it is sure enough.{fallen}",
                percent(view.student_share)
            )
        }
        State::Held => {
            "A person stopped it: the teacher answers and nothing moves until a person promotes it.".to_owned()
        }
    }
}

/// A time that people can read.
pub(crate) fn milliseconds(ms: f64) -> String {
    match ms {
        ..10.0 => format!("{ms:.1} ms"),
        ..1000.0 => format!("{ms:.0} ms"),
        _ => format!("{:.1} s", ms / 1000.0),
    }
}

/// An amount of dollars, small ones too.
pub(crate) fn dollars(usd: f64) -> String {
    if usd.abs() < 1.0 { format!("${usd:.4}") } else { format!("${usd:.2}") }
}

/// What the teacher charges.
pub(crate) fn price(price: &PriceView) -> String {
    let since = price.since.as_ref().map(|day| format!(", since {day}")).unwrap_or_default();
    format!("${} in, ${} out, a million tokens{since}", price.input_usd, price.output_usd)
}

/// How requests were told to be the site's.
pub(crate) fn recognised(by: &[(&'static str, u64)]) -> String {
    by.iter().map(|(by, count)| format!("{by} ({count})")).collect::<Vec<_>>().join(", ")
}

/// What students have saved.
pub(crate) fn saved(saved: &SavedView) -> String {
    let SavedView { tokens, usd, seconds, since_ms } = *saved;
    let waited = if seconds >= 0.0 { "less" } else { "more" };
    format!(
        "Students answered {tokens} tokens in the teacher's place: {}, {} of waiting {waited}, since {} (UTC).",
        usd.map_or_else(
            || "what they would have cost is not known".to_owned(),
            |usd| format!("{} saved", dollars(usd))
        ),
        milliseconds(seconds.abs() * 1000.0),
        time(since_ms)
    )
}

/// `2026-11-30 14:05:09` of Unix time; nothing beyond the calendar.
pub(crate) fn time(at_ms: u64) -> String {
    let seconds = i64::try_from(at_ms / 1000).ok();
    let Some(at) = seconds.and_then(|seconds| time::OffsetDateTime::from_unix_timestamp(seconds).ok()) else {
        return String::new();
    };
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    format!("{year}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02}", u8::from(month))
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

/// What a person said of two answers beside each other.
pub(crate) fn compared(compared: &Compared) -> String {
    let points = |whose: &str, points: Option<Points>| {
        let said = |Points { fun, structure, adherence }| format!("; {whose} {fun}, {structure}, {adherence} of 5");
        points.map(said).unwrap_or_default()
    };
    format!(
        "compared blind; the teacher's was {}{}{}",
        if compared.teacher_good { "good" } else { "bad" },
        points("student's", compared.student_points),
        points("teacher's", compared.teacher_points)
    )
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
