//! Verifiers of how an answer is worded: its end, its length, its names, its echo of the question (science 5.2).

use std::collections::BTreeSet;

use wire::{Answer, Finish, Prompt, Role};

use super::{Verdict, Verifier, fail_if};
use crate::common_words::is_common;
use crate::similarity::rouge_l;
use crate::words::tokens;

/// ROUGE-L with the user's last line above which an answer is its echo (science 5.2).
const ECHO_ABOVE: f64 = 0.7;

/// The answer came to its own end and says something.
#[derive(Debug)]
pub(super) struct Complete;

impl Verifier for Complete {
    fn check(&self, _: &Prompt, answer: &Answer) -> Verdict {
        match answer.finish {
            Finish::Stop => fail_if(answer.text.trim().is_empty(), "empty"),
            Finish::Length => Verdict::Fail("cut-off"),
            Finish::ToolCalls => Verdict::Pass,
        }
    }
}

/// Words between white space.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) min: usize,
    pub(super) max: usize,
}

impl Verifier for Words {
    fn check(&self, _: &Prompt, answer: &Answer) -> Verdict {
        let words = answer.text.split_whitespace().count();
        // Calls are as short as they are.
        let too_short = words < self.min && answer.finish != Finish::ToolCalls;
        if words > self.max { Verdict::Fail("too-long") } else { fail_if(too_short, "too-short") }
    }
}

#[derive(Debug)]
pub(super) struct SentencesMax(pub(super) usize);

impl Verifier for SentencesMax {
    fn check(&self, _: &Prompt, answer: &Answer) -> Verdict {
        fail_if(sentences(&answer.text) > self.0, "too-many-sentences")
    }
}

/// Sentences: pieces with a word that end at `.`, `!`, `?` or `…` before white space, at a full-width mark, or at the end.
fn sentences(text: &str) -> usize {
    let mut count = 0;
    let mut has_word = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        has_word |= letter.is_alphanumeric();
        let wide = matches!(letter, '。' | '！' | '？' | '।');
        // A closing quotation mark or bracket may stand between the mark and the space.
        let next_ends = |next: &char| !next.is_alphanumeric();
        let ends = wide || (matches!(letter, '.' | '!' | '?' | '…') && letters.peek().is_none_or(next_ends));
        if ends && has_word {
            count += 1;
            has_word = false;
        }
    }
    count + usize::from(has_word)
}

/// Every word of the answer with a capital in the middle of a sentence stands in the prompt, in whatever letter case.
#[derive(Debug)]
pub(super) struct Grounded;

impl Verifier for Grounded {
    fn check(&self, prompt: &Prompt, answer: &Answer) -> Verdict {
        let known: BTreeSet<String> =
            prompt.turns.iter().flat_map(|turn| tokens(&turn.text)).map(|token| token.key).collect();
        let answer = tokens(&answer.text);
        let mut names = answer.iter().filter(|token| token.is_capital() && !token.opens && !is_common(&token.text));
        fail_if(names.any(|name| !known.contains(&name.key)), "ungrounded")
    }
}

#[derive(Debug)]
pub(super) struct NoEcho;

impl Verifier for NoEcho {
    fn check(&self, prompt: &Prompt, answer: &Answer) -> Verdict {
        let last = prompt.turns.iter().rev().find(|turn| turn.role == Role::User);
        fail_if(last.is_some_and(|turn| rouge_l(&answer.text, &turn.text) > ECHO_ABOVE), "echo")
    }
}
