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
    let read = |max_tokens| {
        let arguments = TrainingArguments { max_tokens, ..TrainingArguments::default() };
        Examples::read(&path, &tokenizer, Method::Sft, &arguments)
    };
    let examples = read(60).unwrap();
    let length = examples.list[0].sequences[0].tokens.ids.len();
    assert_eq!((examples.list.len(), examples.dropped, examples.longest()), (1, 1, length));
    let message = read(5).err().unwrap().to_string();
    assert!(message.contains("max_tokens") && message.contains("data.jsonl"), "{message}");
}

fn message(role: &str, text: &str) -> String {
    format!(r#"[{{"role":"{role}","content":"{text}"}}]"#)
}

fn labelled(completion: &str, label: bool) -> String {
    let (prompt, completion) = (message("user", "Hi"), message("assistant", completion));
    format!(r#"{{"prompt":{prompt},"completion":{completion},"label":{label}}}"#)
}

fn read(method: Method, max_tokens: u32, lines: &[String]) -> Result<Examples, TrainError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data.jsonl");
    std::fs::write(&path, lines.join("\n")).unwrap();
    let arguments = TrainingArguments { max_tokens, batch_size: 2, ..TrainingArguments::default() };
    Examples::read(&path, &Tokenizer::load(&golden()).unwrap(), method, &arguments)
}

#[test]
fn labelled_lines_keep_their_label_and_are_paired_within_fixed_batches() {
    let lines = [labelled("Yes.", true), labelled("No, friend.", false), labelled("coins", true)];
    let examples = read(Method::Kto, 60, &lines).unwrap();
    assert_eq!(examples.fixed.iter().map(Vec::len).collect::<Vec<_>>(), [3], "one alone would have no other");
    let labels: Vec<bool> = examples.list.iter().map(|item| item.sequences[0].desirable).collect();
    assert_eq!(labels, [true, false, true]);
    for (at, before) in [(0, 2), (1, 0), (2, 1)] {
        let item = |place: usize| &examples.list[examples.fixed[0][place]];
        let (mismatched, other) = (item(at).mismatched.as_ref().unwrap(), &item(before).sequences[0].tokens);
        let completion = &mismatched.tokens.ids[mismatched.tokens.completion.clone()];
        assert_eq!(completion, &other.ids[other.completion.clone()]);
        let prompt = item(at).sequences[0].tokens.completion.start;
        assert_eq!(mismatched.tokens.ids[..prompt], item(at).sequences[0].tokens.ids[..prompt]);
    }
    assert!(read(Method::Kto, 60, &lines[..1]).err().unwrap().to_string().contains("kto needs two"));
}

#[test]
fn a_mismatched_pair_is_no_longer_than_an_example_may_be() {
    let long_prompt = format!(
        r#"{{"prompt":{},"completion":{},"label":true}}"#,
        message("user", &"lantern ".repeat(12)),
        message("assistant", "No")
    );
    let lines = [long_prompt, labelled(&"coins ".repeat(12), true)];
    let whole = read(Method::Kto, 1000, &lines).unwrap();
    let max_tokens = whole.list.iter().map(|item| item.sequences[0].tokens.ids.len()).max().unwrap();
    assert!(whole.longest() > max_tokens, "the memory has to be for the mismatched one");
    let cut = read(Method::Kto, max_tokens as u32, &lines).unwrap();
    assert_eq!((cut.dropped, cut.longest()), (0, max_tokens));
    let mismatched = cut.list[0].mismatched.as_ref().unwrap();
    assert!(mismatched.targets() > 0 && mismatched.tokens.completion.end == mismatched.tokens.ids.len());
}

#[test]
fn pairs_are_dropped_whole() {
    let pair = |chosen: &str, rejected: &str| {
        let (chosen, rejected) = (message("assistant", chosen), message("assistant", rejected));
        format!(r#"{{"prompt":{},"chosen":{chosen},"rejected":{rejected}}}"#, message("user", "Hi"))
    };
    let long = "coins ".repeat(100);
    let examples = read(Method::Dpo, 60, &[pair("a", "b"), pair("a", &long), pair(&long, "b")]).unwrap();
    assert_eq!((examples.list.len(), examples.dropped, examples.sequences()), (1, 2, 2));
    let labels: Vec<bool> = examples.list[0].sequences.iter().map(|sequence| sequence.desirable).collect();
    assert_eq!((labels, &examples.list[0].mismatched), (vec![true, false], &None));
}
