use std::path::Path;

use verify::VerifierSettings;

use crate::self_play::{KTO_FILE, Settings, Source, make, plan};
use crate::tests::script::{Script, begin};

fn settings(count: usize, sources: Vec<Source>) -> Settings {
    let verifiers = VerifierSettings { words_min: 3, ..VerifierSettings::default() };
    Settings { count, sources, verifiers, ..Settings::default() }
}

fn teacher() -> Script {
    Script::new(|_, at| {
        Ok(format!("Player: \"Would you sell thing{at} number{at} to place{at} people{at}?\"\nPlayer: more"))
    })
}

async fn played(dir: &Path, student: Script, settings: &Settings) -> crate::Run {
    let mut run = begin(dir, teacher(), Some(student));
    make(&mut run, settings).await.unwrap();
    run
}

#[tokio::test]
async fn answers_are_labelled_by_the_verifiers_and_the_file_is_balanced_and_alternates() {
    let dir = tempfile::tempdir().unwrap();
    let student = Script::new(|_, at| Ok(if at % 3 == 0 { "No." } else { "Of course I will, friend." }.into()));
    let run = played(dir.path(), student, &settings(30, vec![Source::Templates])).await;
    let examples = dataset::read_labelled(&dir.path().join(KTO_FILE)).unwrap();
    let labels: Vec<bool> = examples.iter().map(|example| example.label).collect();
    assert_eq!(labels, (0..20).map(|at| at % 2 == 0).collect::<Vec<_>>());
    assert!(examples.iter().all(|example| example.label == (example.completion[0].text != "No.")));
    assert_eq!(
        run.items().iter().filter(|item| !item.messages.is_empty()).count(),
        20,
        "the desirable ones can be learnt"
    );
    let lines = std::fs::read_to_string(dir.path().join("conversations.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["label"], &first["conversations"][0]["role"]), (&true.into(), &"system".into()));
    let (records, refused) = dataset::read_records(&dir.path().join("conversations.jsonl"), None).unwrap();
    assert_eq!((records.len(), refused.len()), (20, 0));
}

#[tokio::test]
async fn one_class_alone_is_kept_whole_and_empty_answers_teach_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let student = Script::new(|_, at| Ok(if at % 2 == 0 { "No." } else { " " }.into()));
    let run = played(dir.path(), student, &settings(10, vec![Source::Templates])).await;
    let examples = dataset::read_labelled(&dir.path().join(KTO_FILE)).unwrap();
    assert!(examples.len() == 5 && examples.iter().all(|example| !example.label));
    assert_eq!(run.items().iter().filter(|item| !item.is_kept()).count(), 5);
}

#[tokio::test]
async fn requests_come_from_every_source_that_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let set = dir.path().join("set.jsonl");
    std::fs::write(
        &set,
        "{\"text\":\"Guided one?\"}\n{broken\n{\"text\":\"Guided two?\",\"system\":\"You are Ada.\"}\n",
    )
    .unwrap();
    let student = Script::new(|asked, at| {
        Ok(if asked.starts_with("Write one more line") {
            format!("May I borrow horse{at} from stable{at} until dawn{at}?")
        } else {
            "As you wish, friend.".into()
        })
    });
    let sources = vec![Source::Guided, Source::Templates, Source::Student, Source::Teacher];
    let settings = Settings { prompt_set: Some(set), ..settings(40, sources) };
    let mut run = played(&dir.path().join("run"), student, &settings).await;
    let answers = run.items().iter().filter(|item| item.stage == "played answers");
    let asked: Vec<String> = answers.map(|item| item.parsed["request"]["text"].as_str().unwrap().to_owned()).collect();
    let of = |part: &str| asked.iter().filter(|text| text.contains(part)).count();
    assert_eq!((asked.len(), of("Guided"), of("May I borrow"), of("Would you sell")), (40, 10, 10, 10));
    assert!(!asked.iter().any(|text| text.contains(['{', '"'])), "{asked:?}");
    run.figure("x", 0.0);
    assert_eq!(run.finish(None).unwrap().refused, 1);
}

#[tokio::test]
async fn a_request_that_is_none_or_not_new_falls() {
    let dir = tempfile::tempdir().unwrap();
    let student = Script::new(|asked, at| {
        Ok(match at {
            _ if !asked.starts_with("Write one more line") => "As you wish, friend.".into(),
            0 => "Hi there".into(),
            1 => vec!["word"; 61].join(" "),
            2 => "Sell me the {item} at once".into(),
            _ => "Sell me the horse at once".to_owned(),
        })
    });
    let one = Settings { roles: vec![crate::dialogue::CharacterRole::Npc], ..settings(5, vec![Source::Student]) };
    let run = played(dir.path(), student, &one).await;
    let requests = run.items().iter().filter(|item| item.stage == "requests");
    let reasons: Vec<Option<&str>> = requests.map(|item| item.dropped_by().map(|check| check.name.as_str())).collect();
    assert_eq!(reasons[..5], [Some("words-min"), Some("words-max"), Some("placeholder"), None, Some("novelty")]);
}

#[tokio::test]
async fn a_template_with_a_slot_that_is_not_there_is_refused_with_file_line_and_slot() {
    let dir = tempfile::tempdir().unwrap();
    let templates = dir.path().join("templates.jsonl");
    let lines = [
        r#"{"id":"a","role":"npc","text":"Give me the {item}!"}"#,
        r#"{"id":"b","role":"npc","text":"Give me the {itme}!"}"#,
    ];
    std::fs::write(&templates, lines.join("\n")).unwrap();
    let student = Script::new(|_, _| Ok("As you wish, friend.".into()));
    let settings = Settings { templates: Some(templates), ..settings(4, vec![Source::Templates]) };
    let run = played(&dir.path().join("run"), student, &settings).await;
    let report = run.finish(None).unwrap();
    let line = &report.refused_lines[0];
    assert!(line.line == 2 && line.file.ends_with("templates.jsonl"), "{line:?}");
    assert!(line.reason.contains("template `b` has a slot `itme`; there are: "), "{}", line.reason);
}

#[tokio::test]
async fn own_slots_fill_own_templates_and_one_that_cannot_be_filled_ends_the_run_before_a_call() {
    let dir = tempfile::tempdir().unwrap();
    let (templates, slots) = (dir.path().join("templates.jsonl"), dir.path().join("slots.json"));
    std::fs::write(&templates, r#"{"id":"a","role":"npc","text":"How far is {planet}, {light_years} light years?"}"#)
        .unwrap();
    let settings = |text: &str| {
        std::fs::write(&slots, text).unwrap();
        let (templates, slots) = (Some(templates.clone()), Some(slots.clone()));
        Settings { templates, slots, ..settings(1, vec![Source::Templates]) }
    };
    let student = || Script::new(|_, _| Ok("As far as it ever was, friend.".into()));
    let good = settings(r#"{"planet": ["Vesta"], "light_years": {"min": 7, "max": 7}}"#);
    let run = played(&dir.path().join("run"), student(), &good).await;
    let asked: Vec<_> = run
        .items()
        .iter()
        .filter_map(|item| item.messages.iter().rfind(|turn| turn.role == wire::Role::User))
        .collect();
    assert_eq!(asked[0].text, "How far is Vesta, 7 light years?");
    let prompts = crate::prompts::Prompts::load(None).unwrap();
    for (bad, said) in [
        (r#"{"planet": [], "light_years": {"min": 1, "max": 2}}"#, "slot `planet` has no words"),
        (r#"{"planet": ["Vesta"], "light_years": {"min": 3, "max": 2}}"#, "min = 3 is more than max = 2"),
        (r#"{"planet": "Vesta"}"#, "a slot is a list of words"),
        ("{", "slots.json"),
    ] {
        let error = plan(&prompts, &settings(bad)).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains("slots.json"), "{error}");
    }
}

#[tokio::test]
async fn where_a_call_is_demanded_chatter_is_not_desirable() {
    let dir = tempfile::tempdir().unwrap();
    let verifiers: VerifierSettings = toml::from_str(include_str!("../../../seeds/self_play/tools.toml")).unwrap();
    let student = Script::new(|_, _| Ok("Gladly, I will see to it.".into()));
    let settings = Settings { verifiers, ..settings(120, vec![Source::Templates]) };
    let run = played(dir.path(), student, &settings).await;
    let mut seen = [0, 0];
    for item in run.items() {
        let demands = item.parsed["request"]["demands_call"] == true;
        seen[usize::from(demands)] += 1;
        assert_eq!(item.parsed["verdict"], if demands { "tool-call" } else { "pass" });
        assert!(item.parsed["request"]["system"].as_str().unwrap().contains("The session is session_1"));
    }
    assert!(seen[0] > 20 && seen[1] > 3, "{seen:?}");
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let prompts = crate::prompts::Prompts::load(None).unwrap();
    let wrong = |settings: Settings| plan(&prompts, &settings).unwrap_err().to_string();
    assert!(wrong(settings(0, vec![Source::Templates])).starts_with("count = 0"));
    assert!(wrong(settings(1, vec![])).starts_with("sources = []"));
    assert!(wrong(settings(1, vec![Source::Guided])).starts_with("prompt_set = none"));
}
