//! Which measure fits a call site: read off how the teacher answers the same prompt twice, before any evidence.
//!
//! A [`Repeat`] is what one such pair showed. It is kept in logs and holds no text of prompts or answers but the paths
//! of JSON fields. [`choose`] is a pure function of the repeats, so the choice can be explained and made again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::binomial::clopper_pearson_lower;
use crate::facts::{SHORT_WORDS, wrong_fact};
use crate::fields;
use crate::measure::Measure;
use crate::score::{same_value, same_words};
use crate::words::tokens;

/// Share of pairs that must show a thing before the site is taken to be of that kind. Above the usual `quality_min` of
/// 0.9: a teacher that repeats itself less often can never be followed by a comparison that allows no difference.
const MOST: f64 = 11.0 / 12.0;
/// A JSON field is free when the teacher disagrees with itself in more than this share of pairs. Nobody looks at the
/// value of a free field again, so a field that is only noisy stays: the site then waits, and `why` says for what.
const FREE_ABOVE: f64 = 1.0 / 6.0;
/// Fields that are never free: which tool is called.
const TOOL_NAMES: [&str; 2] = ["/*/name", "/tool_calls/*/name"];
/// Words of a label, at most; a JSON text of more words is prose.
const LABEL_WORDS: usize = 3;
/// Standard normal quantiles: of 95 %, the teacher's own answers that must not be bad, and of 90 %, the confidence.
const Z_QUANTILE: f64 = 1.645;
const Z_CONFIDENCE: f64 = 1.282;
/// What a judge must show before it is believed: ties of identical answers, losses of corrupted ones, checks of each.
const JUDGE_TIES_MIN: f64 = 0.9;
const JUDGE_SEES_MIN: f64 = 0.8;
const JUDGE_CHECKS_MIN: usize = 5;
/// The lower bound of how often it sees a bad answer errs with at most this probability.
const JUDGE_ALPHA: f64 = 0.05;
/// Similarity below which a text is bad where nothing is known of the teacher.
const BAD_BELOW_UNKNOWN: f64 = 0.5;

/// What a judge said about one calibration pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgeCheck {
    /// The teacher's answer against itself.
    pub identical_tied: bool,
    /// The teacher's second answer against its first.
    pub again_tied_or_won: bool,
    /// A copy with a wrong fact against the first answer; absent where no fact could be changed.
    pub corrupted_lost: Option<bool>,
}

/// What one prompt that the teacher answered twice showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// Fingerprint of the prompt (`prompt_key`).
    pub prompt: u64,
    /// Both answers are lists of tool calls.
    pub tool_calls: bool,
    /// Both answers are JSON objects or lists.
    pub json: bool,
    /// Equal after white space is collapsed.
    pub equal: bool,
    /// Both answers are a number or a label of at most three words.
    pub value: bool,
    /// Equal numbers or labels, letter case and punctuation ignored.
    pub same_value: bool,
    /// Mean words of the two answers.
    pub words: f64,
    /// In [0, 1].
    pub similarity: f64,
    /// The second answer has no wrong fact when it is held to the first.
    pub facts_agree: bool,
    /// JSON paths on which the answers differ, as `fields::differing` writes them.
    #[serde(default)]
    pub differing: Vec<String>,
    /// Share of JSON fields of equal value, in [0, 1]; 0 of other answers.
    #[serde(default)]
    pub fields_alike: f64,
    /// Whether a JSON field that differs holds prose.
    #[serde(default)]
    pub prose: bool,
    #[serde(default)]
    pub judge: Option<JudgeCheck>,
}

impl Repeat {
    /// What `teacher` and `again`, two answers to `prompt`, show. `key` is the prompt's fingerprint; numbers are equal
    /// within `tolerance`, relative.
    #[must_use]
    pub fn of(
        key: u64,
        prompt: &str,
        [teacher, again]: [&str; 2],
        tolerance: f64,
        similarity: &dyn Fn(&str, &str) -> f64,
        judge: Option<JudgeCheck>,
    ) -> Self {
        let read = |text: &str| fields::read(text).filter(|value| value.is_object() || value.is_array());
        let both = read(teacher).zip(read(again));
        let (first, second) = (tokens(teacher).len(), tokens(again).len());
        let differing = both.as_ref().map(|(left, right)| fields::differing(left, right, tolerance));
        #[expect(clippy::cast_precision_loss, reason = "word counts")]
        let words = (first + second) as f64 / 2.0;
        Self {
            prompt: key,
            tool_calls: both.as_ref().is_some_and(|(left, right)| [left, right].into_iter().all(fields::is_tool_calls)),
            json: both.is_some(),
            equal: same_words(teacher, again),
            value: both.is_none() && [first, second].into_iter().all(|count| (1..=LABEL_WORDS).contains(&count)),
            same_value: same_value(teacher, again, tolerance),
            words,
            similarity: similarity(again, teacher).clamp(0.0, 1.0),
            facts_agree: wrong_fact(prompt, again, teacher, None).is_none(),
            differing: differing.into_iter().flatten().collect(),
            fields_alike: both
                .as_ref()
                .map_or(0.0, |(left, right)| fields::compare(right, left, tolerance, &[]).share()),
            // What is said beside calls decides nothing.
            prose: both.is_some_and(|(left, right)| {
                fields::differs_in_prose(fields::calls_of(&left), fields::calls_of(&right), LABEL_WORDS)
            }),
            judge,
        }
    }
}

/// What a call site's answers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    ToolCalls,
    Json,
    FixedWording,
    Value,
    ShortText,
    FreeText,
}

/// A measure and why it is that one, in plain words without any text of prompts or answers but JSON paths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// `None` where an operator named the measure.
    pub kind: Option<Kind>,
    pub measure: Measure,
    pub why: String,
}

/// Chooses from `repeats`. `margin` is how much worse than the teacher's own variance a text may be, `tolerance` the
/// relative difference of numbers that counts as none. Without repeats: text by the teacher's own variance.
#[must_use]
pub fn choose(repeats: &[Repeat], margin: f64, tolerance: f64, judge_configured: bool) -> Choice {
    let most = |count: usize| !repeats.is_empty() && share(count, repeats.len()) >= MOST;
    let count = |shows: fn(&Repeat) -> bool| repeats.iter().filter(|repeat| shows(repeat)).count();
    let of_all = |count: usize| format!("{count} of {} repeated answers", repeats.len());
    let (json, values, same, equal) =
        (count(|r| r.json), count(|r| r.value), count(|r| r.value && r.same_value), count(|r| r.equal));
    let prose = count(|repeat| repeat.prose);
    let (free, noisy) = split_paths(repeats);
    // A free root would let anything pass.
    let by_field = most(json) && share(prose, repeats.len()) <= FREE_ABOVE && !free.iter().any(|path| is_root(path));
    if by_field {
        let kind = if most(count(|repeat| repeat.tool_calls)) { Kind::ToolCalls } else { Kind::Json };
        let what = if kind == Kind::ToolCalls { "tool calls" } else { "JSON" };
        let said = say_paths(&free, &noisy, repeats);
        let why = format!("{} are {what}, so answers are compared field by field{said}", of_all(json));
        return Choice { kind: Some(kind), measure: Measure::Fields { tolerance, free }, why };
    }
    if most(values) && most(same) {
        let why =
            format!("{} are numbers or labels and {same} agree, so answers are compared by value", of_all(values));
        return Choice { kind: Some(Kind::Value), measure: Measure::Value { tolerance }, why };
    }
    if most(equal) {
        let why = format!("{} were worded alike, so answers are compared word for word", of_all(equal));
        return Choice { kind: Some(Kind::FixedWording), measure: Measure::Exact, why };
    }
    let why = if most(json) {
        format!("{} are JSON, but prose differs in {prose} or the whole in too many", of_all(json))
    } else if most(values) {
        format!("{} are numbers or labels, but only {same} agree", of_all(values))
    } else {
        format!("only {} were worded alike", of_all(equal))
    };
    text(repeats, margin, judge_configured, &why)
}

/// The choice where the operator wants text to be held to the teacher's own variance, or judged.
#[must_use]
pub(crate) fn as_text(repeats: &[Repeat], margin: f64, judge_configured: bool) -> Choice {
    text(repeats, margin, judge_configured, "the configuration names the measure")
}

/// The choice for text, by a judge that has shown that it can judge, else by the teacher's own variance.
fn text(repeats: &[Repeat], margin: f64, judge_configured: bool, why: &str) -> Choice {
    let words = mean(repeats.iter().map(|repeat| repeat.words));
    #[expect(clippy::cast_precision_loss, reason = "a small constant")]
    let kind = if words <= SHORT_WORDS as f64 { Kind::ShortText } else { Kind::FreeText };
    let facts = repeats.iter().filter(|repeat| repeat.facts_agree).count();
    let own = mean(repeats.iter().map(|repeat| repeat.similarity));
    let why = format!("{why}, {facts} agree in facts, mean similarity {own:.2}, {words:.0} words");
    let refused = match judge_configured.then(|| calibrate(repeats)) {
        Some(Ok((sensitivity, seen))) => {
            let why = format!("{why}; the judge was checked ({seen}), so it compares the answers");
            return Choice { kind: Some(kind), measure: Measure::Judged { margin, sensitivity }, why };
        }
        Some(Err(refused)) => format!("; the judge is not used: {refused}"),
        None => String::new(),
    };
    let bad_below = quantile(repeats).unwrap_or(BAD_BELOW_UNKNOWN);
    let why = format!(
        "{why}{refused}; so answers are held to the facts and to the teacher's own variance, bad below similarity {bad_below:.2}"
    );
    Choice { kind: Some(kind), measure: Measure::SelfRelative { margin, bad_below }, why }
}

/// The lower bound of how often the judge sees a bad answer and what it showed, or why it is not to be believed.
fn calibrate(repeats: &[Repeat]) -> Result<(f64, String), String> {
    let checks: Vec<JudgeCheck> = repeats.iter().filter_map(|repeat| repeat.judge).collect();
    let tied = checks.iter().filter(|check| check.identical_tied).count();
    let again = checks.iter().filter(|check| check.again_tied_or_won).count();
    let corrupted: Vec<bool> = checks.iter().filter_map(|check| check.corrupted_lost).collect();
    let lost = corrupted.iter().filter(|lost| **lost).count();
    let (all, changed) = (checks.len(), corrupted.len());
    if all < JUDGE_CHECKS_MIN || changed < JUDGE_CHECKS_MIN {
        return Err(format!(
            "{all} identical and {changed} corrupted pairs judged, {JUDGE_CHECKS_MIN} of each are needed"
        ));
    }
    if share(tied, all) < JUDGE_TIES_MIN {
        return Err(format!("it tied only {tied} of {all} identical pairs"));
    }
    if share(lost, changed) < JUDGE_SEES_MIN {
        return Err(format!("it saw only {lost} of {changed} corrupted answers"));
    }
    let seen = format!(
        "{tied} of {all} identical pairs tied, {lost} of {changed} corrupted answers lost, {again} of {all} second answers no worse"
    );
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Ok((clopper_pearson_lower(count(lost), count(changed), JUDGE_ALPHA), seen))
}

/// The paths that are free, the outermost alone, and those that differ in too few pairs to be. A field that is missing
/// in any pair is optional.
fn split_paths(repeats: &[Repeat]) -> (Vec<String>, Vec<String>) {
    let bare = |path: &str| path.trim_end_matches(fields::OPTIONAL).to_owned();
    let all: BTreeSet<String> = repeats.iter().flat_map(|repeat| &repeat.differing).map(|path| bare(path)).collect();
    let (mut free, mut noisy): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    // In order, so a parent comes before what lies in it.
    for path in all {
        let optional = format!("{path}{}", fields::OPTIONAL);
        let differs = |repeat: &&Repeat| repeat.differing.iter().any(|found| *found == path || *found == optional);
        let count = repeats.iter().filter(differs).count();
        let is_inside = |parent: &String| path.strip_prefix(&bare(parent)).is_some_and(|rest| rest.starts_with('/'));
        if free.iter().any(is_inside) {
            continue;
        }
        if share(count, repeats.len()) <= FREE_ABOVE || TOOL_NAMES.contains(&path.as_str()) {
            noisy.push(path);
        } else if repeats.iter().any(|repeat| repeat.differing.contains(&optional)) {
            free.push(optional);
        } else {
            free.push(path);
        }
    }
    (free, noisy)
}

fn is_root(path: &str) -> bool {
    path.trim_end_matches(fields::OPTIONAL).is_empty()
}

fn say_paths(free: &[String], noisy: &[String], repeats: &[Repeat]) -> String {
    let mut said = String::new();
    if !noisy.is_empty() {
        said =
            format!("; the teacher sometimes disagrees with itself on {}, which count all the same", noisy.join(", "));
    }
    if !free.is_empty() {
        let free = free.join(", ");
        said = format!("{said}; {free} differ between the teacher's own answers and need only be of the right type");
    }
    let alike = mean(repeats.iter().map(|repeat| repeat.fields_alike));
    if alike < 0.5 {
        said = format!(
            "{said}; only {alike:.2} of the fields are alike, so little more than the form is compared: add a verifier"
        );
    }
    said
}

/// The similarity below which the teacher itself falls in at most 5 % of its answers, with 90 % confidence: the one-sided
/// normal tolerance limit `mean - k sd` (Natrella 1963), and no more than the least that was seen. The plain quantile of
/// a dozen would call a twelfth of the teacher's own answers bad.
fn quantile(repeats: &[Repeat]) -> Option<f64> {
    let all: Vec<f64> = repeats.iter().map(|repeat| repeat.similarity).collect();
    let least = all.iter().copied().reduce(f64::min)?;
    #[expect(clippy::cast_precision_loss, reason = "counts of pairs")]
    let n = all.len() as f64;
    if n < 3.0 {
        return Some(least);
    }
    let mean = mean(all.iter().copied());
    let deviation = (all.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let a = 1.0 - Z_CONFIDENCE.powi(2) / (2.0 * (n - 1.0));
    let b = Z_QUANTILE.powi(2) - Z_CONFIDENCE.powi(2) / n;
    let k = (Z_QUANTILE + (Z_QUANTILE.powi(2) - a * b).max(0.0).sqrt()) / a;
    Some(least.min(mean - k * deviation).max(0.0))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum): (f64, f64), value| (count + 1.0, sum + value));
    sum / count.max(1.0)
}

fn share(count: usize, all: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of pairs")]
    let share = count as f64 / all.max(1) as f64;
    share
}
