use wire::{Role, Turn};

use crate::{ChatExample, read_chat, write_chat};

fn turn(role: Role, text: &str) -> Turn {
    Turn { role, text: text.into() }
}

#[test]
fn what_was_written_is_read_back_and_other_keys_are_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    let examples = vec![
        ChatExample { messages: vec![turn(Role::User, "A\n\"b\" ⚔"), turn(Role::Assistant, "c")] },
        ChatExample { messages: vec![turn(Role::System, "s"), turn(Role::User, "u"), turn(Role::Assistant, "")] },
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
