//! `apprentice train` beside others' work: looked at first, stopped, stood still, and on a disk that is full.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use harness::learnt::{self, LESSON};
use harness::program::{Apprentice, World, ask_id_to_stop};
use harness::script;
use harness::teacher::ScriptedTeacher;
use harness::wait::{eventually, within};

use crate::PROGRAM;

const BASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/practice");

/// A job on the practice base in a folder of its own.
struct Job {
    dir: tempfile::TempDir,
}

impl Job {
    fn new(arguments: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let row = |n: u32| {
            format!(
                r#"{{"messages":[{{"role":"user","content":"How much is the rope, friend {n}?"}},{{"role":"assistant","content":"{n} gold coins."}}]}}"#
            )
        };
        let rows: Vec<String> = (10..42).map(row).collect();
        fs::write(dir.path().join("train.jsonl"), rows.join("\n")).unwrap();
        fs::write(dir.path().join("held_out.jsonl"), rows[..4].join("\n")).unwrap();
        let text = format!(
            "method = \"sft\"\nbase = \"{BASE}\"\ntrain = \"train.jsonl\"\nheld_out = \"held_out.jsonl\"\nout = \"adapter\"\n\
             checkpoint = \"checkpoint\"\n[arguments]\nthreads = 1\nbatch_size = 8\nepochs = 0.0\npatience = 0\n{arguments}\n"
        );
        fs::write(dir.path().join("job.toml"), text).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn start(&self) -> Child {
        let mut command = Command::new(PROGRAM);
        command.arg("train").arg(self.path("job.toml")).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Runs to the end; the lines it said and its exit code.
    fn ends(&self) -> (Vec<serde_json::Value>, Option<i32>) {
        let mut child = self.start();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
        (said, child.wait().unwrap().code())
    }
}

fn losses(said: &[serde_json::Value]) -> Vec<(u64, f64)> {
    let steps = said.iter().filter(|line| line["event"] == "step");
    steps.map(|line| (line["step"].as_u64().unwrap(), line["loss"].as_f64().unwrap())).collect()
}

#[test]
fn preferences_follow_on_what_they_refer_to_in_one_command() {
    let job = Job::new("max_steps = 6\nrank = 8\nlearning_rate = 1e-3");
    let labelled = |n: u32| {
        format!(
            r#"{{"prompt":[{{"role":"user","content":"How much is the rope, friend {n}?"}}],"completion":[{{"role":"assistant","content":"{n} gold coins."}}],"label":{}}}"#,
            n.is_multiple_of(2)
        )
    };
    fs::write(job.path("labelled.jsonl"), (10..30).map(labelled).collect::<Vec<_>>().join("\n")).unwrap();
    let text = format!(
        "method = \"kto\"\nbase = \"{BASE}\"\nreference = \"adapter\"\ntrain = \"labelled.jsonl\"\nheld_out = \"labelled.jsonl\"\n\
         out = \"preferred\"\ncheckpoint = \"checkpoint-kto\"\n[arguments]\nthreads = 1\nbatch_size = 4\nmax_steps = 4\nepochs = 0.0\n\
         rank = 8\ncheckpoint_every_s = 1e-9\n"
    );
    fs::write(job.path("kto.toml"), text).unwrap();
    let run = || {
        Command::new(PROGRAM).arg("train").args(["job.toml", "kto.toml"].map(|name| job.path(name))).output().unwrap()
    };
    let (first, again) = (run(), run());
    for output in [&first, &again] {
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.matches("\"event\":\"done\"").count() == 2, "{said}");
        assert!(job.path("preferred/adapter_config.json").is_file());
    }
    assert!(String::from_utf8_lossy(&first.stdout).contains("\"event\":\"rewards\""));
    // The second time all that is left to do is what came after the last checkpoint.
    assert!(String::from_utf8_lossy(&again.stdout).contains("\"event\":\"resumed\""));
}

#[test]
fn a_dry_run_says_what_a_job_costs_and_writes_nothing() {
    let job = Job::new("max_steps = 40");
    let names = || {
        let mut names: Vec<_> = fs::read_dir(job.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    let path = job.path("job.toml");
    let exit = world.run(&["train", path.to_str().unwrap(), "--dry-run"]);
    assert_eq!(exit.code, Some(0), "{exit:?}");
    println!("{}", exit.stdout);
    for part in ["32 to learn from (0 too long), 4 held out", "40 at most", "tokens at once", "may be taken", "time "] {
        assert!(exit.stdout.contains(part), "`{part}` should be in: {}", exit.stdout);
    }
    assert_eq!(names(), before, "nothing is written");

    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}\nmemory_max_mb = 1\n")).unwrap();
    let exit = world.run(&["train", path.to_str().unwrap(), "--dry-run"]);
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(exit.stderr.contains("1 MB may be used") && exit.stderr.contains("memory_max_mb"), "{}", exit.stderr);
}

#[test]
fn a_job_that_is_asked_to_stop_says_so_and_goes_on_to_the_same_numbers() {
    let arguments = "max_steps = 30\nevaluate_every_steps = 0\ncheckpoint_every_s = 1e6";
    let (whole, parts) = (Job::new(arguments), Job::new(arguments));
    let (all, code) = whole.ends();
    assert_eq!(code, Some(0));

    let mut child = parts.start();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said: Vec<serde_json::Value> = Vec::new();
    for line in lines.by_ref() {
        said.push(serde_json::from_str(&line.unwrap()).unwrap());
        if said.last().unwrap()["event"] == "step" {
            ask_id_to_stop(i32::try_from(child.id()).unwrap());
            break;
        }
    }
    said.extend(lines.map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap()));
    let end = said.last().unwrap();
    assert_eq!((end["event"].as_str(), child.wait().unwrap().code()), (Some("interrupted"), Some(75)), "{said:?}");
    assert!(!parts.path("adapter").try_exists().unwrap());
    let (rest, code) = parts.ends();
    assert_eq!(code, Some(0));
    assert!(rest.iter().any(|line| line["event"] == "resumed" && line["step"] == end["step"]), "{rest:?}");
    assert_eq!([losses(&said), losses(&rest)].concat(), losses(&all));
    let bytes = |job: &Job| fs::read(job.path("adapter/adapter_model.safetensors")).unwrap();
    assert!(bytes(&whole) == bytes(&parts));
}

#[test]
fn a_disk_that_is_too_full_for_a_checkpoint_costs_the_job_nothing_and_one_too_full_for_the_adapter_is_named() {
    let job = Job::new("rank = 2\nalpha = 4.0\nmax_steps = 4\ncheckpoint_every_s = 1e-9");
    // No file larger than so many blocks of half a kibibyte; the signal of that is not for a program that looks at its errors.
    let limited = |blocks: u64| {
        let shell =
            format!("trap '' XFSZ; ulimit -f {blocks}; exec {PROGRAM} train {}", job.path("job.toml").display());
        let output = Command::new("sh").arg("-c").arg(shell).output().unwrap();
        let said: Vec<serde_json::Value> =
            String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (said, output.status.code())
    };
    let count = |said: &[serde_json::Value], event: &str| said.iter().filter(|line| line["event"] == event).count();
    let (said, code) = job.ends();
    assert_eq!((code, count(&said, "checkpoint")), (Some(0), 4));
    let size = |name: &str| fs::metadata(job.path(name)).unwrap().len();
    let (adapter, checkpoint) = (size("adapter/adapter_model.safetensors"), size("checkpoint/checkpoint.bin"));
    assert!(checkpoint > 2 * adapter, "{checkpoint} {adapter}");
    fs::remove_dir_all(job.path("adapter")).unwrap();
    fs::remove_dir_all(job.path("checkpoint")).unwrap();

    let (said, code) = limited(adapter * 2 / 512);
    assert_eq!((code, count(&said, "checkpoint"), count(&said, "checkpoint_failed")), (Some(0), 0, 1), "{said:?}");
    assert_eq!((count(&said, "done"), size("adapter/adapter_model.safetensors")), (1, adapter));
    assert_eq!(fs::read_dir(job.path("checkpoint")).unwrap().count(), 0, "nothing half written stays");
    fs::remove_dir_all(job.path("adapter")).unwrap();

    let (said, code) = limited(adapter / 2 / 512);
    let end = said.last().unwrap();
    assert_eq!((code, end["event"].as_str()), (Some(1), Some("failed")), "{said:?}");
    assert!(end["error"].as_str().unwrap().contains("adapter"), "{end}");
}

fn asked(number: u32) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"Is {number} much?"}}]}}"#)
}

/// A proxy in the middle of a lesson that stops for more than `requests_per_s`.
fn in_a_lesson(world: &World) -> (Apprentice, i32) {
    let proxy = world.start();
    for number in 0..30 {
        assert_eq!(proxy.chat("shop", &asked(number)).status(), 200);
    }
    proxy.captured(30);
    within(LESSON, "the lesson's first step", || {
        let lesson = proxy.site("shop")["lesson"].clone();
        (lesson["step"] == "training" && lesson["steps_done"].as_u64() >= Some(1)).then_some(())
    });
    let children = proxy.children("train");
    assert_eq!(children.len(), 1);
    (proxy, children[0])
}

fn is_stopped(process: i32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| stat.contains(") T "))
}

/// Keeps the proxy busy until the lesson's process stands still.
fn busy_until_it_stands_still(proxy: &Apprentice, process: i32) {
    let mut number = 1000;
    eventually("a lesson that stands still", || {
        number += 1;
        assert_eq!(proxy.chat("shop", &asked(number)).status(), 200);
        is_stopped(process).then_some(())
    });
}

#[test]
fn a_lesson_stands_still_while_the_proxy_is_busy_goes_on_after_it_and_outlives_neither_way_of_ending() {
    let teacher = ScriptedTeacher::start(|_| script::says("Yes, it is."));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    learnt::with_lessons(&mut world, 30, 1_000_000);
    // Low: a test's requests may be slow. The checkpoint is the one that the end asks for.
    world.set("lessons.pause.requests_per_s", 2.0).set("lessons.pause.max_s", 1000.0);
    world.set("lessons.quiet.requests_per_s", 100.0).set("lessons.train.checkpoint_every_s", 1e6);
    let (proxy, process) = in_a_lesson(&world);
    busy_until_it_stands_still(&proxy, process);
    assert_eq!(proxy.site("shop")["lesson"]["paused"], true);
    eventually("a lesson that goes on", || (!is_stopped(process)).then_some(()));
    eventually("the time it stood still", || {
        (proxy.metric("apprentice_lesson_paused_seconds", &["shop"]) > 0.0).then_some(())
    });
    let lesson = proxy.site("shop")["lesson"].clone();
    assert!(lesson["paused"] == false && lesson["paused_s"].as_f64() > Some(0.0), "{lesson}");

    // Stopped in good order, even while it stands still: it writes down where it is.
    busy_until_it_stands_still(&proxy, process);
    let checkpoint = world.data().join("lessons/shop/1/checkpoint/checkpoint.bin");
    assert!(!checkpoint.try_exists().unwrap());
    let exit = proxy.stop();
    assert_eq!(exit.code, Some(0), "{exit:?}");
    assert!(exit.stderr.contains("the lesson goes on at the next start"), "{}", exit.stderr);
    gone(process);
    assert!(checkpoint.is_file());

    // And a proxy that is killed leaves no process that stands still for ever.
    let proxy = world.start();
    let process = eventually("the lesson's process", || proxy.children("train").first().copied());
    within(LESSON, "the lesson going on", || {
        (proxy.site_if_known("shop")?["lesson"]["steps_done"].as_u64() > Some(0)).then_some(())
    });
    busy_until_it_stands_still(&proxy, process);
    proxy.kill();
    gone(process);
}

fn gone(process: i32) {
    let here = || Path::new(&format!("/proc/{process}")).try_exists().unwrap();
    eventually("the end of the lesson's process", || (!here()).then_some(()));
}
