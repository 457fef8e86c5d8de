//! From a text to tokens, and from tokens to edges. Two texts of one template give the same tokens where its fixed words
//! stand: what is a value wherever it stands (a number, a date, an id, a quoted text) is one token each, whatever it says.
//!
//! - Every word is a token; scripts that write no spaces between words have one for each character.
//! - A word with a digit in it, and any row of such words, is [`NUMBER`]. A quoted text is [`QUOTED`]; the quoted key of a
//!   JSON object is not a value.
//! - An edge is a pair of neighbours, as a hash. The hashes are stored: they must stay the same for ever.

use std::borrow::Cow;

/// Bytes of a text that are looked at: half of them from its beginning, half from its end.
pub(crate) const EXCERPT_BYTES_MAX: usize = 6 << 10;
/// A quote that is not closed within so many bytes is none.
const QUOTED_BYTES_MAX: usize = 512;
/// Stands where the middle of a long text was left out.
const GAP: char = '\u{1}';

/// How the tokens that stand for no word of their own are written in a template.
pub(crate) const START: &str = "^";
pub(crate) const END: &str = "$";
const NUMBER: &str = "#";
const QUOTED: &str = "\"\"";
const LEFT_OUT: &str = "~";
const NUMBER_HASH: u64 = hash_of(NUMBER);
const QUOTED_HASH: u64 = hash_of(QUOTED);
const START_HASH: u64 = hash_of(START);
const END_HASH: u64 = hash_of(END);

/// Which text of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Part {
    System,
    User,
}

impl Part {
    pub(crate) const BOTH: [Self; 2] = [Self::System, Self::User];
}

/// A word, or what stands for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) hash: u64,
    /// The word; a mark for a value.
    pub(crate) word: &'a str,
    /// Where it stands in the text.
    pub(crate) at: usize,
    pub(crate) ends: usize,
    /// The first on its line.
    pub(crate) starts_line: bool,
}

impl Token<'_> {
    pub(crate) fn stands_for_a_value(&self) -> bool {
        self.word == NUMBER || self.word == QUOTED
    }
}

/// The part of `text` that is looked at.
pub(crate) fn excerpt(text: &str) -> Cow<'_, str> {
    if text.len() <= EXCERPT_BYTES_MAX + GAP.len_utf8() {
        return Cow::Borrowed(text);
    }
    let half = EXCERPT_BYTES_MAX / 2;
    let (head, tail) = (text.floor_char_boundary(half), text.ceil_char_boundary(text.len() - half));
    let (head, tail) = (text.get(..head).unwrap_or_default(), text.get(tail..).unwrap_or_default());
    Cow::Owned(format!("{head}{GAP}{tail}"))
}

/// The tokens of a text.
pub(crate) fn tokens(text: &str) -> Tokens<'_> {
    Tokens { text, at: 0, closing: usize::MAX, starts_line: true, last: 0 }
}

/// The hash of a token by how it is written in a template.
pub(crate) const fn hash_of(word: &str) -> u64 {
    let (bytes, mut hash, mut at) = (word.as_bytes(), FNV_OFFSET, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(FNV_PRIME);
        at += 1;
    }
    hash
}

/// The edge from a token to the next.
pub(crate) fn edge(part: Part, from: u64, to: u64) -> u32 {
    let salt = if part == Part::System { 0x9e37_79b9_7f4a_7c15 } else { 0xc2b2_ae3d_27d4_eb4f };
    let mixed = (from.rotate_left(26) ^ to ^ salt).wrapping_mul(0xff51_afd7_ed55_8ccd);
    u32::try_from((mixed ^ (mixed >> 29)) >> 32).unwrap_or_default()
}

/// Calls `visit` with every edge of `text` and the token it leads to, the last one to the text's end; returns how many
/// tokens there are.
pub(crate) fn edges<'a>(part: Part, text: &'a str, mut visit: impl FnMut(u32, Option<Token<'a>>)) -> usize {
    let (mut from, mut count) = (START_HASH, 0);
    for token in tokens(text) {
        visit(edge(part, from, token.hash), Some(token));
        (from, count) = (token.hash, count + 1);
    }
    if count > 0 {
        visit(edge(part, from, END_HASH), None);
    }
    count
}

// FNV-1a, 64 bits.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// What a character does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Word,
    /// A word of its own.
    Alone,
    Quote(char),
    Line,
    LeftOut,
    Other,
}

fn class(character: char) -> Class {
    match character {
        '\n' => Class::Line,
        '"' => Class::Quote('"'),
        '“' | '„' => Class::Quote('”'),
        '«' => Class::Quote('»'),
        '「' => Class::Quote('」'),
        GAP => Class::LeftOut,
        '_' => Class::Word,
        _ if character.is_ascii() => {
            if character.is_ascii_alphanumeric() {
                Class::Word
            } else {
                Class::Other
            }
        }
        // Thai to Khmer, and everything Chinese, Japanese or Korean but Hangul, which has spaces.
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' => Class::Alone,
        '\u{3041}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => Class::Alone,
        _ if character.is_alphanumeric() => Class::Word,
        _ => Class::Other,
    }
}

/// What an ASCII byte does, looked up; [`class`] says it of every other character.
const ASCII: [Byte; 128] = {
    let mut table = [Byte::Other; 128];
    let mut at = 0_u8;
    while at < 128 {
        table[at as usize] = match at {
            b'0'..=b'9' => Byte::Digit,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => Byte::Letter,
            b'"' | b'\n' | 1 => Byte::Mark,
            _ => Byte::Other,
        };
        at += 1;
    }
    table
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Byte {
    Letter,
    Digit,
    /// A quote, a new line, a gap.
    Mark,
    Other,
}

/// See [`tokens`].
pub(crate) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    /// The closing quote of a key that is being read.
    closing: usize,
    starts_line: bool,
    /// The hash of the last token if it stood for a value.
    last: u64,
}

impl<'a> Tokens<'a> {
    fn ascii(&self) -> Option<Byte> {
        let byte = *self.text.as_bytes().get(self.at)?;
        ASCII.get(usize::from(byte)).copied()
    }

    fn character(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn word(&mut self) -> Token<'a> {
        let (begin, mut hash, mut has_digit) = (self.at, FNV_OFFSET, false);
        while let Some(byte) = self.text.as_bytes().get(self.at).copied() {
            let bytes = match ASCII.get(usize::from(byte)) {
                Some(Byte::Letter) => 1,
                Some(Byte::Digit) => {
                    has_digit = true;
                    1
                }
                Some(_) => break,
                None => {
                    let Some(next) = self.character().filter(|next| class(*next) == Class::Word) else { break };
                    has_digit |= next.is_numeric();
                    next.len_utf8()
                }
            };
            for byte in self.text.as_bytes().iter().skip(self.at).take(bytes) {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
            }
            self.at += bytes;
        }
        if has_digit { self.mark(NUMBER, NUMBER_HASH, begin) } else { self.token(hash, begin) }
    }

    fn token(&mut self, hash: u64, begin: usize) -> Token<'a> {
        let word = self.text.get(begin..self.at).unwrap_or_default();
        let starts_line = std::mem::take(&mut self.starts_line);
        Token { hash, word, at: begin, ends: self.at, starts_line }
    }

    fn mark(&mut self, word: &'static str, hash: u64, begin: usize) -> Token<'a> {
        let starts_line = std::mem::take(&mut self.starts_line);
        Token { hash, word, at: begin, ends: self.at, starts_line }
    }

    /// Reads a quoted text that begins here: a value as a whole; of a key only the quote.
    fn quoted(&mut self, opening: char, closing: char) -> Option<Token<'a>> {
        let begin = self.at;
        self.at += opening.len_utf8();
        let rest = self.text.get(self.at..)?;
        let room = rest.get(..rest.floor_char_boundary(QUOTED_BYTES_MAX))?;
        let mut escaped = false;
        let found = room.char_indices().take_while(|(_, c)| *c != '\n').find(|(_, character)| {
            let closes = *character == closing && !escaped;
            escaped = *character == '\\' && !escaped;
            closes
        });
        let closes = self.at + found?.0;
        let after = self.text.get(closes + closing.len_utf8()..)?;
        if after.trim_start_matches(' ').starts_with(':') {
            self.closing = closes;
            return None;
        }
        self.at = closes + closing.len_utf8();
        Some(self.mark(QUOTED, QUOTED_HASH, begin))
    }

    /// What a character other than an ASCII letter, digit or stop leads to.
    fn other(&mut self) -> Option<Token<'a>> {
        let character = self.character()?;
        let begin = self.at;
        let class = class(character);
        match class {
            Class::Word => return Some(self.word()),
            Class::Quote(closing) if begin != self.closing => return self.quoted(character, closing),
            Class::Alone | Class::Quote(_) | Class::Line | Class::LeftOut | Class::Other => {}
        }
        self.at += character.len_utf8();
        match class {
            Class::Alone => {
                let word = self.text.get(begin..self.at).unwrap_or_default();
                Some(self.token(hash_of(word), begin))
            }
            Class::LeftOut => Some(self.mark(LEFT_OUT, hash_of(LEFT_OUT), begin)),
            Class::Line => {
                self.starts_line = true;
                None
            }
            Class::Word | Class::Quote(_) | Class::Other => None,
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        while self.at < self.text.len() {
            let token = match self.ascii() {
                Some(Byte::Letter | Byte::Digit) => Some(self.word()),
                Some(Byte::Other) => {
                    self.at += 1;
                    None
                }
                Some(Byte::Mark) | None => self.other(),
            };
            let Some(token) = token else { continue };
            let is_value = token.hash == NUMBER_HASH || token.hash == QUOTED_HASH;
            let repeated = is_value && token.hash == self.last;
            self.last = if is_value { token.hash } else { 0 };
            if !repeated {
                return Some(token);
            }
        }
        None
    }
}
