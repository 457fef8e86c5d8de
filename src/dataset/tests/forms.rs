use proptest::prelude::*;
use serde_json::{Map, Value, json};
use wire::{Role, Turn};

use crate::{Answered, Form, LINE_BYTES_MAX, Record, read_records, write_records};

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

/// One line in every form.
fn golden() -> Vec<(Form, Value)> {
    let said = |text: &str| json!([{ "role": "assistant", "content": text }]);
    let asked = json!([{ "role": "system", "content": "s" }, { "role": "user", "content": "u ⚔" }]);
    let all = json!([{ "role": "user", "content": "u" }, { "role": "assistant", "content": "a" }]);
    vec![
        (Form::OpenaiChat, json!({ "messages": all, "id": "7" })),
        (
            Form::OpenaiDpo,
            json!({
                "input": { "messages": asked, "tools": [], "parallel_tool_calls": true },
                "preferred_output": said("good"), "non_preferred_output": said("bad"),
            }),
        ),
        (
            Form::Alpaca,
            json!({ "instruction": "i", "input": "in", "output": "o", "system": "s", "history": [["q", "a"]] }),
        ),
        (Form::Alpaca, json!({ "instruction": "i", "input": "", "output": "o" })),
        (
            Form::Sharegpt,
            json!({ "conversations": [{ "from": "human", "value": "h" }, { "from": "gpt", "value": "g" }], "tag": [1] }),
        ),
        (Form::TrlPromptCompletion, json!({ "prompt": asked, "completion": said("c") })),
        (Form::TrlPreference, json!({ "prompt": asked, "chosen": said("c"), "rejected": said("r") })),
        (Form::TrlKto, json!({ "prompt": asked, "completion": said("c"), "label": false })),
        (Form::Conversations, json!({ "conversations": all, "label": true })),
        (
            Form::Flywheel,
            json!({
                "timestamp": 1_700_000_000, "workload_id": "shop", "client_id": "studio",
                "request": { "model": "m", "messages": asked },
                "response": {
                    "object": "chat.completion", "model": "m",
                    "choices": [{ "index": 0, "message": { "role": "assistant", "content": "a" }, "finish_reason": "stop" }],
                },
            }),
        ),
    ]
}

#[test]
fn a_line_of_every_form_is_recognised_and_written_back_as_it_was() {
    for (form, line) in golden() {
        let written = file(format!("{line}\n").as_bytes());
        let (records, refused) = read_records(written.path(), None).unwrap();
        assert_eq!((records.len(), refused.as_slice()), (1, &[][..]), "{}", form.name());
        let out = tempfile::NamedTempFile::new().unwrap();
        write_records(out.path(), form, &records).unwrap();
        let back: Value = serde_json::from_str(&std::fs::read_to_string(out.path()).unwrap()).unwrap();
        assert_eq!(back, line, "{}", form.name());
        assert_eq!(form.name().parse(), Ok(form));
    }
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let text = "[a-c \n\"⚔:]{1,12}";
    (prop::option::of(text), prop::collection::vec((text, text), 0..3), text).prop_map(|(system, pairs, last)| {
        let turn = |role, text: String| Turn { role, text };
        let pairs = pairs.into_iter().flat_map(|(asked, said)| [turn(Role::User, asked), turn(Role::Assistant, said)]);
        system.map(|text| turn(Role::System, text)).into_iter().chain(pairs).chain([turn(Role::User, last)]).collect()
    })
}

fn record() -> impl Strategy<Value = Record> {
    let answer = prop_oneof![
        "[a-z][a-z\n]{0,8}".prop_map(Answered::One),
        ("[a-z]{1,9}", any::<bool>()).prop_map(|(text, label)| Answered::Labelled(text, label)),
        ("[a-z]{1,9}", "[a-z]{1,9}").prop_map(|(chosen, rejected)| Answered::Pair { chosen, rejected }),
    ];
    (turns(), answer, prop::option::of(0..9)).prop_map(|(asked, answer, number)| {
        let extra = number.map(|number| ("number".to_owned(), json!(number))).into_iter().collect::<Map<_, _>>();
        Record { asked, answer, extra }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_form_takes_it_gives_back(record in record(), place in 0..Form::ALL.len()) {
        let form = Form::ALL[place];
        let out = tempfile::NamedTempFile::new().unwrap();
        if write_records(out.path(), form, std::slice::from_ref(&record)).is_ok() {
            let (records, refused) = read_records(out.path(), Some(form)).unwrap();
            prop_assert_eq!(&refused, &[]);
            // A form without labels says nothing of them; the texts are all there.
            let mut expected = record.clone();
            let keeps_labels = matches!(form, Form::TrlKto | Form::Conversations);
            if let (Answered::Labelled(text, _), false) = (&record.answer, keeps_labels) {
                expected.answer = Answered::One(text.clone());
            }
            let mut found = records[0].clone();
            if form == Form::Flywheel {
                for key in ["timestamp", "workload_id", "client_id", "model"] {
                    found.extra.remove(key);
                }
            }
            prop_assert_eq!(found, expected, "{}", form.name());
        }
    }
}

#[test]
fn what_a_form_cannot_hold_is_said_with_record_and_field() {
    let asked = vec![Turn { role: Role::User, text: "u".into() }];
    let one = Record { asked: asked.clone(), answer: Answered::One("a".into()), extra: Map::new() };
    let pair = Record { answer: Answered::Pair { chosen: "c".into(), rejected: "r".into() }, ..one.clone() };
    let odd = Record { asked: vec![asked[0].clone(), asked[0].clone(), asked[0].clone()], ..one.clone() };
    let wrong = [
        (Form::TrlKto, &one, "`label` is not known"),
        (Form::TrlPreference, &one, "`rejected` is not known"),
        (Form::OpenaiDpo, &one, "`non_preferred_output` is not known"),
        (Form::OpenaiChat, &pair, "two answers"),
        (Form::Alpaca, &odd, "`history` cannot hold"),
    ];
    for (form, record, message) in wrong {
        let out = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(out.path(), "before").unwrap();
        let error = write_records(out.path(), form, &[one.clone(), record.clone()]).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        // The first record of two fits where the form takes single answers.
        let line = if matches!(form, Form::OpenaiChat | Form::Alpaca) { "line 2" } else { "line 1" };
        assert!(error.contains(line), "{error}");
        assert_eq!(std::fs::read_to_string(out.path()).unwrap(), "before", "nothing is half written");
    }
}

#[test]
fn a_bad_line_is_refused_with_its_number_and_field_and_the_others_are_read() {
    let good = r#"{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"a"}]}"#;
    let bad = [
        (r#"{"messages":[{"role":"user","content":"u"}]}"#, "the last message must be the assistant's"),
        (r#"{"messages":[{"role":"assistant","content":"u"}]}"#, "nothing is asked"),
        (r#"{"messages":[{"role":"tool","content":"u"},{"role":"assistant","content":"a"}]}"#, "`messages[0].role`"),
        (
            r#"{"messages":[{"role":"user","content":[1]},{"role":"assistant","content":"a"}]}"#,
            "`messages[0].content` is a list",
        ),
        (
            r#"{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"","tool_calls":[1]}]}"#,
            "`messages[1].tool_calls` cannot be kept",
        ),
        (r#"{"prompt":"p","completion":"c","label":"yes"}"#, "`label` is a text"),
        (r#"{"instruction":5,"output":"o"}"#, "`instruction` is a number"),
        (r#"{"instruction":"i","output":"o","history":[["a"]]}"#, "`history[0]` must be a pair"),
        (r#"{"conversations":[{"from":"observation","value":"x"}]}"#, "`conversations[0].from`"),
        (
            r#"{"request":{"messages":[{"role":"user","content":"u"}]},"response":{}}"#,
            "`response` is no plain whole answer",
        ),
        (r#"{"question":"q"}"#, "no known form has the keys question"),
        ("[1]", "invalid type"),
        ("{", "EOF"),
    ];
    for (line, message) in bad {
        let written = file(format!("{good}\n\n{line}\n{good}\n").as_bytes());
        let (records, refused) = read_records(written.path(), None).unwrap();
        assert_eq!((records.len(), refused.len(), refused[0].line), (2, 1, 3), "{line}");
        assert!(refused[0].problem.contains(message), "{line}: {}", refused[0].problem);
    }
}

#[test]
fn torn_endless_and_foreign_bytes_are_refused_in_bounded_memory() {
    let good = r#"{"prompt":"p","completion":"c"}"#;
    let endless = [good.as_bytes(), b"\n", &vec![b'x'; 3 * LINE_BYTES_MAX], b"\n", good.as_bytes()].concat();
    let (records, refused) = read_records(file(&endless).path(), None).unwrap();
    assert_eq!((records.len(), refused.len(), refused[0].line), (2, 1, 2));
    assert!(refused[0].problem.contains("longer than"), "{}", refused[0].problem);
    // Exactly the limit, line break included, is no fault of the line's length.
    let padded = format!("{}{}\n", " ".repeat(LINE_BYTES_MAX - good.len() - 1), good);
    assert_eq!(read_records(file(padded.as_bytes()).path(), None).unwrap().0.len(), 1);
    let latin = [good.as_bytes(), b"\n{\"prompt\":\"caf\xe9\"}\n\xff\xfe{\x00\n"].concat();
    let (records, refused) = read_records(file(&latin).path(), None).unwrap();
    assert_eq!((records.len(), refused.len()), (1, 2));
    assert!(refused[0].problem.contains("is not UTF-8: the first wrong byte is number 15"), "{}", refused[0].problem);
    let torn = format!("{good}\n{}", good.chars().take(10).collect::<String>());
    let (records, refused) = read_records(file(torn.as_bytes()).path(), None).unwrap();
    assert_eq!((records.len(), refused[0].problem.contains("no whole record")), (1, true), "{refused:?}");
    // A mark of the byte order, and no line break at the end.
    let marked = [b"\xef\xbb\xbf", good.as_bytes()].concat();
    assert_eq!(read_records(file(&marked).path(), None).unwrap().0.len(), 1);
    assert_eq!(read_records(file(b"").path(), None).unwrap().0, []);
}
