use std::sync::atomic::Ordering;

use serde_json::json;
use wire::{ModelError, Prompt, Role, Sampling, Turn};

use crate::prompts::Prompts;
use crate::run::{Ask, Outcome};
use crate::tests::script::{Script, begin};
use crate::{Check, GenerateError, refilter};

fn ask(text: &str, draw: u64) -> Ask {
    let turns = vec![Turn { role: Role::User, text: text.into() }];
    Ask { stage: "stage", prompt: Prompt::new(turns, 9, Sampling::Greedy), draw }
}

#[tokio::test]
async fn a_call_is_asked_once_whatever_is_torn_or_broken_in_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let script = Script::new(|asked, _| Ok(asked.to_uppercase()));
    let asked = script.counter();
    let asks = || vec![ask("a", 0), ask("a", 1), ask("b", 0), ask("a", 0)];
    let run = begin(dir.path(), script, None);
    let calls = run.teacher.ask_all(asks()).await.unwrap();
    assert_eq!(calls.iter().map(|call| call.text().unwrap()).collect::<Vec<_>>(), ["A", "A", "B", "A"]);
    drop(run);
    let first = asked.load(Ordering::SeqCst);
    assert!((3..=4).contains(&first), "the same question twice at once may be asked twice: {first}");
    let journal = dir.path().join("calls.jsonl");
    let whole = std::fs::read(&journal).unwrap();
    // A torn last line, then a broken one in the middle: the first is cut off, the second said; only their calls are asked again.
    std::fs::write(&journal, &whole[..whole.len() - 5]).unwrap();
    let script = Script::new(|asked, _| Ok(asked.to_uppercase()));
    let asked = script.counter();
    let run = begin(dir.path(), script, None);
    run.teacher.ask_all(asks()).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), usize::from(first == 3));
    drop(run);
    let lines = std::fs::read_to_string(&journal).unwrap();
    assert!(lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{lines}");
    std::fs::write(&journal, format!("{{\n{lines}")).unwrap();
    let script = Script::new(|_, _| Err(ModelError::Failed("nobody is asked".into())));
    let run = begin(dir.path(), script, None);
    run.teacher.ask_all(asks()).await.unwrap();
    let report = run.finish(None).unwrap();
    assert_eq!((report.refused, report.refused_lines[0].line, report.calls_paid), (1, 1, 0));
}

#[tokio::test]
async fn a_flipped_bit_in_an_answer_of_the_journal_is_seen_and_its_call_alone_asked_again() {
    let dir = tempfile::tempdir().unwrap();
    let asks = || vec![ask("seven swords", 0), ask("nine lamps", 0)];
    begin(dir.path(), Script::new(|asked, _| Ok(asked.to_uppercase())), None).teacher.ask_all(asks()).await.unwrap();
    let journal = dir.path().join("calls.jsonl");
    let lines = std::fs::read_to_string(&journal).unwrap();
    // The line stays good JSON.
    std::fs::write(&journal, lines.replace("SEVEN SWORDS", "SEVEN WWORDS")).unwrap();
    let script = Script::new(|asked, _| Ok(asked.to_uppercase()));
    let asked = script.counter();
    let run = begin(dir.path(), script, None);
    let calls = run.teacher.ask_all(asks()).await.unwrap();
    assert_eq!(calls.iter().map(|call| call.text().unwrap()).collect::<Vec<_>>(), ["SEVEN SWORDS", "NINE LAMPS"]);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let report = run.finish(None).unwrap();
    assert!(report.refused_lines[0].reason.contains("its hash differs"), "{:?}", report.refused_lines);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_the_model_fails_at_is_dropped_and_a_model_that_is_gone_ends_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let script = Script::new(|asked, _| match asked {
        "bad" => Err(ModelError::Failed("no plain answer".into())),
        _ => Ok("fine".into()),
    });
    let mut run = begin(dir.path(), script, None);
    let calls = run.teacher.ask_all(vec![ask("bad", 0), ask("good", 0)]).await.unwrap();
    assert_eq!(calls[0].outcome, Outcome::Failed("the model failed: no plain answer".into()));
    assert!(!run.answered("step", &calls[0], false) && run.answered("step", &calls[1], true));
    let gone = run.teacher.ask_all((0..30).map(|draw| ask("bad", draw)).collect()).await.unwrap_err();
    assert!(matches!(gone, GenerateError::Unreachable { failures, .. } if failures >= 10), "{gone}");
    drop(run);
    // The one failure that an answer followed is kept, the others are asked again.
    let journal = std::fs::read_to_string(dir.path().join("calls.jsonl")).unwrap();
    assert!(journal.lines().filter(|line| line.contains("failed")).count() <= 1, "{journal}");
}

#[tokio::test]
async fn another_run_s_folder_is_refused_with_what_differs_and_so_is_one_at_work() {
    let dir = tempfile::tempdir().unwrap();
    let held = begin(dir.path(), Script::new(|_, _| Ok(String::new())), None);
    let facts = |arguments: serde_json::Value| crate::run::Facts { arguments, ..held.facts.clone() };
    let start = |facts| crate::Start {
        folder: dir.path().into(),
        facts,
        teacher: std::sync::Arc::new(Script::new(|_, _| Ok(String::new()))),
        student: None,
        limits: crate::run::Limits::default(),
        prompts: None,
        clock: || 7,
    };
    let busy = crate::Run::begin(start(facts(json!({})))).err().unwrap();
    assert!(matches!(busy, GenerateError::RunInUse(_)), "{busy}");
    let other = facts(json!({ "count": 5 }));
    drop(held);
    let error = crate::Run::begin(start(other)).err().unwrap().to_string();
    assert!(error.contains("arguments.count is null there and 5 here"), "{error}");
}

#[test]
fn a_template_with_a_missing_slot_is_an_error_that_names_both() {
    let prompts = Prompts::load(None).unwrap();
    let error = prompts.render("self_instruct/classification", json!({ "examples": [] })).unwrap_err().to_string();
    assert!(error.contains("`self_instruct/classification`") && error.contains("undefined"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("self_instruct")).unwrap();
    let own = dir.path().join("self_instruct/classification.jinja");
    std::fs::write(&own, "Mine: {{ instruction }}").unwrap();
    let prompts = Prompts::load(Some(dir.path())).unwrap();
    assert_eq!(prompts.render("self_instruct/classification", json!({ "instruction": "i" })).unwrap(), "Mine: i");
    std::fs::write(&own, "{% if %}").unwrap();
    let error = Prompts::load(Some(dir.path())).err().unwrap().to_string();
    assert!(error.contains("classification.jinja"), "{error}");
}

#[tokio::test]
async fn other_thresholds_are_applied_to_what_was_found_and_nobody_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = begin(&dir.path().join("run"), Script::new(|_, at| Ok(format!("text {at}"))), None);
    let calls = run.teacher.ask_all((0..3).map(|draw| ask("a", draw)).collect()).await.unwrap();
    for (call, value) in calls.iter().zip([0.5, 0.7, 0.9]) {
        let mut item = run.item("site", "stage", call, call.text().unwrap());
        item.check(Check::at_most("novelty", value, 0.7));
        item.messages =
            vec![Turn { role: Role::User, text: "q".into() }, Turn { role: Role::Assistant, text: "a".into() }];
        run.take("stage", item);
    }
    assert_eq!(run.finish(None).unwrap().kept, 2);
    let applied = |limit: f64, to: &str| {
        let limits = [("novelty".to_owned(), limit)].into();
        refilter::refilter(&dir.path().join("run"), &dir.path().join(to), &limits, 9).unwrap()
    };
    let (loose, strict) = (applied(0.9, "loose"), applied(0.6, "strict"));
    assert_eq!((loose.kept, strict.kept, strict.funnel.steps[0].left), (3, 1, 1));
    assert_eq!((loose.figures[0].1, strict.figures[1].1), (1.0, 1.0));
    let lines =
        |name: &str| std::fs::read_to_string(dir.path().join(name).join("examples.jsonl")).unwrap().lines().count();
    assert_eq!((lines("loose"), lines("strict")), (3, 1));
    let unknown = [("words".to_owned(), 1.0)].into();
    let error =
        refilter::refilter(&dir.path().join("run"), &dir.path().join("x"), &unknown, 9).unwrap_err().to_string();
    assert!(error.contains("has a number `words`; there are: novelty"), "{error}");
}

#[tokio::test]
async fn a_report_tells_the_funnel_and_escapes_what_models_wrote() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = begin(dir.path(), Script::new(|_, _| Ok("<script>alert(1)</script>".into())), None);
    run.funnel.published("stage", 0.5);
    let calls = run.teacher.ask_all(vec![ask("a", 0)]).await.unwrap();
    let mut item = run.item("site", "stage", &calls[0], calls[0].text().unwrap());
    item.check(Check::plain("<b>bad</b>", false));
    run.take("stage", item);
    run.finish(Some(&GenerateError::Interrupted)).unwrap();
    let page = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
    assert!(
        page.contains("&lt;script&gt;alert(1)") && !page.contains("<script>") && !page.contains("<b>bad"),
        "{page}"
    );
    assert!(page.contains("Stopped before its end: interrupted") && page.contains("50.0 %"), "{page}");
    assert!(!page.contains("http://") && !page.contains("https://"), "nothing is fetched");
}
