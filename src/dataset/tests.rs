mod forms;

use wire::{Role, Turn};

use crate::{
    ChatExample, LabelledExample, PreferenceExample, read_chat, read_labelled, read_preferences, write_chat,
    write_labelled, write_preferences,
};

fn turn(role: Role, text: &str) -> Turn {
    Turn { role, text: text.into() }
}

#[test]
fn what_was_written_is_read_back_and_other_keys_are_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    let examples = vec![
        ChatExample::new(vec![turn(Role::User, "A\n\"b\" ⚔"), turn(Role::Assistant, "c")]),
        ChatExample::new(vec![turn(Role::System, "s"), turn(Role::User, "u"), turn(Role::Assistant, "")]),
    ];
    write_chat(&path, &examples).unwrap();
    assert_eq!(read_chat(&path).unwrap(), examples);
    let line =
        r#"{"messages":[{"role":"developer","content":"d","name":"x"},{"role":"assistant","content":"a"}],"w":1}"#;
    std::fs::write(&path, format!("\n{line}\n\n")).unwrap();
    assert_eq!(read_chat(&path).unwrap()[0].messages[0], turn(Role::System, "d"));
}

#[test]
fn a_bad_line_is_named_with_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bad.jsonl");
    let good = r#"{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"a"}]}"#;
    for bad in ["{", "{}", r#"{"messages":[]}"#, r#"{"messages":[{"role":"user","content":"u"}]}"#] {
        std::fs::write(&path, format!("{good}\n\n{bad}\n")).unwrap();
        let message = read_chat(&path).unwrap_err().to_string();
        assert!(message.contains("bad.jsonl line 3"), "{message}");
    }
    assert!(read_chat(&dir.path().join("none")).unwrap_err().to_string().contains("none"));
}

#[test]
fn preferences_are_read_back_as_they_were_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    let (prompt, answer) = (vec![turn(Role::User, "u")], |text: &str| [turn(Role::Assistant, text)]);
    let labelled = |label| LabelledExample { prompt: prompt.clone(), completion: answer("a"), label };
    write_labelled(&path, &[labelled(true), labelled(false)]).unwrap();
    assert_eq!(read_labelled(&path).unwrap(), [labelled(true), labelled(false)]);
    let line =
        r#"{"prompt":[{"role":"user","content":"u"}],"completion":[{"role":"assistant","content":"a"}],"label":true}"#;
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().next(), Some(line), "TRL's own form");
    let pair = [PreferenceExample { prompt: prompt.clone(), chosen: answer("b"), rejected: answer("c") }];
    write_preferences(&path, &pair).unwrap();
    assert_eq!(read_preferences(&path).unwrap(), pair);
}

#[test]
fn a_bad_preference_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bad.jsonl");
    let (user, assistant) = (r#"{"role":"user","content":"u"}"#, r#"{"role":"assistant","content":"a"}"#);
    let labelled =
        |prompt: &str, completion: &str| format!(r#"{{"prompt":[{prompt}],"completion":[{completion}],"label":true}}"#);
    let two = format!("{assistant},{assistant}");
    for (bad, said) in [
        (labelled("", assistant), "no message"),
        (labelled(user, user), "assistant's message"),
        (labelled(user, ""), "length 1"),
        (labelled(user, &two), "trailing"),
        (labelled(user, assistant).replace("true", "1"), "boolean"),
    ] {
        std::fs::write(&path, format!("{}\n{bad}\n", labelled(user, assistant))).unwrap();
        let message = read_labelled(&path).unwrap_err().to_string();
        assert!(message.contains("bad.jsonl line 2") && message.contains(said), "{message}");
    }
    for (chosen, rejected, fine) in [(assistant, assistant, true), (user, assistant, false), (assistant, user, false)] {
        let line = format!(r#"{{"prompt":[{user}],"chosen":[{chosen}],"rejected":[{rejected}]}}"#);
        std::fs::write(&path, line).unwrap();
        assert_eq!(read_preferences(&path).is_ok(), fine);
    }
}

#[test]
fn a_line_keeps_the_functions_that_could_be_called_and_shows_them_where_it_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tools.jsonl");
    let line = r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"Rope!"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_0","type":"function","function":{"name":"give","arguments":"{\"z\":1,\"a\":2}"}}]}],"tools":[{"type":"function","function":{"name":"give","description":"","parameters":{"type":"object","properties":{"z":{},"a":{}}},"strict":false}}],"parallel_tool_calls":true,"response_format":{"type":"json_object"}}"#;
    std::fs::write(&path, format!("{line}\n")).unwrap();
    let examples = read_chat(&path).unwrap();
    let (asked, answer) = examples[0].split().unwrap();
    assert_eq!(answer.text, r#"{"tool_calls":[{"name":"give","arguments":{"z":1,"a":2}}]}"#);
    assert!(
        asked[0].text.contains(
            r#"give
{"type":"object","properties":{"z":{},"a":{}}}"#
        ),
        "{asked:?}"
    );
    assert_eq!(asked[1..], examples[0].messages[..2]);
    assert_eq!(examples[0].form.tools().unwrap().otherwise, wire::Form::JsonObject);
    write_chat(&path, &examples).unwrap();
    let written = std::fs::read_to_string(&path).unwrap();
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(value(&written), value(line));
    assert!(written.contains(r#""parameters":{"type":"object","properties":{"z":{},"a":{}}}"#), "{written}");
    assert_eq!(read_chat(&path).unwrap(), examples);
    let taught = crate::read_taught(&path).unwrap();
    assert_eq!((&taught[0].chat, &taught[0].logprobs), (&examples[0], &None));
}

#[test]
fn a_record_of_a_line_with_functions_is_what_a_student_sees_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tools.jsonl");
    let line = r#"{"site":"shop","messages":[{"role":"user","content":"Rope!"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"give","arguments":"{}"}}]}],"tools":[{"type":"function","function":{"name":"give"}}]}"#;
    std::fs::write(&path, format!("{line}\n{}\n", line.replace("\"{}\"", "\"[]\""))).unwrap();
    let (records, refused) = crate::read_records(&path, None).unwrap();
    let learnt = records[0].to_learn().unwrap();
    let chat = serde_json::from_str::<ChatExample>(line).unwrap();
    let (asked, answer) = chat.split().unwrap();
    assert_eq!((records[0].asked.as_slice(), learnt.messages.last()), (asked.as_slice(), Some(answer)));
    assert_eq!(records[0].extra.keys().collect::<Vec<_>>(), ["site"]);
    assert!(refused[0].problem.contains("tool-calls"), "{refused:?}");
}
