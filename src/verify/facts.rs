//! Facts first: whether a student's answer says the numbers, units, names, items and negations that the teacher's says.
//!
//! A wrong price or a lost `not` is a wrong answer whatever the wording, and no similarity of words sees it. The rules
//! require only what the prompt and every known answer of the teacher agree on, so that a free wording stays free:
//!
//! - **numbers**: what the teacher shares with the prompt or with itself must be said; a number that is in neither
//!   the prompt nor an answer of the teacher must not be, unless the teacher makes up another each time. `1,000`, `1000.0` and full-width digits are equal, `twelve`
//!   is 12, `B12` counts as a number of its own.
//! - **units**: the word or sign at such a number (`23 gold`, `5 %`) that the teacher repeats must be there too.
//! - **names**: words that the prompt writes with a capital in the middle of a sentence and never without.
//! - **slots**: other content words that the prompt and both answers of the teacher share, when these are short.
//! - **negation**: an answer that negates where the teacher does not, or does not where it does, is wrong.
//!
//! English words for negations and common words; other languages keep numbers, names and slots. Must not score wording.

use std::collections::{BTreeMap, BTreeSet};

use crate::common_words::{is_common, is_negation};
use crate::words::{Sort, Token, tokens};

/// Words of an answer up to which the content words that it shares with its prompt are taken for slot values: two long
/// texts about one thing share words by chance. The length that NPC lines are held to (science 5.2).
pub const SHORT_WORDS: usize = 60;

/// Shortest content word that may be a slot, in letters.
const SLOT_LETTERS_MIN: usize = 3;
/// A unit stands within this many words after its number in the student's answer: `23 shiny gold`.
const UNIT_WITHIN: usize = 2;

/// What is wrong with the student's facts, in a few words; `None` when nothing is. Without `teacher_again` only what
/// the prompt itself backs is required of the wording.
#[must_use]
pub fn wrong_fact(prompt: &str, student: &str, teacher: &str, teacher_again: Option<&str>) -> Option<String> {
    let (prompt, student) = (Facts::read(prompt), Facts::read(student));
    let teachers: Vec<Facts> = std::iter::once(teacher).chain(teacher_again).map(Facts::read).collect();
    let all = Side { prompt: &prompt, student: &student, teachers: &teachers };
    all.wrong_number()
        .or_else(|| all.wrong_unit())
        .or_else(|| all.missing_name())
        .or_else(|| all.missing_slot())
        .or_else(|| all.wrong_negation())
}

/// The facts of one text.
#[derive(Debug, Default)]
struct Facts {
    tokens: Vec<Token>,
    /// Every number: digits, codes, and the words `zero` to `twelve`.
    numbers: BTreeSet<String>,
    /// The stems of all words.
    words: BTreeSet<String>,
    /// (number, stem of the unit) -> the unit as written, by the word that follows at once.
    units: BTreeMap<(String, String), String>,
    negated: bool,
}

impl Facts {
    fn read(text: &str) -> Self {
        let tokens = tokens(text);
        let numbers = tokens.iter().filter_map(number).collect();
        let words = tokens.iter().filter(|token| token.sort != Sort::Number).map(|token| token.key.clone()).collect();
        let negated = tokens.iter().any(|token| token.sort == Sort::Word && is_negation(&token.text));
        let units = units(&tokens, 1, is_telling);
        Self { tokens, numbers, words, units, negated }
    }

    /// Numbers that must be kept where they are shared: `one` and `zero` as words are too common to mean a number.
    fn required_numbers(&self) -> impl Iterator<Item = String> {
        self.tokens.iter().filter(|token| is_telling(token)).filter_map(number)
    }

    /// Numbers in digits and codes.
    fn digits(&self) -> impl Iterator<Item = &String> {
        self.tokens.iter().filter(|token| matches!(token.sort, Sort::Number | Sort::Code)).map(|token| &token.key)
    }

    /// Stem -> name, of the words with a capital that no sentence start explains.
    fn names(&self) -> BTreeMap<&str, &str> {
        let plain: BTreeSet<&str> = self
            .tokens
            .iter()
            .filter(|token| token.sort == Sort::Word && !token.is_capital())
            .map(|token| token.key.as_str())
            .collect();
        self.tokens
            .iter()
            .filter(|token| token.is_capital() && !token.opens && token.text.chars().count() > 1)
            .filter(|token| !is_common(&token.text) && token.word_number().is_none())
            .filter(|token| !plain.contains(token.key.as_str()))
            .map(|token| (token.key.as_str(), token.text.as_str()))
            .collect()
    }

    fn slots(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter().filter(|token| {
            token.sort == Sort::Word
                && token.text.chars().count() >= SLOT_LETTERS_MIN
                && !is_common(&token.text)
                && !is_common(&token.key)
                && token.word_number().is_none()
        })
    }
}

/// The value of a number, a code or a number word.
fn number(token: &Token) -> Option<String> {
    match token.sort {
        Sort::Number | Sort::Code => Some(token.key.clone()),
        Sort::Word => token.word_number().map(|value| value.to_string()),
        Sort::Letter => None,
    }
}

/// Whether a number means one: `one rope` is mostly `a rope`.
fn is_telling(token: &Token) -> bool {
    token.word_number().is_none_or(|value| value > 1)
}

/// The units of the numbers that `counts` lets through: signs, and the content words that follow within `within` words.
fn units(tokens: &[Token], within: usize, counts: impl Fn(&Token) -> bool) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for (at, token) in tokens.iter().enumerate() {
        let Some(value) = number(token).filter(|_| token.sort != Sort::Code && counts(token)) else { continue };
        if let Some(symbol) = token.symbol {
            found.insert((value.clone(), symbol.to_string()), symbol.to_string());
        }
        let after = tokens.iter().skip(at + 1).take(within).take_while(|next| next.joined && !next.opens);
        for next in after.take_while(|next| matches!(next.sort, Sort::Word | Sort::Letter)) {
            if !is_common(&next.text) && next.word_number().is_none() {
                found.insert((value.clone(), next.key.clone()), next.text.clone());
            }
        }
    }
    found
}

/// One comparison.
struct Side<'a> {
    prompt: &'a Facts,
    student: &'a Facts,
    /// One or two.
    teachers: &'a [Facts],
}

impl Side<'_> {
    fn first(&self) -> impl Iterator<Item = &Facts> {
        self.teachers.iter().take(1)
    }

    fn again(&self) -> impl Iterator<Item = &Facts> {
        self.teachers.iter().skip(1)
    }

    /// Whether the teacher, asked again, says so too; without a second answer the prompt speaks for it.
    fn is_backed(&self, says: impl Fn(&Facts) -> bool) -> bool {
        says(self.again().next().unwrap_or(self.prompt))
    }

    fn wrong_number(&self) -> Option<String> {
        let mut required = self.first().flat_map(Facts::required_numbers);
        let missing = required.find(|value| {
            self.is_backed(|facts| facts.numbers.contains(value)) && !self.student.numbers.contains(value)
        });
        let mut digits = self.student.digits();
        let made_up = digits.find(|value| !self.is_known(value)).filter(|_| !self.teacher_makes_up());
        missing
            .map(|value| format!("number {value} is missing"))
            .or_else(|| made_up.map(|value| format!("number {value} is in neither the prompt nor a teacher's answer")))
    }

    fn is_known(&self, value: &String) -> bool {
        self.prompt.numbers.contains(value) || self.teachers.iter().any(|facts| facts.numbers.contains(value))
    }

    /// Whether one answer of the teacher has a number that the prompt and its other answer lack: a die, a free detail.
    fn teacher_makes_up(&self) -> bool {
        let only = |facts: &Facts, other: &Facts| {
            facts.digits().any(|value| !self.prompt.numbers.contains(value) && !other.numbers.contains(value))
        };
        self.first().zip(self.again()).any(|(first, again)| only(first, again) || only(again, first))
    }

    fn wrong_unit(&self) -> Option<String> {
        let said = units(&self.student.tokens, UNIT_WITHIN, |_| true);
        self.first().flat_map(|facts| &facts.units).find_map(|(unit, text)| {
            let required = self.is_backed(|facts| facts.units.contains_key(unit));
            (required && !said.contains_key(unit)).then(|| format!("unit {text} of {} is missing", unit.0))
        })
    }

    fn missing_name(&self) -> Option<String> {
        let missing = |stem: &str| {
            self.teachers.iter().all(|facts| facts.words.contains(stem)) && !self.student.words.contains(stem)
        };
        self.prompt
            .names()
            .into_iter()
            .find(|(stem, _)| missing(stem))
            .map(|(_, name)| format!("name {name} is missing"))
    }

    fn missing_slot(&self) -> Option<String> {
        let short = self.teachers.iter().all(|facts| facts.tokens.len() <= SHORT_WORDS);
        if !short || self.again().next().is_none() {
            return None;
        }
        let shared = |stem: &str| self.teachers.iter().all(|facts| facts.words.contains(stem));
        let mut slots = self.prompt.slots().filter(|token| shared(&token.key));
        slots
            .find(|token| !self.student.words.contains(&token.key))
            .map(|token| format!("word {} is missing", token.text))
    }

    fn wrong_negation(&self) -> Option<String> {
        let negated = self.first().next()?.negated;
        let agree = self.again().all(|facts| facts.negated == negated);
        match (agree, negated, self.student.negated) {
            (true, true, false) => Some("a negation is missing".to_owned()),
            (true, false, true) => Some("a negation is added".to_owned()),
            _ => None,
        }
    }
}
