//! A text taken apart into words, numbers and codes, for the facts, the similarity and the values.
//!
//! Reads any script without a dictionary: letters of scripts that put no spaces between words stand for themselves.
//! Must not judge; what is compared with what is said in `facts` and `score`.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Word,
    /// One letter of a script without spaces, such as a Chinese character.
    Letter,
    Number,
    /// Letters and digits mixed, such as `B12` or `3f2a`.
    Code,
}

/// One word, number or code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// As written; of a number the normal form.
    pub text: String,
    /// What two equal tokens have in common: the decimal form of a number, the stem of a word.
    pub key: String,
    pub sort: Sort,
    /// A sentence, a line or a quotation begins here, so a capital says nothing.
    pub opens: bool,
    /// Nothing but spaces, hyphens and emphasis (`**`) stands between this token and the one before.
    pub joined: bool,
    /// A currency or percent sign of a number.
    pub symbol: Option<char>,
}

impl Token {
    /// The value of a number written as a word, `zero` to `twelve`.
    #[must_use]
    pub(crate) fn word_number(&self) -> Option<usize> {
        const WORDS: [&str; 13] =
            ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
        let lower = self.text.to_lowercase();
        WORDS.iter().position(|word| self.sort == Sort::Word && *word == lower)
    }

    /// Whether it begins with a capital.
    #[must_use]
    pub(crate) fn is_capital(&self) -> bool {
        self.sort == Sort::Word && self.text.chars().next().is_some_and(char::is_uppercase)
    }
}

/// Whether `letter` belongs to a script that puts no spaces between words: Thai to Tibetan, Myanmar, Khmer, kana, Han.
#[must_use]
pub(crate) fn is_unspaced(letter: char) -> bool {
    let thai_punctuation = matches!(letter, '\u{e3f}' | '\u{e4f}'..='\u{e5b}');
    let block = matches!(u32::from(letter),
        0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x3041..=0x3096 | 0x30a1..=0x30ff
        | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x2_0000..=0x3_ffff);
    block && !thai_punctuation && digit(letter).is_none() && letter != '・'
}

/// The value of a decimal digit of the scripts that numbers are written in.
#[must_use]
pub(crate) fn digit(letter: char) -> Option<char> {
    // Zeros of ASCII, Arabic, Persian, Devanagari, Bengali, Thai and full width.
    const ZEROS: [u32; 7] = ['0' as u32, 0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0xff10];
    let code = u32::from(letter);
    let value = ZEROS.iter().find_map(|zero| code.checked_sub(*zero).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}

/// Marks that belong to the letter before: accents, Indic vowel signs.
fn is_mark(letter: char) -> bool {
    let code = u32::from(letter);
    let indic = (0x900..0xe00).contains(&code) && matches!(code % 0x80, 0..=3 | 0x3a..=0x4f);
    indic || (0x300..0x370).contains(&code)
}

fn is_katakana(letter: char) -> bool {
    matches!(letter, '\u{30a1}'..='\u{30fa}' | 'ー')
}

fn is_word(letter: char) -> bool {
    (letter.is_alphanumeric() || is_mark(letter)) && !is_unspaced(letter)
}

fn is_currency(letter: char) -> bool {
    matches!(letter, '$' | '€' | '£' | '¥' | '₹' | '₩' | '₽' | '￥')
}

/// What `text` says, in order. List markers (`1.`, `2)`, counting up at line starts) are left out.
#[must_use]
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    Reader { letters: text.chars().collect(), at: 0, opens: true, joined: false, marker: 1, out: Vec::new() }.run()
}

struct Reader {
    letters: Vec<char>,
    at: usize,
    opens: bool,
    joined: bool,
    /// The number that the next list marker would have.
    marker: u64,
    out: Vec<Token>,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    fn before(&self, back: usize) -> Option<char> {
        self.at.checked_sub(back).and_then(|at| self.letters.get(at).copied())
    }

    fn run(mut self) -> Vec<Token> {
        while let Some(letter) = self.peek(0) {
            if digit(letter).is_some() {
                self.number();
            } else if is_katakana(letter) {
                let word = self.take(is_katakana);
                self.push(word.clone(), word, Sort::Word, None);
            } else if is_unspaced(letter) {
                self.at += 1;
                self.push(letter.to_string(), letter.to_string(), Sort::Letter, None);
            } else if letter.is_alphanumeric() {
                self.word();
            } else {
                self.gap(letter);
            }
        }
        self.out
    }

    fn take(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let taken: String = self.letters.iter().skip(self.at).copied().take_while(|letter| belongs(*letter)).collect();
        self.at += taken.chars().count();
        taken
    }

    fn push(&mut self, text: String, key: String, sort: Sort, symbol: Option<char>) {
        self.out.push(Token { text, key, sort, opens: self.opens, joined: self.joined, symbol });
        self.opens = false;
        self.joined = true;
    }

    fn gap(&mut self, letter: char) {
        self.at += 1;
        self.joined &= letter != '\n'
            && (letter.is_whitespace() || matches!(letter, '-' | '\u{2010}' | '\u{2011}' | '*' | '_' | '`'));
        self.opens |= matches!(
            letter,
            '\n' | '.' | '!' | '?' | '…' | ':' | '"' | '“' | '„' | '«' | '(' | '[' | '。' | '！' | '？' | '「' | '：'
        );
    }

    fn word(&mut self) {
        let mut word = String::new();
        while let Some(letter) = self.peek(0) {
            let inner = matches!(letter, '\'' | '’') && self.peek(1).is_some_and(char::is_alphabetic);
            if !is_word(letter) && !inner {
                break;
            }
            word.push(if letter == '’' { '\'' } else { letter });
            self.at += 1;
        }
        let is_code = word.chars().any(|letter| digit(letter).is_some());
        let (sort, key) = if is_code { (Sort::Code, word.to_lowercase()) } else { (Sort::Word, stem(&word)) };
        self.push(word, key, sort, None);
    }

    fn number(&mut self) {
        let start = self.at;
        let minus = matches!(self.before(1), Some('-' | '−'))
            && self.before(2).is_none_or(|letter| letter.is_whitespace() || letter == '(' || is_currency(letter));
        let before = if self.before(1) == Some(' ') { self.before(2) } else { self.before(1) };
        let value = self.decimal();
        if self.is_marker(start, &value) {
            return;
        }
        let rest: String = self.letters.iter().skip(self.at).copied().take_while(|letter| is_word(*letter)).collect();
        if rest.chars().any(|letter| digit(letter).is_some()) {
            self.at = start;
            let code = self.take(is_word);
            return self.push(code.clone(), code.to_lowercase(), Sort::Code, None);
        }
        if matches!(rest.to_lowercase().as_str(), "st" | "nd" | "rd" | "th") {
            self.at += 2;
        }
        let after = if self.peek(0) == Some(' ') { self.peek(1) } else { self.peek(0) };
        let sign = |letter: Option<char>| letter.filter(|letter| is_currency(*letter));
        let percent = after.filter(|letter| matches!(letter, '%' | '‰' | '°'));
        let symbol = sign(before).or_else(|| percent.or_else(|| sign(after)));
        let value = if minus && value != "0" { format!("-{value}") } else { value };
        self.push(value.clone(), value, Sort::Number, symbol);
    }

    /// Reads digits with separators of thousands and one decimal point; the normal form: `1,000.50` is `1000.5`.
    fn decimal(&mut self) -> String {
        let (mut whole, mut part) = (String::new(), String::new());
        let mut grouped = false;
        while let Some(letter) = self.peek(0) {
            let digit_at = |ahead| self.peek(ahead).and_then(digit);
            if let Some(value) = digit(letter) {
                whole.push(value);
            } else {
                let separates = matches!(letter, ',' | '\'' | '’' | '_' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '，');
                let three = (1..=3).all(|ahead| digit_at(ahead).is_some()) && digit_at(4).is_none();
                if !(separates && three && (grouped || whole.len() <= 3)) {
                    break;
                }
                grouped = true;
            }
            self.at += 1;
        }
        if matches!(self.peek(0), Some('.' | '．')) && self.peek(1).and_then(digit).is_some() {
            self.at += 1;
            while let Some(value) = self.peek(0).and_then(digit) {
                part.push(value);
                self.at += 1;
            }
        }
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        let part = part.trim_end_matches('0');
        if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
    }

    /// Whether the number that was read from `start` on numbers a list's line.
    fn is_marker(&mut self, start: usize, value: &str) -> bool {
        let line = self.letters.get(..start).unwrap_or_default().rsplit(|letter| *letter == '\n').next();
        let at_line_start = line.is_none_or(|line| line.iter().all(|letter| letter.is_whitespace()));
        let closed = matches!(self.peek(0), Some('.' | ')')) && self.peek(1).is_some_and(char::is_whitespace);
        let followed = self.letters.iter().skip(self.at + 1).any(|letter| !letter.is_whitespace());
        let counts = value.parse().is_ok_and(|value: u64| value == 1 || value == self.marker);
        let is_marker = at_line_start && closed && followed && counts;
        if is_marker {
            self.marker = value.parse().map_or(1, |value: u64| value.saturating_add(1));
            self.opens = true;
            self.joined = false;
        }
        is_marker
    }
}

/// A word without letter case, possessive and plural: `Wolves`, `wolf's` and `wolf` are one. No dictionary word, only a key.
fn stem(word: &str) -> String {
    let lower = word.to_lowercase();
    let base = lower.strip_suffix("'s").or_else(|| lower.strip_suffix('\'')).unwrap_or(&lower);
    let length = base.chars().count();
    if length < 3 {
        return base.to_owned();
    }
    let cut = |end: &str| base.strip_suffix(end);
    let single = if let Some(rest) = cut("ies").filter(|_| length > 4) {
        format!("{rest}y")
    } else if ["sses", "xes", "zes", "ches", "shes"].iter().any(|end| base.ends_with(end)) {
        cut("es").unwrap_or(base).to_owned()
    } else if ["ss", "us", "is"].iter().any(|end| base.ends_with(end)) {
        base.to_owned()
    } else {
        cut("s").unwrap_or(base).to_owned()
    };
    // `knife` and `knives`, `axe` and `axes`, but not `ore` and `or`.
    match single.strip_suffix('e') {
        Some(rest) if rest.chars().count() > 2 || rest.ends_with('x') => {
            rest.strip_suffix('v').map_or_else(|| rest.to_owned(), |rest| format!("{rest}f"))
        }
        _ => single,
    }
}
