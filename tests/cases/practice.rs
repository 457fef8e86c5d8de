//! The practice command keeps the promises that benchmarks and documents build on.

use std::time::Duration;

use harness::program::World;
use practice::scene::Scene;
use practice::teacher::Teacher;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use wire::{Api, Prompt, Role, Sampling, Turn};

use crate::PROGRAM;

const BASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/practice");

#[test]
fn practice_ends_with_one_line_of_figures() {
    let world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    let exit = world.run(&["practice", "--until", "requests:8", "--json", "--base", BASE]);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert_eq!(exit.stdout.lines().count(), 1, "progress goes to standard error: {}", exit.stdout);
    let report: serde_json::Value = serde_json::from_str(&exit.stdout).unwrap();
    assert!(report["seconds"].as_f64() > Some(0.0), "{report}");
    let sites = report["sites"].as_array().unwrap();
    let names: Vec<_> = sites.iter().map(|site| site["site"].as_str().unwrap()).collect();
    assert_eq!(names, ["shopkeeper", "quest-giver", "tavern", "bard", "fortune-teller"]);
    for site in sites {
        assert!(site["requests"].as_u64() >= Some(8) && site["state"] == "teacher", "{site}");
        assert!(site["states"][0] == "teacher" && site["local"] == 0, "{site}");
        for key in [
            "measure",
            "audits_all",
            "audits",
            "lower_bound",
            "threshold",
            "local_share",
            "local_accuracy",
            "seconds_to_handover",
            "teacher_calls_saved",
        ] {
            assert!(site.get(key).is_some(), "{key}: {site}");
        }
    }
    let left: Vec<_> = std::fs::read_dir(world.dir.path()).unwrap().collect();
    assert_eq!(left.len(), 0, "nothing is left in the folder it was called from");
}

#[test]
fn practice_that_cannot_reach_its_goal_fails() {
    let world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    let exit = world.run(&["practice", "--until", "handed-over", "--limit-s", "1", "--json", "--base", BASE]);
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(exit.stderr.contains("gave up"), "{exit:?}");
    let token = exit.stderr.lines().find_map(|line| line.split("token in ").nth(1)).unwrap();
    let folder = std::path::Path::new(token).parent().unwrap();
    assert!(!folder.try_exists().unwrap(), "{} is left behind", folder.display());
}

#[test]
fn practice_of_unknown_sites_and_of_nothing_to_hand_over_says_what_there_is() {
    let world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    let exit = world.run(&["practice", "--only", "tavern,nobody", "--base", BASE]);
    assert_eq!(exit.code, Some(2), "{exit:?}");
    let known = "shopkeeper, quest-giver, tavern, bard, fortune-teller";
    assert!(exit.stderr.contains("'nobody'") && exit.stderr.contains(known), "{exit:?}");
    let exit = world.run(&["practice", "--only", "fortune-teller", "--until", "handed-over", "--base", BASE]);
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(exit.stderr.contains("none can be handed over"), "{exit:?}");
    let exit = world.run(&["practice", "--until", "audits:many", "--base", BASE]);
    assert!(exit.code == Some(2) && exit.stderr.contains("`many` is no number"), "{exit:?}");
}

#[test]
fn practice_plays_the_named_sites_only_and_shows_a_person_how_it_ended() {
    let world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    let exit = world.run(&["practice", "--only", "bard", "--until", "requests:20", "--base", BASE]);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let summary: Vec<&str> = exit.stdout.lines().skip_while(|line| !line.starts_with("after ")).skip(1).collect();
    let [bard] = summary[..] else { panic!("{exit:?}") };
    assert!(bard.contains("bard") && bard.contains("teacher") && bard.contains("not handed over"), "{bard}");
    let wide = exit.stdout.lines().find(|line| line.chars().count() > 100);
    assert_eq!(wide.filter(|line| !line.contains("token in")), None);
}

#[test]
fn the_practice_teacher_says_the_same_in_every_api() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let teacher = runtime.block_on(Teacher::start(1, Duration::ZERO)).unwrap();
    let proxy = World::new(PROGRAM, &teacher.base_url()).start();
    let line = Scene::Shopkeeper.line(&mut ChaCha8Rng::seed_from_u64(1));
    let turns = vec![Turn::new(Role::System, line.system), Turn::new(Role::User, line.player)];
    let prompt = Prompt::new(turns, 64, Sampling::Greedy);
    let mut said = std::collections::BTreeSet::new();
    for (api, stream) in [(Api::Chat, false), (Api::Chat, true), (Api::Responses, false), (Api::Responses, true)] {
        let mut body: serde_json::Value = serde_json::from_slice(&api.write_request("m", &prompt)).unwrap();
        body["stream"] = stream.into();
        let answer = proxy.post(api.path(), &[], &body.to_string());
        let summary = api.read(stream, &answer.body).unwrap();
        assert!(
            summary.is_trainable()
                && summary.spent.usage.is_some_and(|usage| usage.prompt_tokens > 0) != (api == Api::Chat && stream)
        );
        said.insert(summary.text);
    }
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(teacher.calls(Scene::Shopkeeper), 4);
}
