use std::path::{Path, PathBuf};
use std::sync::Arc;

use callsite::{SiteId, VersionId};
use handover::State;
use jobs::Progress;
use telemetry::Metrics;

mod erase;
mod overseen;
mod rounds;

use crate::folder::{self, Begun, Folder, Outcome};
use crate::schedule::{Due, ScheduleInput, due, next};
use crate::*;

const INPUT: ScheduleInput = ScheduleInput {
    coverage_lost: false,
    state: State::Teacher,
    audits: 0,
    challenger_audits: None,
    new_exchanges: 200,
    fruitless_lessons: 0,
    requested: false,
    requests_per_s: 0.5,
};

fn site(name: &str) -> SiteId {
    SiteId::new(name).unwrap()
}

#[test]
fn a_lesson_starts_with_enough_new_exchanges_on_a_quiet_proxy() {
    let settings = LessonSettings::default();
    assert_eq!(due(&INPUT, &settings), Due::Now);
    let short = ScheduleInput { new_exchanges: 199, ..INPUT };
    assert_eq!(due(&short, &settings), Due::NeedsExchanges { have: 199, need: 200 });
    let busy = ScheduleInput { requests_per_s: 1.5, ..INPUT };
    assert_eq!(due(&busy, &settings), Due::Busy { requests_per_s: 1.5, requests_per_s_max: 1.0 });
    assert_eq!(due(&ScheduleInput { requests_per_s: 1.0, ..INPUT }, &settings), Due::Now);
}

#[test]
fn fruitless_lessons_need_twice_as_much_each_time() {
    let input = ScheduleInput { new_exchanges: 799, fruitless_lessons: 2, ..INPUT };
    assert_eq!(due(&input, &LessonSettings::default()), Due::NeedsExchanges { have: 799, need: 800 });
    let input = ScheduleInput { fruitless_lessons: u32::MAX, ..INPUT };
    assert_eq!(due(&input, &LessonSettings::default()), Due::NeedsExchanges { have: 200, need: 200 << 16 });
}

#[test]
fn a_version_on_trial_gets_its_chance_and_a_held_site_learns_nothing() {
    let settings = LessonSettings::default();
    let with = |state, audits| due(&ScheduleInput { state, audits, ..INPUT }, &settings);
    assert_eq!(with(State::Canary, 0), Due::InCanary);
    assert_eq!(with(State::Held, 0), Due::Held);
    assert_eq!(with(State::Shadow, 499), Due::OnTrial { audits: 499, audits_max: 500 });
    assert_eq!(with(State::Shadow, 500), Due::Now);
}

#[test]
fn a_serving_site_goes_on_learning_one_challenger_at_a_time() {
    let settings = LessonSettings::default();
    let serving = ScheduleInput { state: State::Student, new_exchanges: 799, ..INPUT };
    assert_eq!(due(&serving, &settings), Due::NeedsExchanges { have: 799, need: 800 });
    let more = ScheduleInput { new_exchanges: 800, ..serving };
    assert_eq!(due(&more, &settings), Due::Now);
    assert_eq!(due(&ScheduleInput { challenger_audits: Some(3), ..more }, &settings), Due::Challenged { audits: 3 });
    let lost = ScheduleInput { coverage_lost: true, new_exchanges: 200, ..serving };
    assert_eq!(due(&lost, &settings), Due::Now, "what it no longer covers is learnt as the first time");
    let never = LessonSettings { refresh_factor: 0, ..settings };
    assert_eq!((due(&more, &never), due(&lost, &never)), (Due::Serving, Due::Now));
}

#[test]
fn what_an_operator_asks_for_is_due_whatever_the_traffic_but_not_while_held_or_off() {
    let asked = ScheduleInput { requested: true, new_exchanges: 0, requests_per_s: 99.0, ..INPUT };
    for state in [State::Teacher, State::Shadow, State::Canary, State::Student] {
        assert_eq!(due(&ScheduleInput { state, ..asked }, &LessonSettings::default()), Due::Now);
    }
    assert_eq!(due(&ScheduleInput { state: State::Held, ..asked }, &LessonSettings::default()), Due::Held);
    let off = LessonSettings { enabled: false, ..LessonSettings::default() };
    assert_eq!(due(&asked, &off), Due::Disabled);
}

#[test]
fn what_was_asked_for_is_next_then_the_site_with_the_most_to_learn() {
    let rich = ScheduleInput { new_exchanges: 900, ..INPUT };
    let asked = ScheduleInput { new_exchanges: 3, requested: true, ..INPUT };
    assert_eq!(next([(&INPUT, "a"), (&asked, "b"), (&rich, "z")].into_iter()), Some("b"));
    assert_eq!(next([(&asked, "a"), (&rich, "b")].into_iter()), Some("a"));
    assert_eq!(next([(&INPUT, "a"), (&rich, "b"), (&rich, "c")].into_iter()), Some("b"));
    assert_eq!(next(std::iter::empty::<(&ScheduleInput, &str)>()), None);
}

#[test]
fn every_blocked_lesson_says_what_it_waits_for() {
    let settings = LessonSettings::default();
    let text = |input: ScheduleInput| due(&input, &settings).to_string();
    assert_eq!(text(INPUT), "due: begins when no other lesson runs");
    assert!(text(ScheduleInput { new_exchanges: 7, ..INPUT }).contains("7 of 200 trainable prompts"));
    assert!(text(ScheduleInput { requests_per_s: 9.0, ..INPUT }).contains("9.0 requests/s, 1.0 at most"));
    assert!(text(ScheduleInput { state: State::Held, ..INPUT }).contains("`promote` releases it"));
}

#[test]
fn numbers_of_lessons_that_cannot_work_are_refused_with_key_value_and_range() {
    type Change = fn(&mut LessonSettings);
    let wrong: [(&str, Change); 8] = [
        ("exchanges_min = 0 must be at least 1", |s| s.exchanges_min = 0),
        ("nice = 20 must be from 0 to 19", |s| s.nice = 20),
        ("quiet.window_s = 600 must be from 1 to 599", |s| s.quiet.window_s = 600),
        ("quiet.requests_per_s = NaN must be 0 or greater", |s| s.quiet.requests_per_s = f64::NAN),
        ("pause.requests_per_s = NaN must be 0 or greater", |s| s.pause.requests_per_s = f64::NAN),
        ("pause.slice_s = 0 must be from 0.1 to 86400", |s| s.pause.slice_s = 0.0),
        ("dataset.held_out_fraction = 5 must lie strictly between 0 and 1", |s| s.dataset.held_out_fraction = 5.0),
        ("train.rank = 0 must be at least 1", |s| s.train.rank = 0),
    ];
    for (message, change) in wrong {
        let mut settings = LessonSettings::default();
        assert_eq!(settings.problems(), Vec::<String>::new());
        change(&mut settings);
        assert_eq!(settings.problems(), [message]);
    }
}

fn begun(root: &Path, name: &str) -> Folder {
    Folder::begin(root, &site(name), &Begun { after_ms: None }).unwrap()
}

fn outcome(version: Option<&str>) -> Outcome {
    let version = version.map(|version| VersionId::new(version).unwrap());
    Outcome { version, exam: Some(0.5), problem: None }
}

fn lessons(root: &Path, name: &str) -> (Vec<folder::Summary>, u32) {
    let mut damaged = 0;
    let lessons = folder::lessons(root, &site(name), &mut || damaged += 1).unwrap();
    (lessons, damaged)
}

#[test]
fn lessons_are_numbered_and_an_interrupted_one_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let first = begun(dir.path(), "shop");
    first.end(&outcome(Some("1-a"))).unwrap();
    let second = begun(dir.path(), "shop");
    assert_eq!((first.number, second.number), (1, 2));
    let (found, damaged) = lessons(dir.path(), "shop");
    let ended: Vec<bool> = found.iter().map(|lesson| lesson.outcome.is_some()).collect();
    assert_eq!((ended, damaged), (vec![true, false], 0));
    assert_eq!(folder::sites(dir.path()).unwrap(), [site("shop")]);
    assert!(lessons(dir.path(), "inn").0.is_empty());
}

#[test]
fn a_folder_that_cannot_be_read_is_set_aside_and_costs_no_other_lesson() {
    let dir = tempfile::tempdir().unwrap();
    for (name, file, bytes) in [
        ("empty", "outcome.json", &b""[..]),
        ("cut", "begun.json", &b"{\"after_ms\":"[..]),
        ("odd", "curriculum/lineage.json", &b"[1]"[..]),
    ] {
        begun(dir.path(), name).end(&outcome(None)).unwrap();
        let broken = begun(dir.path(), name);
        std::fs::create_dir_all(broken.curriculum()).unwrap();
        std::fs::write(broken.dir.join(file), bytes).unwrap();
        let (found, damaged) = lessons(dir.path(), name);
        assert_eq!((found.len(), damaged), (1, 1), "{name}");
        assert!(dir.path().join(name).join("2.damaged").is_dir(), "{name}");
        // It is said once, and its number is not given again.
        assert_eq!(lessons(dir.path(), name).1, 0);
        assert_eq!(begun(dir.path(), name).number, 3);
    }
}

#[test]
fn a_running_lessons_figures_come_from_its_progress_lines() {
    let metrics = Arc::new(Metrics::new().unwrap());
    let (status, shop) = (LessonStatus::new(PathBuf::new(), metrics.clone()), site("shop"));
    status.progress(
        &shop,
        &Progress::Start {
            examples: 90,
            held_out: 10,
            dropped: 3,
            held_out_dropped: 1,
            parameters: 5,
            steps: 40,
            micro_batches: 1,
            tokens: 9,
            computed_tokens: 7,
            learnt_tokens: 3,
            tokens_at_once: 9,
            recompute: false,
            memory_mb: 9,
            memory_limit_mb: None,
        },
    );
    status.progress(&shop, &Progress::Step { step: 10, of: 40, loss: 0.5, tokens_per_s: 1.0, seconds: 1.0 });
    let lesson = status.lesson(&shop).unwrap();
    assert_eq!((lesson.examples, lesson.dropped, lesson.steps_done, lesson.steps), (90, 4, 10, 40));
    assert_eq!((metrics.lesson_progress_ratio("shop").get(), metrics.lesson_loss("shop").get()), (0.25, 0.5));
    assert_eq!(metrics.lesson_examples_dropped_total("shop").get(), 4);
    status.ended(&shop, "published");
    assert_eq!(metrics.lessons_total("shop", "published").get(), 1);
    assert!(!metrics.render().unwrap().contains("lesson_progress_ratio{"));
}

#[tokio::test]
async fn a_child_that_fails_is_told_in_its_own_words() {
    let sh = Path::new("/bin/sh");
    let run = |script: &'static str| async move {
        // The child is called with `--nice N` first; `-c` after it would be too late, so a script file is used.
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("program");
        std::fs::write(&path, format!("#!{}\n{script}\n", sh.display())).unwrap();
        let mut permissions = std::fs::metadata(&path).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        std::fs::set_permissions(&path, permissions).unwrap();
        let mut lines = Vec::new();
        let ended = child::run(&path, "training", &[], 0, |progress| lines.push(progress.clone())).await;
        (ended.map_err(|error| error.to_string()), lines)
    };
    let (ended, lines) = run(
        r#"echo nonsense; echo '{"event":"checkpoint","step":3}'; echo '{"event":"failed","error":"no data"}'; exit 1"#,
    )
    .await;
    assert!(ended.unwrap_err().contains("no data"));
    assert_eq!(lines.first(), Some(&Progress::Checkpoint { step: 3 }));
    assert!(run("echo out of ink >&2; exit 3").await.0.unwrap_err().contains("out of ink"));
    assert_eq!(run("exit 0").await.0, Ok(()));
}
