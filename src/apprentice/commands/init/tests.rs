//! What is answered stands in the file, and what will not do is asked for again.

use std::collections::VecDeque;

use super::questions::Value;
use super::*;
use crate::app;

const BASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/practice");

/// What a person who says these lines gets: the settings, and what was said to them.
fn dialogue(answers: &[&str], given: &[(&str, &str)]) -> Result<(Settings, String), app::Error> {
    let mut answers: VecDeque<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
    let mut said = String::new();
    let given = |question: &Question| {
        given.iter().find(|(flag, _)| *flag == question.flag).map(|(_, answer)| (*answer).to_owned())
    };
    let values = questions::answered(given, &mut |_| Ok(answers.pop_front()), &mut |line| {
        said.push_str(line);
        Ok(())
    })?;
    assert!(answers.is_empty(), "not asked for: {answers:?}");
    let text = values.iter().try_fold(text::COMMENTED.to_owned(), |text, value| text::put(&text, value))?;
    Ok((Settings::parse(&text)?, said))
}

#[test]
fn every_answer_stands_in_the_file() {
    let answers = ["http://127.0.0.1:9/v1", "maker/model-1", "A_KEY", "yes", BASE, "0.0.0.0:9090"];
    let (settings, said) = dialogue(&answers, &[]).unwrap();
    assert_eq!(said, "");
    assert_eq!(settings.teacher.base_url, answers[0]);
    assert_eq!(settings.generate.model, answers[1]);
    assert_eq!(settings.teacher.key_env, answers[2]);
    assert_eq!(settings.teacher.distillable, Distillable::Yes);
    assert_eq!(settings.student.base, Path::new(BASE));
    assert!(settings.student.enabled && settings.student.context == 512, "as much as the base takes");
    assert_eq!(settings.proxy.listen.to_string(), answers[5]);
    let next = next(Path::new("my.toml"), &settings).join("\n");
    for line in
        ["apprentice doctor --config my.toml", "apprentice serve --config my.toml", "\"http://127.0.0.1:9090/v1\""]
    {
        assert!(next.contains(line), "{next}");
    }
}

#[test]
fn enter_takes_the_defaults_and_no_base_is_no_student() {
    let (settings, said) = dialogue(&[""; 6], &[]).unwrap();
    let mut defaults = Settings::default();
    defaults.student.enabled = false;
    assert_eq!((settings.table().unwrap(), said.as_str()), (defaults.table().unwrap(), ""));
    assert!(next(Path::new("apprentice.toml"), &settings).join("\n").contains("No student yet"));
}

#[test]
fn a_wrong_answer_is_named_and_asked_for_again_and_a_key_is_not_repeated() {
    let answers = ["api.openai.com", "https://a.example/v1", "two words", "m", "sk-secret", "1X", "X", "maybe", "no"];
    let more = ["models/nowhere", "none", "8080", "127.0.0.1:8081", "127.0.0.1:80"];
    let (settings, said) = dialogue(&[&answers[..], &more[..]].concat(), &[]).unwrap();
    for part in [
        "teacher.base_url",
        "no spaces",
        "looks like a key",
        "a variable's name",
        "yes, no or unknown",
        "models/nowhere",
        "`8080` is no address",
        "admin listener",
    ] {
        assert!(said.contains(part), "`{part}` should be in: {said}");
    }
    assert!(!said.contains("sk-secret"), "{said}");
    assert_eq!((settings.teacher.key_env.as_str(), settings.proxy.listen.port()), ("X", 80));
}

#[test]
fn what_the_command_line_says_is_not_asked_and_who_goes_away_gets_nothing() {
    let (settings, _) = dialogue(&["", "", "", "", ""], &[("listen", "127.0.0.1:99")]).unwrap();
    assert_eq!(settings.proxy.listen.port(), 99);
    let wrong = dialogue(&[], &[("teacher", "nowhere")]).unwrap_err().to_string();
    assert!(wrong.starts_with("--teacher: ") && wrong.contains("nowhere"), "{wrong}");
    assert!(dialogue(&["", ""], &[]).unwrap_err().to_string().contains("nothing was written"));
}

#[test]
fn a_value_is_put_behind_its_own_key_alone() {
    let text = "[a]\nx = 1   # why\n# x = 2\n[b]\nx = 3\n";
    let value = |section, key| Value { section, key, value: "#9 \"q\"".into() };
    assert_eq!(text::put(text, &value("b", "x")).unwrap(), "[a]\nx = 1   # why\n# x = 2\n[b]\nx = '#9 \"q\"'\n");
    assert!(text::put(text, &value("a", "x")).unwrap().contains("x = '#9 \"q\"' # why\n"));
    assert!(text::put(text, &value("a", "y")).unwrap_err().contains("a.y"));
}
