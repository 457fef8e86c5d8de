//! What looking a prompt of 2 kB up costs among 200 found call sites that share a page of lore, and what it costs to find
//! them: `cargo run --release -p fingerprint --example look_up`.

#![expect(clippy::print_stdout, reason = "a program that measures")]

use std::hint::black_box;
use std::time::Instant;

use callsite::SiteId;
use fingerprint::{Discover, Finder, FinderSettings, Shape, Split, Surroundings};

const SITES: u64 = 200;
const LOOKS: u32 = 20_000;
const LORE: &str = "World: Aldoria is an island of nine kingdoms under a frozen sun. Magic is paid for with memories. The \
guild of Cartographers rules trade, the Quiet Order keeps the dead, and nobody alive has seen the southern shore. Iron rusts \
within days, so weapons are made of glass and bone. Names are given at the first snowfall. Every text is for players of \
twelve years and older; keep it free of gore and of modern words.";

struct Nobody;

impl Surroundings for Nobody {
    fn keeps(&self, _: &SiteId) -> bool {
        false
    }
    fn is_bare(&self, _: &SiteId) -> bool {
        true
    }
    fn is_used(&self, _: &SiteId) -> bool {
        false
    }
}

/// A word that no other number has.
fn word(number: u64) -> String {
    let syllables = ["ka", "mo", "ri", "tu", "ves", "lon", "pi", "shar"];
    let syllable = |at: u32| usize::try_from(number >> (3 * at) & 7).ok().and_then(|at| syllables.get(at)).copied();
    (0..6).filter_map(syllable).collect()
}

fn words(from: u64, count: u64) -> String {
    (0..count).map(|at| word((from + at).wrapping_mul(0x9e37_79b9))).collect::<Vec<_>>().join(" ")
}

/// A prompt of `site`, about 2 kB in all.
fn prompt(site: u64, number: u64) -> (String, String) {
    let task = words(1_000_000 + site * 40, 40);
    let system = format!("{LORE}\n\nTask {task}.\n\nThe player is {}, level {number}.", word(number));
    (system, format!("{}?", words(5_000_000 + number * 131, 100)))
}

fn main() {
    let settings = FinderSettings { discover: Discover::Learn, split: Split::Templates, sites_max: 256 };
    let (finder, shape) = (Finder::new(settings, Vec::new()), Shape::new("chat", "gpt-5-mini", None, None));
    let began = Instant::now();
    for batch in 0..SITES / 8 {
        for number in 0..8 * 60 {
            let (system, user) = prompt(batch * 8 + number % 8, batch * 1_000 + number);
            black_box(finder.look_up(shape, &system, &user, true, 0));
        }
        finder.mine(0, &Nobody);
    }
    println!("{} sites found in {:.2} s", finder.sites().len(), began.elapsed().as_secs_f64());
    for (what, site, may_remember) in [
        ("of a found site", 77, false),
        ("of none, not remembered", 1_000_000, false),
        ("of none, remembered", 2_000_000, true),
    ] {
        let prompts: Vec<_> = (0..64).map(|number| prompt(site, 900_000 + number)).collect();
        let bytes = prompts.iter().map(|(system, user)| system.len() + user.len()).sum::<usize>() / prompts.len();
        let began = Instant::now();
        for (system, user) in prompts.iter().cycle().take(20_000) {
            black_box(finder.look_up(black_box(shape), system, user, may_remember, 0));
        }
        let us = began.elapsed().as_secs_f64() * 1e6 / f64::from(LOOKS);
        println!("a prompt {what}, {bytes} bytes: {us:.2} us");
    }
    let tools = r#"[{"type":"function","function":{"name":"attack","parameters":{"type":"object","properties":{"x":{"type":"integer"},"y":{"type":"integer"}},"required":["x","y"]}}}]"#;
    let began = Instant::now();
    for _ in 0..LOOKS {
        black_box(Shape::new("chat", black_box("gpt-5-mini"), Some(tools), Some(tools)));
    }
    println!(
        "a shape with {} bytes of schemas: {:.2} us",
        2 * tools.len(),
        began.elapsed().as_secs_f64() * 1e6 / f64::from(LOOKS)
    );
}
