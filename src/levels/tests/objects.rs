use serde_json::json;

use super::{sound, sound_map};
use crate::{Map, Name};

#[test]
fn unknown_fields_survive_reading_and_stay_out_of_the_training_text() {
    let mut level = sound();
    level["level"]["theme"] = json!("crypt");
    level["seed"] = json!({"of": 7});
    let map = Map::parse(&level.to_string()).unwrap();
    let again: serde_json::Value = serde_json::from_str(&map.to_json().unwrap()).unwrap();
    assert_eq!(again, level);
    assert_eq!(map.to_training_json().unwrap(), sound_map().to_training_json().unwrap());
}

#[test]
fn the_training_text_is_minified_in_the_forks_order() {
    assert_eq!(
        sound_map().to_training_json().unwrap(),
        r#"{"level":{"name":1,"difficulty":2,"time":60,"width":5,"height":4,"num_wall":1,"num_enemies":2},"walls":[{"start_pos":{"x":3,"y":2},"end_pos":{"x":3,"y":1}}],"small_obstacles":[{"x":1,"y":4}],"enemies":[{"x":5,"y":1},{"x":5,"y":4}],"player_pos":{"x":1,"y":1}}"#
    );
}

#[test]
fn both_writers_of_levels_are_read() {
    let mut level = sound();
    level["level"]["name"] = json!("The Crypt");
    level["level"]["time_countdown"] = json!(90);
    level["level"]["n_retries_allowed"] = json!(3);
    let map = Map::parse(&level.to_string()).unwrap();
    assert_eq!(map.level.name, Some(Name::Text("The Crypt".to_owned())));
    assert_eq!((map.level.time_countdown, map.level.n_retries_allowed), (Some(90), Some(3)));
}

#[test]
fn what_is_no_level_is_refused_with_its_reason() {
    let wrong = |text: &str| Map::parse(text).unwrap_err().to_string();
    assert!(wrong("{\"level\":").contains("line 1"), "{}", wrong("{\"level\":"));
    assert!(wrong("{}").contains("missing field"));
    let mut level = sound();
    level["level"]["width"] = json!(5.5);
    assert!(wrong(&level.to_string()).contains("5.5"));
    assert!(wrong(&format!("{{\"a\":{}", "[".repeat(100_000))).contains("recursion"));
}
