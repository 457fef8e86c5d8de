//! What a measure makes of a student's answer: its quality in [0, 1], and whether it was bad.
//!
//! The facts come first: where one is wrong the quality of a text is 0 and the answer is bad, however alike the words.
//! Deterministic; who needs the teacher a second time or a judge asks before.

use wire::Calls;

use crate::facts::wrong_fact;
use crate::fields;
use crate::measure::Measure;
use crate::words::{Sort, Token, tokens};

/// What was said about one prompt.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The texts of all turns, one below the other (`prompt_key::text`).
    pub prompt: &'a str,
    pub student: &'a str,
    pub teacher: &'a str,
    /// The teacher's answer to the same prompt, asked a second time.
    pub teacher_again: Option<&'a str>,
    /// The judge's preference: 0 the student lost, 1/2 a tie, 1 it won.
    pub judged: Option<f64>,
}

/// What a measure says of one answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// In [0, 1].
    pub quality: f64,
    pub bad: bool,
    /// How alike the student's answer and the teacher's are, and the teacher's second answer and its first, where that
    /// was asked; in [0, 1].
    pub similarity: Option<f64>,
    pub again: Option<f64>,
    /// What was wrong, in a few words that may hold words of the answers; of a right answer nothing.
    pub why: Option<String>,
}

impl Score {
    fn of(quality: f64, bad: bool, why: impl FnOnce() -> String) -> Self {
        Self { quality, bad, similarity: None, again: None, why: bad.then(why) }
    }

    fn equal(is_equal: bool, what: &str) -> Self {
        Self::of(f64::from(u8::from(is_equal)), !is_equal, || format!("not the same {what} as the teacher's"))
    }
}

impl Measure {
    /// Scores `seen`. `similarity` says how alike two texts are, in [0, 1]; `bad_below` is the quality under which a
    /// text is bad where the measure has no number of its own. `None` when the repeat or the judgement that the measure
    /// needs is absent.
    #[must_use]
    pub fn score(&self, seen: &Seen<'_>, similarity: &dyn Fn(&str, &str) -> f64, bad_below: f64) -> Option<Score> {
        let &Seen { student, teacher, .. } = seen;
        let alike = |text: &str| unit(similarity(text, teacher));
        Some(match self {
            Self::Exact => {
                same_calls(student, teacher, 0.0).unwrap_or_else(|| Score::equal(same_words(student, teacher), "words"))
            }
            Self::Value { tolerance } => same_calls(student, teacher, *tolerance)
                .unwrap_or_else(|| Score::equal(same_value(student, teacher, *tolerance), "value")),
            Self::Fields { tolerance, free } => by_field(student, teacher, *tolerance, free),
            Self::Similar => with_facts(seen, || {
                let quality = alike(student);
                let why = || format!("similarity {quality:.2} is below {bad_below:.2}");
                Score { similarity: Some(quality), ..Score::of(quality, quality < bad_below, why) }
            }),
            Self::SelfRelative { bad_below, .. } => {
                let (own, of_teacher) = (alike(student), alike(seen.teacher_again?));
                let why = || {
                    format!("similarity {own:.2} is below {bad_below:.2}, the teacher's with itself is {of_teacher:.2}")
                };
                let score = with_facts(seen, || Score::of(unit(0.5 + own - of_teacher), own < *bad_below, why));
                Score { similarity: Some(own), again: Some(of_teacher), ..score }
            }
            Self::Judged { .. } => {
                let judged = unit(seen.judged?);
                with_facts(seen, || Score::of(judged, judged < 0.5, || "the judge prefers the teacher's".to_owned()))
            }
        })
    }
}

/// `otherwise`, unless a fact is wrong.
fn with_facts(seen: &Seen<'_>, otherwise: impl FnOnce() -> Score) -> Score {
    wrong_calls(seen)
        .or_else(|| wrong_fact(seen.prompt, seen.student, seen.teacher, seen.teacher_again))
        .map_or_else(otherwise, |why| Score::of(0.0, true, || why))
}

/// Where both answers call: whether they do so alike, whatever the order of the arguments and the spelling of numbers.
fn same_calls(student: &str, teacher: &str, tolerance: f64) -> Option<Score> {
    let read = |text: &str| Calls::read(text).and_then(|_| fields::read(text));
    let compared = fields::compare(&read(student)?, &read(teacher)?, tolerance, &[]);
    Some(Score::equal(compared.wrong.is_none(), "calls"))
}

/// Which functions are called is a fact, and that one is called at all; by which answer of the teacher's makes no difference.
fn wrong_calls(seen: &Seen<'_>) -> Option<String> {
    let names = |text: &str| -> Vec<String> {
        Calls::read(text).into_iter().flat_map(|calls| calls.calls).map(|call| call.name).collect()
    };
    let (student, mut teachers) = (names(seen.student), [Some(seen.teacher), seen.teacher_again].into_iter().flatten());
    let said = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    (!teachers.any(|teacher| names(teacher) == student))
        .then(|| format!("it calls {} and the teacher {}", said(&student), said(&names(seen.teacher))))
}

/// Cut to [0, 1]; what is no number counts as 0.
fn unit(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

/// Equal after white space is collapsed.
pub(crate) fn same_words(left: &str, right: &str) -> bool {
    left.split_whitespace().eq(right.split_whitespace())
}

/// Equal numbers within `tolerance`, relative, or equal words, letter case and punctuation ignored; texts without
/// either must be equal.
pub(crate) fn same_value(left: &str, right: &str, tolerance: f64) -> bool {
    // `$5` is `5`, but never `€5`.
    let signs = |left: &Token, right: &Token| left.symbol.zip(right.symbol).is_none_or(|(left, right)| left == right);
    let same = |left: &Token, right: &Token| {
        let number = |token: &Token| token.key.parse::<f64>().ok().filter(|_| token.sort == Sort::Number);
        let near = number(left).zip(number(right)).is_some_and(|(left, right)| fields::near(left, right, tolerance));
        (near && signs(left, right))
            || (left.sort == right.sort && signs(left, right) && left.text.to_lowercase() == right.text.to_lowercase())
    };
    let (left_tokens, right_tokens) = (tokens(left), tokens(right));
    if left_tokens.is_empty() && right_tokens.is_empty() {
        return same_words(left, right);
    }
    let pairs = left_tokens.iter().zip(&right_tokens);
    left_tokens.len() == right_tokens.len() && pairs.into_iter().all(|(left, right)| same(left, right))
}

/// By field where the teacher's answer is JSON; where it is not, the student's must be the same words.
fn by_field(student: &str, teacher: &str, tolerance: f64, free: &[String]) -> Score {
    let Some(teacher_value) = fields::read(teacher) else {
        return Score::equal(same_words(student, teacher), "words (which are no JSON)");
    };
    let Some(student_value) = fields::read(student) else {
        return Score::of(0.0, true, || "the answer is no JSON value".to_owned());
    };
    let compared = fields::compare(&student_value, &teacher_value, tolerance, free);
    let why = || format!("field `{}` is wrong", compared.wrong.as_deref().unwrap_or_default());
    Score::of(compared.share(), compared.wrong.is_some(), why)
}
