//! What a person does with adapters: trying values, and making a model of base and adapter.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use harness::learnt::golden;
use harness::program::World;
use harness::wait::eventually;

use crate::PROGRAM;

const BASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/practice");

/// A world with a job of `arguments` on a few examples of the shopkeeper's.
fn world(arguments: &str) -> World {
    let world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    let pairs = ["practice-pairs", "--site", "shopkeeper", "--out", "data", "--train", "12", "--held-out", "6"];
    let exit = world.run(&pairs);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let job = format!(
        "method = \"sft\"\nbase = \"{BASE}\"\ntrain = \"data/train.jsonl\"\nheld_out = \"data/held_out.jsonl\"\nout = \"tried\"\n\
         checkpoint = \"checkpoint\"\n[arguments]\nepochs = 0\nthreads = 1\nevaluate_every_steps = 1\n{arguments}"
    );
    fs::write(world.dir.path().join("job.toml"), job).unwrap();
    world
}

/// The rows of a printed table, by its head.
fn rows(stdout: &str) -> Vec<Vec<String>> {
    let table = stdout.lines().skip_while(|line| !line.contains("held_out_loss")).skip(1);
    let table = table.take_while(|line| !line.starts_with("best:"));
    table.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_sweep_tries_every_combination_once_names_the_best_and_can_be_extended() {
    let world = world("rank = 4\nalpha = 8.0\nbatch_size = 6\nmax_steps = 4\npatience = 0\n");
    let tried = world.dir.path().join("tried");
    let first = world.run(&["sweep", "job.toml", "--learning-rate", "1e-5,0.005", "--rank", "2,4"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let table = rows(&first.stdout);
    let values: Vec<(&str, &str)> = table.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    assert_eq!(values, [("2", "0.00001"), ("2", "0.005"), ("4", "0.00001"), ("4", "0.005")], "{first:?}");
    let losses: Vec<f64> = table.iter().map(|row| row[2].parse().unwrap()).collect();
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let marked: Vec<usize> = (0..4).filter(|at| table[*at].last().unwrap() == "best").collect();
    assert_eq!((marked.len(), losses[marked[0]]), (1, least), "{first:?}");
    let record = json(&tried.join("sweep.json"));
    let best = &record["runs"][marked[0]];
    assert_eq!(
        (record["best"].as_u64(), best["alpha"].as_f64()),
        (Some(marked[0] as u64), best["rank"].as_f64().map(|r| r * 2.0))
    );
    let adapter = best["adapter"].as_str().unwrap();
    let last: Vec<&str> = first.stdout.lines().rev().take(2).collect();
    assert!(last[1].starts_with("best: rank ") && last[1].ends_with(adapter), "{first:?}");
    assert!(last[0].contains("learning_rate = 0.005") && last[0].contains("[lessons.train]"), "{first:?}");
    assert!(Path::new(adapter).join("adapter_model.safetensors").is_file());
    assert!(!Path::new(adapter).with_file_name("checkpoint").try_exists().unwrap(), "nothing needs it any more");
    let svg = fs::read_to_string(tried.join("sweep.svg")).unwrap();
    assert_eq!(svg.matches("<path").count(), 4, "{svg}");

    // Nothing is done twice: what is there is read, what is new is run.
    let weights = fs::read(Path::new(adapter).join("adapter_model.safetensors")).unwrap();
    let again = world.run(&["sweep", "job.toml", "--learning-rate", "1e-5,0.005,0.001", "--rank", "4,2"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(
        (again.stderr.matches(": done before").count(), again.stderr.matches(": begins").count()),
        (4, 2),
        "{again:?}"
    );
    assert_eq!(rows(&again.stdout).len(), 6);
    assert_eq!(fs::read(Path::new(adapter).join("adapter_model.safetensors")).unwrap(), weights);

    // Other data make another sweep.
    fs::copy(world.dir.path().join("data/held_out.jsonl"), world.dir.path().join("data/train.jsonl")).unwrap();
    let other = world.run(&["sweep", "job.toml", "--rank", "2"]);
    assert_eq!(other.code, Some(1), "{other:?}");
    assert!(other.stderr.contains("holds a sweep of another job, other data or another base"), "{other:?}");
}

#[test]
fn values_that_cannot_work_are_refused_before_anything_runs() {
    let world = world("max_steps = 1\n");
    let refused = |arguments: &[&str], code, said: &str| {
        let exit = world.run(&[&["sweep", "job.toml"], arguments].concat());
        assert_eq!(exit.code, Some(code), "{exit:?}");
        assert!(exit.stderr.contains(said), "{said}: {exit:?}");
        assert!(!world.dir.path().join("tried").try_exists().unwrap(), "{arguments:?}");
    };
    refused(&[], 1, "nothing to vary: give --learning-rate, --rank or both");
    refused(&["--rank", "8,0"], 1, "rank = 0 must be at least 1");
    refused(&["--learning-rate", "1e-4,-2"], 1, "learning_rate = -2 must be greater than 0");
    refused(&["--learning-rate", "fast"], 2, "invalid value 'fast'");
    let kept = world.dir.path().join("tried/adapter_model.safetensors");
    fs::create_dir_all(kept.parent().unwrap()).unwrap();
    fs::write(&kept, "of another run").unwrap();
    let exit = world.run(&["sweep", "job.toml", "--rank", "8"]);
    assert!(exit.code == Some(1) && exit.stderr.contains("is not empty and holds no sweep"), "{exit:?}");
}

#[test]
fn a_combination_that_fails_costs_no_other_its_turn() {
    let world = world("batch_size = 6\nmax_steps = 1\nmemory_max_mb = 100\n");
    let exit = world.run(&["sweep", "job.toml", "--rank", "1024,2"]);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let table = rows(&exit.stdout);
    assert!(table[0].contains(&"failed:".to_owned()) && exit.stdout.contains("MB of memory"), "{exit:?}");
    assert_eq!((table[1][0].as_str(), table[1].last().map(String::as_str)), ("2", Some("best")), "{exit:?}");
    let exit = world.run(&["sweep", "job.toml", "--rank", "1024"]);
    assert_eq!(exit.code, Some(1), "nothing came of it: {exit:?}");
}

/// A sweep that is not waited for; it writes its progress into the file `log`.
fn begun(world: &World, log: &str) -> Child {
    let log = File::create(world.dir.path().join(log)).unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["sweep", "job.toml", "--learning-rate", "1.0,2e-4"]).current_dir(world.dir.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

fn kill(mut sweep: Child) {
    sweep.kill().unwrap();
    sweep.wait().unwrap();
}

#[test]
fn a_sweep_that_was_killed_goes_on_where_it_stood() {
    // The first rate does harm and ends soon; the second goes on for long.
    let world = world("rank = 4\nbatch_size = 12\nmax_steps = 100000\npatience = 3\ncheckpoint_every_s = 1e-9\n");
    let said = |log: &str, text: &str| fs::read_to_string(world.dir.path().join(log)).unwrap().contains(text);
    let sweep = begun(&world, "first.log");
    let checkpoint = world.dir.path().join("tried/rank-4-learning-rate-0.0002/checkpoint/checkpoint.bin");
    eventually("a checkpoint of the second combination", || checkpoint.try_exists().unwrap().then_some(()));
    kill(sweep);
    let record = json(&world.dir.path().join("tried/sweep.json"));
    assert_eq!(record["runs"].as_array().unwrap().len(), 1, "{record}");
    let sweep = begun(&world, "second.log");
    eventually("the sweep that goes on", || {
        said("second.log", "learning rate 0.0002: goes on after step").then_some(())
    });
    assert!(said("second.log", "[1/2] rank 4, learning rate 1: done before"));
    kill(sweep);
}

#[test]
fn a_merged_model_is_a_folder_of_its_own_and_is_not_written_over_another() {
    let world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    let (base, adapter) = (golden(), golden().join("adapter"));
    let merge = |more: &[&str]| {
        let arguments =
            ["merge", "--base", base.to_str().unwrap(), "--adapter", adapter.to_str().unwrap(), "--out", "merged"];
        world.run(&[&arguments, more].concat())
    };
    assert_eq!(merge(&["--file-mb", "0"]).code, Some(2));
    let exit = merge(&[]);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(exit.stderr.contains("28 of them changed by the adapter"), "{exit:?}");
    let merged = world.dir.path().join("merged");
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        assert!(merged.join(name).is_file(), "{name}");
    }
    let graph = world.run(&["export", "--base", "merged", "--out", "graph", "--format", "f32"]);
    assert_eq!(graph.code, Some(0), "whatever reads a base reads it: {graph:?}");
    let again = merge(&[]);
    assert!(again.code == Some(1) && again.stderr.contains("merged is not empty"), "{again:?}");
}
