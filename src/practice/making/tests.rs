//! The writer of levels follows its prompt, and errs in all the ways that filters look for.

use std::collections::BTreeSet;

use ::levels::{Context, Level, LevelRules, check_text};
use generate::prompts::Prompts;
use serde_json::json;

use super::answer;

fn level() -> String {
    let slots =
        json!({"width": 9, "height": 7, "difficulty": 3, "last": [], "number": 4, "walls_max": 4, "enemies_max": 3});
    let asked = Prompts::load(None).unwrap().render("levels/level", slots).unwrap();
    let answers = (0..50).map(|seed| answer(&asked, seed).unwrap());
    answers
        .into_iter()
        .find(|text| text.starts_with('{') && text.ends_with('}') && text.contains("\"width\":9"))
        .unwrap()
}

#[test]
fn a_level_is_what_the_prompt_asks_for() {
    let level: Level = serde_json::from_str(&level()).unwrap();
    assert_eq!((level.width, level.height, level.difficulty), (9, 7, Some(3)));
    assert!((1..=4).contains(&level.num_wall) && (1..=3).contains(&level.num_enemies), "{level:?}");
}

#[test]
fn maps_are_sound_but_for_faults_of_every_kind() {
    let slots = json!({"level": level(), "base": 1, "last_x": 9, "last_y": 7, "findings": []});
    let asked = Prompts::load(None).unwrap().render("levels/map", slots).unwrap();
    let (mut sound, mut rules) = (0, BTreeSet::new());
    for seed in 0..400 {
        let text = answer(&asked, seed).unwrap();
        let json = text
            .split_once('{')
            .map_or(String::new(), |(_, rest)| format!("{{{}", rest.trim_end_matches('`').trim_end()));
        let (_, findings) = check_text(&json, LevelRules::default(), Context::default());
        let errors: Vec<&str> =
            findings.iter().filter(|finding| finding.is_error()).map(::levels::Finding::rule).collect();
        sound += u32::from(errors.is_empty());
        rules.extend(errors);
    }
    assert!((280..380).contains(&sound), "{sound} of 400");
    assert!(["E1", "E6", "E12", "E13"].iter().all(|rule| rules.contains(rule)), "{rules:?}");
}

#[test]
fn every_template_that_a_teacher_is_asked_has_a_writer() {
    // Growth is the student's own, and the request for a map is what a game says.
    let asked = generate::prompts::names().filter(|name| !["dialogue/grow", "levels/request"].contains(name));
    let missing: Vec<&str> = asked.filter(|name| !super::WRITERS.iter().any(|(known, _)| known == name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    assert_eq!(answer("Good morning", 1), None);
}
