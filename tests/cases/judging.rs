//! `apprentice judge`: a judge over the wire is put answers whose quality is known.

use harness::program::World;
use harness::script;
use harness::teacher::{Received, ScriptedTeacher};

use crate::PROGRAM;

/// What an honest judge says: the answer that sells at the wrong price is worse. One that is asleep calls everything a tie.
fn verdict(received: &Received, awake: bool) -> String {
    let asked = received.json();
    let turns = asked["messages"].as_array().unwrap();
    let material: serde_json::Value =
        serde_json::from_str(turns.last().unwrap()["content"].as_str().unwrap()).unwrap_or_default();
    let wrong = |key: &str| material[key].as_str().is_some_and(|answer| answer.contains("991"));
    if material["answer_a"].is_string() {
        let better = match (wrong("answer_a"), wrong("answer_b")) {
            (true, false) if awake => "B",
            (false, true) if awake => "A",
            _ => "tie",
        };
        return serde_json::json!({"better": better, "reason": "the price"}).to_string();
    }
    let score = if turns.last().unwrap()["content"].to_string().contains("991") { 3 } else { 9 };
    let criteria = ["persona", "lore", "responsiveness", "usefulness", "style", "safety"];
    serde_json::json!(criteria.map(|name| (name, score)).into_iter().collect::<std::collections::BTreeMap<_, _>>())
        .to_string()
}

fn cases(each: usize) -> String {
    let line = |at: usize| {
        let good = at.is_multiple_of(2);
        let text = format!("Rope {at} is {} gold.", if good { at } else { 99_000 + at });
        let prompt = serde_json::json!([{"role": "user", "content": format!("What is rope {at}?")}]);
        let reference = format!("A rope {at}: {at} gold.");
        serde_json::json!({"prompt": prompt, "reference": reference, "text": text, "good": good}).to_string()
    };
    (100..100 + 2 * each).map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_judge_is_measured_on_answers_whose_quality_is_known() {
    for awake in [true, false] {
        let teacher = ScriptedTeacher::start(move |received| script::says(&verdict(received, awake)));
        let mut world = World::new(PROGRAM, &teacher.base_url());
        world.set("judge.model", "a-judge").set("judge.budget_per_day", 5.0).set("judge.input_price", 0.1);
        let file = world.dir.path().join("cases.jsonl");
        std::fs::write(&file, cases(50)).unwrap();
        let config = world.config().display().to_string();
        let exit = world.run(&["judge", "--cases", &file.display().to_string(), "--config", &config]);
        assert_eq!(exit.code, Some(0), "{exit:?}");
        let seen = if awake { "bad answers seen:    50 of 50 (at least 0.942" } else { "bad answers seen:    0 of 50" };
        assert!(exit.stdout.contains("good answers passed: 50 of 50") && exit.stdout.contains(seen), "{exit:?}");
        assert!(exit.stdout.contains("good answers are worth 0.90 and bad ones 0.30"), "{exit:?}");
        assert_eq!(teacher.asked(), 100 * 2 + 30 * 4 + 30, "both orders, some twice, some by the rubric");
        std::fs::write(&file, cases(49)).unwrap();
        let few = world.run(&["judge", "--cases", &file.display().to_string(), "--config", &config]);
        assert!(few.code == Some(1) && few.stderr.contains("50"), "{few:?}");
        std::fs::write(&file, "{}").unwrap();
        let broken = world.run(&["judge", "--cases", &file.display().to_string(), "--config", &config]);
        assert!(broken.code == Some(1) && broken.stderr.contains("line 1"), "{broken:?}");
    }
}
