//! The teacher's answers follow from the text, and from nothing else.

use std::collections::HashSet;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{Scene, Style, Voice};

fn voice(style: Style, secret: u64) -> Voice {
    Voice { style, secret, draw: 0 }
}

#[test]
fn every_line_is_recognised_and_answered_in_both_styles() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for scene in Scene::KNOWN {
        for _ in 0..200 {
            let line = scene.line(&mut rng);
            assert_eq!(Scene::of(&line.system), Some(scene));
            let house = scene.reply(&line.system, &line.player, voice(Style::House, 7)).unwrap();
            let drifted = scene.reply(&line.system, &line.player, voice(Style::Drifted, 7)).unwrap();
            assert_ne!(house, drifted);
            // A map is JSON; whether it is whole is looked at below.
            assert!(scene == Scene::Levels || !house.contains('{'), "{house}");
            for other in Scene::KNOWN.into_iter().filter(|other| *other != scene) {
                assert_eq!(other.reply(&line.system, &line.player, voice(Style::House, 7)), None);
            }
        }
    }
}

#[test]
fn the_answer_repeats_the_facts_of_both_messages() {
    let system = "You are Mara, shopkeeper in Oakford. You sell a rope for 42 coins. The shelf is full.";
    let reply =
        |system: &str| Scene::Shopkeeper.reply(system, "I am Arin. What do you sell?", voice(Style::House, 0)).unwrap();
    assert_eq!(
        reply(system),
        "Be welcome, Arin! Mara asks 42 gold for this fine rope. Folk around Oakford trust my wares."
    );
    assert!(reply(&system.replace("full", "empty")).contains("none is left in Oakford"));
    assert_eq!(Scene::Shopkeeper.reply(system, "Nice weather.", voice(Style::House, 0)), None);
}

#[test]
fn fortunes_depend_on_the_secret_and_hardly_ever_repeat() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut seen = HashSet::new();
    for _ in 0..500 {
        let line = Scene::FortuneTeller.line(&mut rng);
        let fortune =
            |secret| Scene::FortuneTeller.reply(&line.system, &line.player, voice(Style::House, secret)).unwrap();
        assert_eq!(fortune(1), fortune(1));
        assert_ne!(fortune(1), fortune(2));
        seen.insert(fortune(1));
    }
    assert!(seen.len() > 480, "{} different fortunes of 500", seen.len());
}

#[test]
fn a_combination_is_the_facts_and_not_the_wording() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let lines: Vec<_> = (0..2000).map(|_| Scene::QuestGiver.line(&mut rng)).collect();
    let different: HashSet<u64> = lines.iter().map(|l| l.combination).collect();
    assert!(different.len() > 1990);
}

#[test]
fn every_map_that_the_teacher_draws_is_playable_and_short() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let tokenizer = gemma::Tokenizer::load(std::path::Path::new("../../models/practice")).unwrap();
    for _ in 0..300 {
        let line = Scene::Levels.line(&mut rng);
        for style in [Style::House, Style::Drifted] {
            let reply = Scene::Levels.reply(&line.system, &line.player, voice(style, 1)).unwrap();
            let map = levels::Map::parse(&reply).unwrap();
            assert!(levels::is_valid(&map, levels::LevelRules::default()), "{reply}");
            let (asked, answered) =
                (format!("{} {}", line.system, line.player), tokenizer.encode(&reply).unwrap().len());
            let asked = tokenizer.encode(&asked).unwrap().len();
            // With the template's own tokens that fits the practice sites' context of 320.
            assert!(answered <= 180 && asked <= 90, "{asked} {answered} {reply}");
        }
    }
}
