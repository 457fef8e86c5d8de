//! A readable name: words of the template that tell what it is about, and a short hash.

use callsite::SiteId;

use crate::shape::{Shape, mix, text};
use crate::template::Template;
use crate::text::Part;

/// Words in a name; its hash is made of them too, and of the shape.
const WORDS: usize = 3;
/// Other hashes that are tried where a name is taken.
const TRIES_MAX: u64 = 64;
/// Letters of a word in a name.
const LETTERS_MAX: usize = 14;

/// Words that stand in every kind of prompt.
const COMMON: &str = " a about above according act after all along also always an and any are answer answers as ask asked assistant at \
    based be because been before below best between bot but by call can character context create current day describe details do does \
    don each either every exactly example false first follow following follows for format from general generate get give given gives \
    good has have he hello help helpful her here hers hey him his how however if in include including information input inputs into is it its \
    json just keep know language last let like line list long look make many may me message more most must my name need \
    never new no none not now null number of off on one only operation or other our out output outputs part per perform please \
    point possible prompt provide provided question questions read reply request respond response result results return role rules say says section see she short should \
    single so some speak stay string str int float bool obj such system task tell text than that the their them then there these they this those \
    three time to today too true two type types up use used user using value values variable very want was way we well were what when where \
    which while who why will with within without word words world would write yes yet you your yourself \
    der die das ein eine und ist bist sind du sie wir mit von auf für den dem des les une est vous tu la le un el los las una eres es con por para ";

/// Whether a fixed word tells what a prompt is about.
pub(crate) fn tells_something(word: &str) -> bool {
    if !word.is_ascii() {
        return word.chars().any(char::is_alphanumeric);
    }
    let lower = word.to_ascii_lowercase();
    word.len() > 2 && word.bytes().any(|byte| byte.is_ascii_alphabetic()) && !is_common(&lower)
}

fn is_common(lower: &str) -> bool {
    COMMON.split_ascii_whitespace().any(|common| common == lower)
}

/// The telling words of a template, those to be used first in front; those of its preface are left out, as long as there
/// are others.
pub(crate) fn words(template: &Template) -> Vec<String> {
    let own = telling(template, &template.preface);
    if own.is_empty() { telling(template, &[]) } else { own }
}

fn telling(template: &Template, preface: &[String]) -> Vec<String> {
    let mut counted: Vec<(usize, String)> = Vec::new();
    let fixed = Part::BOTH.iter().flat_map(|part| &template.fixed(*part).chunks).flatten();
    for word in fixed.filter(|word| tells_something(word) && !preface.contains(word)) {
        let lower = word.to_ascii_lowercase();
        match counted.iter_mut().find(|(_, known)| *known == lower) {
            Some((count, _)) => *count += 1,
            None => counted.push((1, lower)),
        }
    }
    counted.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    counted.into_iter().map(|(_, word)| word).collect()
}

/// The name for a template with these words; `is_taken` says which names there are. None where all that are tried are taken.
pub(crate) fn name(words: &[String], shape: Shape, is_taken: impl Fn(&SiteId) -> bool) -> Option<SiteId> {
    let hash = words.iter().take(WORDS).fold(shape.0, |hash, word| mix(hash, text(word)));
    let mut shown: Vec<&str> = words.iter().filter(|word| word.is_ascii()).take(WORDS).map(String::as_str).collect();
    if shown.is_empty() {
        shown.push("site");
    }
    let shown: Vec<String> =
        shown.into_iter().map(|word| word.trim_matches('_').chars().take(LETTERS_MAX).collect()).collect();
    let stem = shown.join("-");
    let tries = (0..TRIES_MAX).map(|again| format!("{stem}-{:04x}", mix(hash, again) & 0xffff));
    tries.filter_map(|name| SiteId::new(&name).ok()).find(|name| !is_taken(name))
}
