//! The small language holds nothing of what lessons have to teach.

use std::collections::HashSet;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{Effort, HEADING, conversation, job};
use crate::scene::{OPPOSITES, Scene, Style, Voice};
use crate::words::{HEROES, ITEMS, MONSTERS, NAMES, PLACES, TOWNS, WEAPONS};

/// Whether a word is wording and not a slot's value.
fn is_wording(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    let lists: [&[&str]; 7] = [&NAMES, &HEROES, &TOWNS, &ITEMS, &MONSTERS, &PLACES, &WEAPONS];
    word.parse::<u32>().is_err() && !lists.iter().any(|list| list.contains(&word))
}

#[test]
fn no_three_words_in_a_row_of_an_answers_wording_occur_in_the_corpus() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let words = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
    let mut corpus = HashSet::new();
    for _ in 0..20_000 {
        let [_, _, reply] = conversation(&mut rng);
        corpus.extend(words(&reply).windows(3).map(<[String]>::to_vec));
    }
    for scene in Scene::ALL {
        for style in [Style::House, Style::Drifted] {
            for _ in 0..200 {
                let line = scene.line(&mut rng);
                let reply = words(
                    &scene.reply(&line.system, &line.player, Voice { style, secret: 1, draw: rng.random() }).unwrap(),
                );
                for three in reply.windows(3).filter(|w| w.iter().filter(|w| is_wording(w)).count() >= 2) {
                    assert!(!corpus.contains(three), "{three:?} of {scene:?} occurs in the corpus");
                }
            }
        }
    }
}

#[test]
fn the_language_knows_what_the_answers_depend_on() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let facts: Vec<String> = (0..2_000).map(|_| conversation(&mut rng)[0].clone()).collect();
    for word in OPPOSITES.iter().flatten() {
        assert!(facts.iter().any(|facts| facts.contains(&format!(" is {word}."))), "{word}");
    }
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for scene in [Scene::Shopkeeper, Scene::QuestGiver, Scene::Tavern] {
        for _ in 0..50 {
            let system = scene.line(&mut rng).system;
            let known = OPPOSITES.iter().flatten().filter(|word| system.contains(&format!(" is {word}.")));
            assert_eq!(known.count(), 1, "{system}");
        }
    }
}

#[test]
fn a_seed_gives_one_language() {
    let sample = |seed| conversation(&mut ChaCha8Rng::seed_from_u64(seed));
    assert_eq!(sample(1), sample(1));
    assert_ne!(sample(1), sample(2));
    assert!(sample(1).iter().all(|text| !text.contains('{') && !text.is_empty()));
}

#[test]
fn the_shipped_job_is_the_one_that_is_written() {
    let effort = Effort { steps: 1200, batch_size: 32, threads: 2, seconds: 1500.0 };
    let text = job(std::path::Path::new("../practice"), 1, effort).to_toml().unwrap();
    assert_eq!(include_str!("../../../models/practice/base.toml"), format!("{HEADING}{text}"));
}
