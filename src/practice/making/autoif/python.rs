//! Python functions for rules, in several wordings, some of them with the faults of a model.

use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use super::rules::Rule;

/// Before the rule in a function's comment, by which it is put back into words.
pub(super) const COMMENT: &str = "# Checks: ";

/// Shares of functions that import what is missing, swallow that by `except Exception`, are no Python, or say the opposite.
const MISSING: f64 = 0.12;
const SWALLOWED: f64 = 0.05;
const NO_PYTHON: f64 = 0.03;
const OPPOSITE: f64 = 0.04;

/// A function for `rule`, as a model writes it.
pub(super) fn function(rule: &Rule, rng: &mut impl Rng) -> String {
    let says = condition(rule, rng);
    let comment = format!("{COMMENT}{}", rule.wording(rng));
    let chance = rng.random_range(0.0..1.0);
    let ends = [MISSING, SWALLOWED, NO_PYTHON, OPPOSITE].into_iter().scan(0.0, |sum, share| {
        *sum += share;
        Some(*sum)
    });
    match ends.into_iter().position(|end| chance < end) {
        Some(0) => {
            let says = says.replace("response", "response.strip(string.whitespace)");
            format!("import re\nimport string\n\ndef evaluate(response):\n    {comment}\n    return bool({says})")
        }
        Some(1) => format!(
            "import re\n\ndef evaluate(response):\n    {comment}\n    try:\n        import statistics\n        return bool({says})\n    except Exception:\n        return False"
        ),
        Some(2) => format!("function evaluate(response) {{\n    // {comment}\n    return {says};\n}}"),
        Some(_) => format!("import re\n\ndef evaluate(response):\n    {comment}\n    return not ({says})"),
        None => framed(&says, &comment, rng),
    }
}

/// A function that runs and is right.
pub(super) fn plain(rule: &Rule, rng: &mut impl Rng) -> String {
    let comment = format!("{COMMENT}{}", rule.wording(rng));
    framed(&condition(rule, rng), &comment, rng)
}

/// What is written for a rule that was not understood: no two agree.
pub(super) fn guessed(rng: &mut impl Rng) -> String {
    let (divisor, rest) = (rng.random_range(2..9), rng.random_range(0..2));
    format!("def evaluate(response):\n    {COMMENT}the answer is good\n    return len(response) % {divisor} == {rest}")
}

fn framed(says: &str, comment: &str, rng: &mut impl Rng) -> String {
    let text = says.replace("response", "text");
    let forms = [
        format!("import re\n\ndef evaluate(response):\n    {comment}\n    return bool({says})"),
        format!(
            "import re\n\ndef evaluate(response):\n    {comment}\n    text = response.strip()\n    if {text}:\n        return True\n    return False"
        ),
        format!(
            "import re\n\ndef evaluate(response: str) -> bool:\n    {comment}\n    if not response:\n        return False\n    return bool({says})"
        ),
        format!(
            "import re\n\ndef holds(text):\n    return bool({text})\n\ndef evaluate(response):\n    {comment}\n    return holds(response)"
        ),
    ];
    forms.choose(rng).cloned().unwrap_or_default()
}

/// An expression over `response`, one of several.
fn condition(rule: &Rule, rng: &mut impl Rng) -> String {
    let forms: [String; 2] = match rule {
        Rule::AtMostWords(count) => {
            [format!("len(response.split()) <= {count}"), format!("len(re.findall(r'\\S+', response)) <= {count}")]
        }
        Rule::AtLeastWords(count) => {
            [format!("len(response.split()) >= {count}"), format!("not len(re.findall(r'\\S+', response)) < {count}")]
        }
        Rule::Sentences(count) => [
            format!("len(re.findall(r'[.!?]+', response)) == {count}"),
            format!("len([part for part in re.split(r'[.!?]+', response) if part.strip()]) == {count}"),
        ],
        Rule::Contains(word) => {
            [format!("'{word}' in response.lower()"), format!("re.search(r'\\b{word}', response.lower()) is not None")]
        }
        Rule::Begins(word) => [
            format!("response.strip().lower().startswith('{word}')"),
            format!("re.match(r'\\s*{word}\\b', response.lower()) is not None"),
        ],
        Rule::Ends(word) => [
            format!("response.lower().rstrip(' .!?').endswith('{word}')"),
            format!("re.search(r'{word}\\W*$', response.lower()) is not None"),
        ],
        Rule::With(sign) => [format!("'{sign}' in response"), format!("response.count('{sign}') >= 1")],
        Rule::Lowercase => ["response == response.lower()".into(), "not any(c.isupper() for c in response)".into()],
        Rule::Capitals => ["response == response.upper()".into(), "not any(c.islower() for c in response)".into()],
        Rule::Question => ["response.strip().endswith('?')".into(), "response.strip()[-1:] == '?'".into()],
        Rule::Digit => {
            ["any(c.isdigit() for c in response)".into(), "re.search(r'[0-9]', response) is not None".into()]
        }
        // The others are said by what they forbid.
        Rule::NotSentences(_)
        | Rule::Avoids(_)
        | Rule::BeginsOtherwise(_)
        | Rule::EndsOtherwise(_)
        | Rule::Without(_)
        | Rule::Statement
        | Rule::NoDigit => {
            let forbidden = condition(&rule.opposite(), rng);
            [format!("not ({forbidden})"), format!("({forbidden}) == False")]
        }
    };
    forms.choose(rng).cloned().unwrap_or_default()
}
