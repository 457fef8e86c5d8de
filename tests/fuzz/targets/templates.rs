//! The miner of templates: whatever prompts come, it ends, what it found does not depend on their order, and a prompt of a found site is looked up
//! without fail.
#![no_main]

use callsite::SiteId;
use fingerprint::{Discover, Finder, FinderSettings, Shape, Split, Surroundings};
use libfuzzer_sys::fuzz_target;

struct Nothing;

impl Surroundings for Nothing {
    fn keeps(&self, _: &SiteId) -> bool {
        true
    }
    fn is_bare(&self, _: &SiteId) -> bool {
        true
    }
    fn is_used(&self, _: &SiteId) -> bool {
        false
    }
}

/// The names of what is found in `prompts`, sorted.
fn found<'a>(split: Split, prompts: impl Iterator<Item = &'a (String, String)>) -> Vec<String> {
    let settings = FinderSettings { discover: Discover::Learn, split, sites_max: 8 };
    let finder = Finder::new(settings, Vec::new());
    let shape = || Shape::new("chat", "m", None, None);
    for (system, user) in prompts {
        finder.look_up(shape(), system, user, true, 1);
    }
    finder.mine(2, &Nothing);
    for site in finder.sites() {
        assert!(SiteId::new(site.name.as_str()).is_ok(), "{}", site.name);
    }
    drop((finder.views(), finder.take_changed()));
    let mut names: Vec<String> = finder.sites().iter().map(|site| site.name.to_string()).collect();
    names.sort();
    names
}

// Lines are templates; each is filled in with numbers and with the words of the other lines, so that there is something to find.
fuzz_target!(|input: (bool, &str)| {
    let (texts, text) = input;
    let split = if texts { Split::Texts } else { Split::Templates };
    let lines: Vec<&str> = text.lines().take(4).collect();
    let words: Vec<&str> = text.split_whitespace().take(64).collect();
    let word = |at: usize| words.get(at % words.len().max(1)).copied().unwrap_or_default();
    let mut prompts = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        for turn in 0..40 {
            let (one, other) = (word(turn * 7 + number), word(turn * 3 + 1));
            prompts.push((format!("{line} {turn} {one}"), format!("{other} {turn}?")));
            prompts.push((String::new(), format!("{line} {one} {turn}: {other}")));
        }
    }
    assert_eq!(
        found(split, prompts.iter()),
        found(split, prompts.iter().rev()),
        "the order of requests must not matter"
    );
});
