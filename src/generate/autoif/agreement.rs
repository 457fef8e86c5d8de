//! Cross-validation: functions and cases that were written apart from each other are held against each other. Pure.

use super::parse::Case;
use super::settings::Settings;
use super::tools::Verdict;

/// The places of the cases and the functions that hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) cases: Vec<usize>,
    pub(super) functions: Vec<usize>,
}

/// `verdicts[f][c]` is what function `f` says of case `c`. A case holds if the share of the functions that agree with it is over
/// `case_agreement_over`, then a function if it agrees with `function_accuracy_min` of the cases that hold. A function that says nothing agrees
/// with nothing.
pub(super) fn held(verdicts: &[Vec<Verdict>], cases: &[Case], settings: &Settings) -> Held {
    let agrees = |function: &[Verdict], at: usize| match (function.get(at), cases.get(at)) {
        (Some(Verdict::Yes), Some(case)) => case.output,
        (Some(Verdict::No), Some(case)) => !case.output,
        _ => false,
    };
    let of_case = |at: &usize| verdicts.iter().filter(|function| agrees(function, *at)).count();
    let kept: Vec<usize> =
        (0..cases.len()).filter(|at| share(of_case(at), verdicts.len()) > settings.case_agreement_over).collect();
    let right = |function: &[Verdict]| kept.iter().filter(|at| agrees(function, **at)).count();
    let holds = |function: &Vec<Verdict>| share(right(function), kept.len()) >= settings.function_accuracy_min;
    let functions = verdicts.iter().enumerate().filter(|(_, function)| holds(function)).map(|(at, _)| at);
    Held { functions: functions.collect(), cases: kept }
}

/// What the functions say of one answer together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Accuracy {
    /// Share of the functions that pass it. A function that says nothing passes nothing.
    pub(super) share: f64,
    /// Whether every function said no: one that fails has not.
    pub(super) refuted: bool,
}

pub(super) fn accuracy<'a>(verdicts: impl Iterator<Item = &'a Verdict> + Clone) -> Accuracy {
    let all = verdicts.clone().count();
    let passed = verdicts.clone().filter(|verdict| **verdict == Verdict::Yes).count();
    let mut all_no = verdicts;
    Accuracy { share: share(passed, all), refuted: all > 0 && all_no.all(|verdict| *verdict == Verdict::No) }
}

/// Whether a function says no to all of its own cases although it states that some pass. A construct that the interpreter lacks, swallowed
/// by `except Exception`, looks like this; so does a function that is wrong.
pub(super) fn denies_itself(verdicts: &[Verdict], cases: &[Case]) -> bool {
    cases.iter().any(|case| case.output) && verdicts.iter().all(|verdict| *verdict == Verdict::No)
}

/// The first message by which a function says that it cannot run here.
pub(super) fn unsupported(verdicts: &[Verdict]) -> Option<&str> {
    verdicts.iter().find_map(|verdict| match verdict {
        Verdict::Unsupported(message) => Some(message.as_str()),
        _ => None,
    })
}

pub(super) fn share(part: usize, of: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts")]
    let share = part as f64 / of.max(1) as f64;
    share
}
