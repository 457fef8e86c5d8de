use super::*;

fn read(line: &str) -> Result<Vec<TaughtExample>, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lines.jsonl");
    std::fs::write(&path, line).unwrap();
    read_taught(&path).map_err(|error| error.to_string())
}

fn line(logprobs: &str) -> String {
    format!(
        r#"{{"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":"5 ö"}}],"logprobs":{logprobs}}}"#
    )
}

#[test]
fn openais_logprobs_are_read_with_bytes_where_a_token_is_half_a_character() {
    let tokens = r#"{"content":[{"token":"5","logprob":-0.1,"top_logprobs":[{"token":"5","bytes":[53],"logprob":-0.1},
        {"token":"6","bytes":null,"logprob":-9999.0}]},{"token":" ","bytes":[32],"logprob":0.0},
        {"token":"\\xc3","bytes":[195],"logprob":-0.2},{"token":"\\xb6","bytes":[182],"logprob":0.0}],"refusal":null}"#;
    let read = read(&line(&tokens.replace('\n', ""))).unwrap();
    let tokens = read[0].tokens();
    assert_eq!(tokens.len(), 4);
    assert_eq!((tokens[0].top_logprobs[1].bytes(), tokens[0].top_logprobs[1].logprob), (&b"6"[..], -9999.0));
    assert_eq!((tokens[2].own.bytes(), tokens[0].own.bytes()), (&[195][..], &b"5"[..]));
    assert_eq!(read[0].chat.split().unwrap().1.text, "5 ö");
}

#[test]
fn a_line_without_them_is_an_ordinary_one() {
    for logprobs in ["null", "{}", r#"{"content":null}"#, r#"{"content":[]}"#] {
        assert_eq!(read(&line(logprobs)).unwrap()[0].tokens(), []);
    }
}

#[test]
fn tokens_of_another_answer_and_impossible_numbers_are_refused_with_their_line() {
    let other = read(&line(r#"{"content":[{"token":"5","logprob":-0.1}]}"#)).unwrap_err();
    assert!(other.contains("line 1") && other.contains("do not spell the assistant's answer"), "{other}");
    let above = read(&line(r#"{"content":[{"token":"5 ö","logprob":0.5}]}"#)).unwrap_err();
    assert!(above.contains("above 0"), "{above}");
    assert!(read(r#"{"messages":[{"role":"user","content":"a"}]}"#).unwrap_err().contains("the last message"));
}
