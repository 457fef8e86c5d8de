//! The maker of levels over a scripted model: what becomes an example, what a retry is told, what is counted.

use std::future::ready;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use wire::{Answer, Answering, ChatModel, Finish, Ineligible, Prompt, Signals, Usage};

use crate::levels::{By, LEVEL, MAP, Settings, level_schema, make, map_schema, plan};
use crate::prompts::Prompts;
use crate::run::{Facts, Limits};
use crate::{Item, Report, Run, Start};

/// Answers prompts for levels and for maps by two scripts, which are told how often they were asked before; keeps what it was asked.
struct Scripted {
    level: fn(usize) -> String,
    map: fn(usize) -> String,
    heard: Mutex<Vec<String>>,
}

impl ChatModel for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn accepts(&self, _: &Prompt) -> Result<(), Ineligible> {
        Ok(())
    }

    fn answer(&self, prompt: Prompt) -> Answering {
        let text = prompt.turns[0].text.clone();
        let mut heard = self.heard.lock().unwrap();
        let is_map = text.starts_with(crate::prompts::opening("levels/map"));
        let opening = crate::prompts::opening(if is_map { "levels/map" } else { "levels/level" });
        let before = heard.iter().filter(|asked| asked.starts_with(opening)).count();
        heard.push(text);
        let text = if is_map { (self.map)(before) } else { (self.level)(before) };
        let usage = Usage { prompt_tokens: 10, completion_tokens: 5 };
        Box::pin(ready(Ok(Answer::new(text, Finish::Stop, usage, Signals::default()))))
    }
}

fn level_of(difficulty: i64, number: i64) -> Value {
    json!({"name": number, "difficulty": difficulty, "time": 60, "width": 7, "height": 6, "num_wall": 1, "num_enemies": 1})
}

/// The levels of one game: the difficulty rises every second level.
fn level(before: usize) -> String {
    let number = i64::try_from(before).unwrap();
    level_of(1 + number / 2, number + 1).to_string()
}

/// A sound map of that level, another one each time.
fn sound(before: usize) -> Value {
    let number = i64::try_from(before).unwrap();
    json!({
        "level": level_of(1 + number / 2, number + 1),
        "walls": [{"start_pos": {"x": 3, "y": 2}, "end_pos": {"x": 3, "y": 3 + number % 3}}],
        "small_obstacles": [], "enemies": [{"x": 6, "y": 1 + number % 6}], "player_pos": {"x": 1, "y": 1},
    })
}

fn settings() -> Settings {
    Settings { count: 4, width: 7, height: 6, game_levels: 4, ..Settings::default() }
}

/// Runs the maker; gives back the report, the items, what was asked and the run's folder.
fn made(
    settings: &Settings,
    level: fn(usize) -> String,
    map: fn(usize) -> String,
) -> (Report, Vec<Item>, Vec<String>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let model = Arc::new(Scripted { level, map, heard: Mutex::default() });
    let by_student = settings.by == By::Student;
    let silent = Arc::new(Scripted { level: |_| String::new(), map: |_| String::new(), heard: Mutex::default() });
    let facts = Facts {
        pipeline: "levels".into(),
        teacher: "scripted".into(),
        student: None,
        seed: 1,
        arguments: serde_json::to_value(settings).unwrap(),
    };
    let start = Start {
        folder: folder.path().join("run"),
        facts,
        teacher: if by_student { silent.clone() } else { model.clone() },
        student: by_student.then(|| -> Arc<dyn ChatModel> { model.clone() }),
        limits: Limits { concurrency: 1, ..Limits::default() },
        prompts: None,
        clock: || 7,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (report, items) = runtime.block_on(async {
        let mut run = Run::begin(start).unwrap();
        make(&mut run, settings).await.unwrap();
        let items = run.items().to_vec();
        (run.finish(None).unwrap(), items)
    });
    assert_eq!(silent.heard.lock().unwrap().len(), 0, "whoever was not named was asked");
    let heard = model.heard.lock().unwrap().clone();
    (report, items, heard, folder)
}

fn figure(report: &Report, name: &str) -> f64 {
    report.figures.iter().find(|(known, _)| known.starts_with(name)).unwrap_or_else(|| panic!("{name}")).1
}

#[test]
fn sound_maps_become_examples_of_the_request_that_a_game_sends() {
    let (report, items, heard, folder) = made(&settings(), level, |before| sound(before).to_string());
    let examples = std::fs::read_to_string(folder.path().join("run/examples.jsonl")).unwrap();
    assert_eq!(examples.lines().count(), 4);
    let first: Value = serde_json::from_str(examples.lines().next().unwrap()).unwrap();
    let [request, answer] = [0, 1].map(|turn| first["messages"][turn]["content"].as_str().unwrap());
    assert!(
        request.starts_with("Make a map of 7 x 6 cells, counted from 1, with 1 wall and 1 enemy, for difficulty 1."),
        "{request}"
    );
    assert!(answer.starts_with(r#"{"level":{"name":1,"difficulty":1,"time":60,"width":7,"#), "{answer}");
    assert_eq!(figure(&report, "playability"), 1.0);
    assert_eq!(figure(&report, "accurate"), 1.0);
    assert_eq!(std::fs::read_dir(folder.path().join("run/pictures")).unwrap().count(), 4);
    // The next level is planned from the last three, at a difficulty that rises every second level.
    let levels: Vec<&String> = heard.iter().filter(|asked| asked.contains("You plan the levels")).collect();
    let difficulties = ["Difficulty: 1", "Difficulty: 1", "Difficulty: 2", "Difficulty: 2"];
    assert!(levels.iter().zip(difficulties).all(|(asked, difficulty)| asked.contains(difficulty)));
    assert_eq!(levels.iter().map(|asked| asked.matches("\"num_wall\":").count() - 1).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(items.iter().rfind(|item| item.stage == LEVEL).unwrap().parents.len(), 3);
}

#[test]
fn a_map_with_an_error_is_asked_for_again_and_told_what_was_wrong() {
    // The first two tries at the first level's map fail: an enemy in the wall, then words.
    let map = |before: usize| match before {
        0 => {
            let mut map = sound(0);
            map["enemies"][0] = json!({"x": 3, "y": 2});
            map.to_string()
        }
        1 => "I am sorry.".to_owned(),
        later => format!("Here it is:\n```json\n{}\n```", sound(later - 2)),
    };
    let (report, items, heard, _folder) = made(&settings(), level, map);
    let tries: Vec<&Item> = items.iter().filter(|item| item.stage == MAP).collect();
    let dropped: Vec<Option<&str>> =
        tries.iter().map(|item| item.dropped_by().map(|check| check.name.as_str())).collect();
    assert_eq!(dropped, [Some("E6"), Some("E1"), None, None, None, None]);
    let check = tries[0].dropped_by().unwrap();
    assert!(check.detail.as_ref().unwrap().contains("(3, 2)"), "{check:?}");
    let maps: Vec<&String> = heard.iter().filter(|asked| asked.contains("You draw the maps")).collect();
    assert!(!maps[0].contains("was refused"));
    assert!(maps[1].contains("E6 the enemy at (3, 2) stands in a wall"), "{}", maps[1]);
    assert!(maps[2].contains("E1 "), "{}", maps[2]);
    assert!(!maps[3].contains("was refused"), "a new level begins without the old findings");
    assert_eq!(figure(&report, "playability"), 0.75);
    assert_eq!(figure(&report, "valid after 2 retries"), 1.0);
    assert_eq!(figure(&report, "tries a map, measured"), 1.5);
    assert_eq!(figure(&report, "answer tokens a valid map"), 7.5);
}

#[test]
fn a_level_that_was_not_asked_for_has_no_map_and_a_repeated_map_is_no_example() {
    let wrong = |before: usize| if before == 0 { level_of(1, 1).to_string().replace('7', "9") } else { level(before) };
    let (report, items, ..) = made(&settings(), wrong, |_| sound(1).to_string());
    let dropped: Vec<&str> =
        items.iter().filter_map(|item| item.dropped_by()).map(|check| check.name.as_str()).collect();
    assert_eq!(dropped[0], "level-size");
    // Three levels are left; the map is of the second, every other answer is of another level, and tried twice more.
    assert_eq!(dropped[1..].iter().filter(|name| **name == "W5").count(), 6);
    assert_eq!(report.kept, 4, "three levels and one map");
}

#[test]
fn a_sound_map_of_another_level_is_none_of_this_one() {
    let one = Settings { count: 1, retries: 1, ..settings() };
    let (_, items, heard, _folder) = made(&one, level, |before| sound(1 - before).to_string());
    let dropped: Vec<&str> = items.iter().filter_map(Item::dropped_by).map(|check| check.name.as_str()).collect();
    assert_eq!((dropped, items.len()), (vec!["map-of-level"], 3));
    assert!(heard[2].contains("not the level that was asked for"), "{}", heard[2]);
}

#[test]
fn the_next_level_is_planned_from_the_last_three() {
    let (_, items, ..) =
        made(&Settings { count: 5, game_levels: 5, ..settings() }, level, |before| sound(before).to_string());
    let parents = items.iter().filter(|item| item.stage == LEVEL).map(|item| item.parents.len());
    assert_eq!(parents.collect::<Vec<_>>(), [0, 1, 2, 3, 3]);
}

#[test]
fn a_student_is_asked_in_the_teachers_place() {
    let (report, ..) = made(&Settings { by: By::Student, ..settings() }, level, |before| sound(before).to_string());
    assert_eq!((figure(&report, "playability"), report.kept), (1.0, 8));
}

#[test]
fn settings_are_held_to_their_limits_and_a_plan_names_both_stages() {
    let prompts = Prompts::load(None).unwrap();
    let planned = plan(&prompts, &settings()).unwrap();
    assert_eq!(planned.iter().map(|stage| stage.stage.as_str()).collect::<Vec<_>>(), [LEVEL, MAP]);
    for wrong in [
        Settings { width: 4, ..settings() },
        Settings { height: 65, ..settings() },
        Settings { count: 0, ..settings() },
        Settings { retries: 21, ..settings() },
    ] {
        assert!(plan(&prompts, &wrong).is_err(), "{wrong:?}");
    }
    assert!(plan(&prompts, &Settings { width: 5, height: 64, retries: 20, ..settings() }).is_ok());
    assert_eq!("student".parse(), Ok(By::Student));
    assert!("nobody".parse::<By>().is_err());
}

#[test]
fn the_schemas_are_of_the_strict_kind_at_every_depth() {
    fn strict(schema: &Value) -> bool {
        match schema["type"].as_str() {
            Some("object") => {
                let properties = schema["properties"].as_object().unwrap();
                let required = schema["required"].as_array().unwrap();
                schema["additionalProperties"] == json!(false)
                    && required.len() == properties.len()
                    && properties.values().all(strict)
            }
            Some("array") => strict(&schema["items"]),
            other => other == Some("integer"),
        }
    }
    assert!(strict(&level_schema()) && strict(&map_schema()));
    assert_eq!(map_schema()["properties"].as_object().unwrap().len(), 5);
}
