//! What is read, dropped and refused.

use super::*;
use crate::tests::golden;

#[test]
fn lines_that_are_too_long_are_dropped_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data.jsonl");
    let tokenizer = Tokenizer::load(&golden()).unwrap();
    let row = |reply: &str| {
        format!(r#"{{"messages":[{{"role":"user","content":"Hi"}},{{"role":"assistant","content":"{reply}"}}]}}"#)
    };
    std::fs::write(&path, format!("{}\n\n{}\n", row("Yes."), row(&"coins ".repeat(100)))).unwrap();
    let examples = Examples::read(&path, &tokenizer, 60).unwrap();
    assert_eq!((examples.list.len(), examples.dropped, examples.longest()), (1, 1, examples.list[0].ids.len()));
    let message = Examples::read(&path, &tokenizer, 5).err().unwrap().to_string();
    assert!(message.contains("max_tokens") && message.contains("data.jsonl"), "{message}");
}
