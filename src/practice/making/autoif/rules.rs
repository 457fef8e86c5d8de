//! The rules that the practice teacher understands, in words and in answers.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use crate::words::{HEROES, ITEMS, MONSTERS, PLACES, TOWNS, WEAPONS};

/// A rule for the form of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    AtMostWords(usize),
    AtLeastWords(usize),
    Sentences(usize),
    NotSentences(usize),
    Contains(String),
    Avoids(String),
    Begins(String),
    BeginsOtherwise(String),
    Ends(String),
    EndsOtherwise(String),
    /// Without this sign, or with it.
    Without(char),
    With(char),
    Lowercase,
    Capitals,
    Question,
    Statement,
    Digit,
    NoDigit,
}

impl Rule {
    /// The rule that `text` states, if it is one of these.
    pub(super) fn read(text: &str) -> Option<Self> {
        let lower = text.to_lowercase();
        let has = |part: &str| lower.contains(part);
        let number = || lower.split(|letter: char| !letter.is_ascii_digit()).find_map(|digits| digits.parse().ok());
        let negated = has("never") || has("not ") || has("avoid") || has("no answer may");
        if let Some((_, rest)) = lower.split_once("the word \"") {
            let word = rest.split('"').next()?.to_owned();
            return Some(match () {
                () if has("begin") && negated => Self::BeginsOtherwise(word),
                () if has("begin") => Self::Begins(word),
                () if has("end the") && negated => Self::EndsOtherwise(word),
                () if has("end the") => Self::Ends(word),
                () if negated => Self::Avoids(word),
                () => Self::Contains(word),
            });
        }
        let sign = [("comma", ','), ("exclamation mark", '!'), ("semicolon", ';'), ("colon", ':')];
        let sign = sign.into_iter().find(|(name, _)| has(name));
        match () {
            () if has("at most") && has("words") && !has("sentence") => number().map(Self::AtMostWords),
            () if has("at least") && has("words") && !has("sentence") && !has("line") => {
                number().map(Self::AtLeastWords)
            }
            () if has("exactly") && has("sentences") && negated => number().map(Self::NotSentences),
            () if has("exactly") && has("sentences") => number().map(Self::Sentences),
            () if has("lowercase letters") => Some(Self::Lowercase),
            () if has("in capital letters") => Some(Self::Capitals),
            () if has("question mark") => Some(if negated { Self::Statement } else { Self::Question }),
            () if has("digit") && !has("number as") => Some(if negated { Self::NoDigit } else { Self::Digit }),
            () if sign.is_some() && !has("name") && !has("list") => {
                sign.map(|(_, sign)| if negated { Self::Without(sign) } else { Self::With(sign) })
            }
            () => None,
        }
    }

    /// Any rule but the rare opposites.
    pub(super) fn draw(rng: &mut impl Rng) -> Self {
        let word = |rng: &mut _| {
            let words = [&ITEMS[..], &MONSTERS, &PLACES, &WEAPONS].concat();
            words.choose(rng).copied().unwrap_or_default().to_owned()
        };
        match rng.random_range(0..12) {
            0 => Self::AtMostWords(rng.random_range(6..60)),
            1 => Self::AtLeastWords(rng.random_range(6..40)),
            2 => Self::Sentences(rng.random_range(2..7)),
            3 | 4 => Self::Contains(word(rng)),
            5 | 6 => Self::Avoids(word(rng)),
            7 | 8 => Self::Begins(word(rng)),
            9 | 10 => Self::Ends(word(rng)),
            _ => [
                Self::Without(','),
                Self::Without('!'),
                Self::With(';'),
                Self::Lowercase,
                Self::Capitals,
                Self::Question,
                Self::Digit,
            ]
            .choose(rng)
            .cloned()
            .unwrap_or(Self::NoDigit),
        }
    }

    /// What no answer keeps together with this one.
    pub(super) fn opposite(&self) -> Self {
        match self.clone() {
            Self::AtMostWords(count) => Self::AtLeastWords(count + 1),
            Self::AtLeastWords(count) => Self::AtMostWords(count.saturating_sub(1)),
            Self::Sentences(count) => Self::NotSentences(count),
            Self::NotSentences(count) => Self::Sentences(count),
            Self::Contains(word) => Self::Avoids(word),
            Self::Avoids(word) => Self::Contains(word),
            Self::Begins(word) => Self::BeginsOtherwise(word),
            Self::BeginsOtherwise(word) => Self::Begins(word),
            Self::Ends(word) => Self::EndsOtherwise(word),
            Self::EndsOtherwise(word) => Self::Ends(word),
            Self::Without(sign) => Self::With(sign),
            Self::With(sign) => Self::Without(sign),
            Self::Lowercase => Self::Capitals,
            Self::Capitals => Self::Lowercase,
            Self::Question => Self::Statement,
            Self::Statement => Self::Question,
            Self::Digit => Self::NoDigit,
            Self::NoDigit => Self::Digit,
        }
    }

    /// The rule as an order.
    pub(super) fn wording(&self, rng: &mut impl Rng) -> String {
        let forms: [String; 2] = match self {
            Self::AtMostWords(count) => {
                [format!("Use at most {count} words."), format!("Your answer may have at most {count} words in all.")]
            }
            Self::AtLeastWords(count) => [
                format!("Use at least {count} words."),
                format!("Your answer must have at least {count} words in all."),
            ],
            Self::Sentences(count) => [
                format!("Write exactly {count} sentences."),
                format!("Let the answer consist of exactly {count} sentences."),
            ],
            Self::NotSentences(count) => [
                format!("Do not write exactly {count} sentences."),
                format!("Avoid answers of exactly {count} sentences."),
            ],
            Self::Contains(word) => [
                format!("Mention the word \"{word}\"."),
                format!("Let the word \"{word}\" stand somewhere in the answer."),
            ],
            Self::Avoids(word) => {
                [format!("Never use the word \"{word}\"."), format!("Avoid the word \"{word}\" in the whole answer.")]
            }
            Self::Begins(word) => {
                [format!("Begin with the word \"{word}\"."), format!("Let the answer begin with the word \"{word}\".")]
            }
            Self::BeginsOtherwise(word) => [
                format!("Never begin with the word \"{word}\"."),
                format!("Do not let the word \"{word}\" begin the answer."),
            ],
            Self::Ends(word) => {
                [format!("End the answer with the word \"{word}\"."), format!("Let the word \"{word}\" end the text.")]
            }
            Self::EndsOtherwise(word) => [
                format!("Never end the answer with the word \"{word}\"."),
                format!("Do not let the word \"{word}\" end the text."),
            ],
            Self::Without(sign) => {
                [format!("Do not use any {}.", name(*sign)), format!("Never write a {}.", name(*sign))]
            }
            Self::With(sign) => [
                format!("Use a {} at least once.", name(*sign)),
                format!("Let at least one {} stand in the answer.", name(*sign)),
            ],
            Self::Lowercase => ["Write everything in lowercase letters.".into(), "Use lowercase letters alone.".into()],
            Self::Capitals => {
                ["Write everything in capital letters.".into(), "Let all letters stand in capital letters.".into()]
            }
            Self::Question => ["Close with a question mark.".into(), "Let a question mark be the last sign.".into()],
            Self::Statement => {
                ["Never close with a question mark.".into(), "Do not let a question mark be the last sign.".into()]
            }
            Self::Digit => ["Include at least one digit.".into(), "Use a digit somewhere in the answer.".into()],
            Self::NoDigit => ["Do not use any digits.".into(), "Avoid every digit.".into()],
        };
        forms.choose(rng).cloned().unwrap_or_default()
    }

    /// An answer that keeps the rule, or one that breaks it.
    pub(super) fn answer(&self, keep: bool, rng: &mut impl Rng) -> String {
        if !keep {
            return match self {
                // Mixed letters break both.
                Self::Lowercase | Self::Capitals => sentence(rng),
                _ => self.opposite().answer(true, rng),
            };
        }
        let text = sentence(rng);
        match self {
            Self::AtMostWords(count) => {
                let least = count.div_ceil(2).min(*count).max(1);
                words(rng.random_range(least..=(*count).max(1)), rng)
            }
            Self::AtLeastWords(count) => words(count + rng.random_range(0..8), rng),
            Self::Sentences(count) => sentences(*count, rng),
            Self::NotSentences(count) => sentences(count + rng.random_range(1..3), rng),
            Self::Contains(word) => format!("{text} Do not forget the {word}."),
            Self::Avoids(word) => without(word, rng),
            Self::Begins(word) => format!("{word} is what you need. {text}"),
            Self::BeginsOtherwise(_) | Self::Without(_) | Self::Statement | Self::NoDigit => text,
            Self::Ends(word) => format!("{text} Bring me the {word}."),
            Self::EndsOtherwise(word) => format!("{} So be it.", without(word, rng)),
            Self::With(sign) => format!("{text} Wait{sign} one more thing."),
            Self::Lowercase => text.to_lowercase(),
            Self::Capitals => text.to_uppercase(),
            Self::Question => format!("{text} Do you understand?"),
            Self::Digit => format!("{text} It costs {} coins.", rng.random_range(2..60)),
        }
    }
}

fn name(sign: char) -> &'static str {
    match sign {
        ',' => "comma",
        '!' => "exclamation mark",
        ';' => "semicolon",
        _ => "colon",
    }
}

/// One sentence, with a full stop and no other sign.
pub(super) fn sentence(rng: &mut impl Rng) -> String {
    let mut pick = |words: &[&'static str]| words.choose(rng).copied().unwrap_or_default();
    let (hero, town, item) = (pick(&HEROES), pick(&TOWNS), pick(&ITEMS));
    let (monster, place, weapon) = (pick(&MONSTERS), pick(&PLACES), pick(&WEAPONS));
    let forms = [
        format!("The {monster} took the {item} from {hero} near the {place}."),
        format!("Ask {hero} of {town} about the old {weapon} and the {item}."),
        format!("Nobody in {town} goes to the {place} without a {weapon}."),
        format!("I saw {hero} with a {item} on the road to {town}."),
        format!("A {weapon} is no help against the {monster} of the {place}."),
    ];
    forms.choose(rng).cloned().unwrap_or_default()
}

fn sentences(count: usize, rng: &mut impl Rng) -> String {
    (0..count.max(1)).map(|_| sentence(rng)).collect::<Vec<_>>().join(" ")
}

/// Just `count` words, at least one.
fn words(count: usize, rng: &mut impl Rng) -> String {
    let mut text: Vec<String> = Vec::new();
    while text.len() < count.max(1) {
        text.extend(sentence(rng).split(' ').map(str::to_owned));
    }
    text.truncate(count.max(1));
    text.join(" ")
}

/// A sentence without `word`, unless chance is very much against it.
fn without(word: &str, rng: &mut impl Rng) -> String {
    const TRIES: usize = 50;
    let mut text = sentence(rng);
    for _ in 0..TRIES {
        if !text.to_lowercase().contains(word) {
            break;
        }
        text = sentence(rng);
    }
    text
}
