use super::{CaptureStore, Exchange, exchange};
use crate::redact::NotRedactable;
use crate::{RedactRule, Redactor, SegmentLimits, Segments};

fn regex(regex: &str, replace: &str) -> RedactRule {
    RedactRule { regex: Some(regex.into()), path: None, replace: replace.into() }
}

fn path(path: &str) -> RedactRule {
    RedactRule { regex: None, path: Some(path.into()), replace: "[redacted]".into() }
}

/// The exchange as it would be stored.
fn redacted(rules: &[RedactRule], mut exchange: Exchange) -> Result<Exchange, NotRedactable> {
    Redactor::new(rules).unwrap().redact(&mut exchange)?;
    Ok(exchange)
}

fn of(request: &str, response: &str) -> Exchange {
    Exchange { request: request.into(), response: response.into(), ..exchange("a", 100, 1) }
}

/// An answer as a stream of these pieces.
fn stream(pieces: &[&str]) -> String {
    let mut text = String::new();
    let chunk = |delta: serde_json::Value, finish: Option<&str>| serde_json::json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
    for piece in pieces {
        text.push_str(&format!("data: {}\n\n", chunk(serde_json::json!({"content": piece}), None)));
    }
    text.push_str(&format!("data: {}\n\ndata: [DONE]\n\n", chunk(serde_json::json!({}), Some("stop"))));
    text
}

fn streamed(response: String) -> Exchange {
    Exchange { stream: true, ..of("{}", &response) }
}

#[test]
fn what_is_shaped_like_a_key_is_never_stored() {
    let keys = [
        "sk-proj-abcdefghijklmnopqrstuv",
        "Bearer abcdefghijklmnopqrstuvwxyz",
        "AKIAABCDEFGHIJKLMNOP",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "github_pat_abcdefghijklmnopqrstuvwxyz0123456789abcdefgh",
        "AIzaabcdefghijklmnopqrstuvwxyz0123456789",
        "xoxb-1234567890-abcdef",
        "hf_abcdefghijklmnopqrstuvwxyz0123456789",
        "glpat-abcdefghijklmnopqrst",
        "-----BEGIN RSA PRIVATE KEY-----\\nMIIabc+/=\\n-----END RSA PRIVATE KEY-----",
    ];
    for key in keys {
        let text = format!(r#"{{"odd" : 1.0,"content":"it is {key}, keep it"}}"#);
        let kept = redacted(&[], of(&text, &text)).unwrap();
        let expected = r#"{"odd" : 1.0,"content":"it is [key], keep it"}"#;
        assert_eq!((kept.request.as_str(), kept.response.as_str(), kept.redacted), (expected, expected, true), "{key}");
    }
    let plain = of(r#"{"content":"ask-me, sk-short, a bearer of news and risk-management-strategies-of-old"}"#, "{}");
    assert_eq!(redacted(&[], plain.clone()), Ok(plain), "what is no key stays, byte for byte");
}

#[test]
fn a_key_that_comes_in_pieces_is_found() {
    let kept = redacted(&[], streamed(stream(&["the key is sk", "-proj-abcdefghij", "klmnopqrstuv", " ok"]))).unwrap();
    assert!(kept.redacted);
    let said = kept.api.read(true, kept.response.as_bytes()).unwrap();
    assert_eq!(
        (said.text.as_str(), said.is_trainable(), said.spent.model.as_str()),
        ("the key is [key] ok", true, "m")
    );
    // Without its end it can be neither mended nor learnt from.
    let cut = stream(&["sk", "-proj-abcdefghijklmnopqrstuv"]).replace("data: [DONE]\n\n", "");
    assert_eq!(redacted(&[], streamed(cut)), Err(NotRedactable));
    let plain = streamed(stream(&["no ", "key ", "here"]));
    assert_eq!(redacted(&[], plain.clone()), Ok(plain));
}

#[test]
fn a_key_in_the_pieces_of_a_call_is_found_and_the_call_can_be_learnt_without_it() {
    let chunk = |call: serde_json::Value, finish: Option<&str>| {
        let choice = serde_json::json!({"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": finish});
        format!("data: {}\n\n", serde_json::json!({"model": "m", "choices": [choice]}))
    };
    let pieces = |pieces: &[&str]| {
        let begun =
            serde_json::json!({"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}});
        let piece = |piece: &&str| chunk(serde_json::json!({"index": 0, "function": {"arguments": piece}}), None);
        let end = chunk(serde_json::json!({"index": 0, "function": {"arguments": ""}}), Some("tool_calls"));
        [chunk(begun, None), pieces.iter().map(piece).collect(), end, "data: [DONE]\n\n".to_owned()].concat()
    };
    let kept =
        redacted(&[], streamed(pieces(&["{\"key\": \"sk-proj-abc", "defghijklmnopqrstuv\", \"n\":1}"]))).unwrap();
    let said = kept.api.read(true, kept.response.as_bytes()).unwrap();
    assert_eq!(said.text, r#"{"tool_calls":[{"name":"f","arguments":{"key":"[key]","n":1}}]}"#);
    assert!(kept.redacted && said.is_trainable());
    // What is no object can be neither mended nor learnt from.
    let broken = pieces(&["{\"key\": \"sk-proj-abc", "defghijklmnopqrstuv"]);
    assert_eq!(redacted(&[], streamed(broken)), Err(NotRedactable));
    let number = redacted(&[regex("[0-9]{9}", "[number]")], streamed(pieces(&["{\"id\":12345", "6789}"])));
    assert_eq!(number, Err(NotRedactable), "what is left is no JSON");
}

/// A response as a stream: its text in these pieces, and whole wherever the events repeat it.
fn response_stream(pieces: &[&str]) -> Exchange {
    let text = pieces.concat();
    let part = serde_json::json!({"type": "output_text", "text": text, "annotations": []});
    let response = serde_json::json!({"model": "m", "status": "completed", "instructions": "Say José Ruiz.",
        "output": [{"type": "message", "role": "assistant", "content": [part]}], "usage": {"input_tokens": 1, "output_tokens": 2}});
    let mut events = vec![serde_json::json!({"type": "response.created", "response": {"status": "in_progress"}})];
    events.extend(pieces.iter().map(|piece| serde_json::json!({"type": "response.output_text.delta", "delta": piece})));
    events.push(serde_json::json!({"type": "response.output_text.done", "text": text}));
    events.push(serde_json::json!({"type": "response.completed", "response": response}));
    let events = events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()));
    let request = r#"{"model":"m","input":"x","instructions":"Say José Ruiz."}"#.to_owned();
    Exchange { api: wire::Api::Responses, request, ..streamed(events.collect()) }
}

#[test]
fn a_response_is_looked_at_in_its_pieces_and_its_repetitions() {
    let rules = [regex("José \\w+", "[name]"), regex("1212", "[number]")];
    let kept = redacted(&rules, response_stream(&["I am Jos", "é Ru", "iz."])).unwrap();
    let said = kept.api.read(true, kept.response.as_bytes()).unwrap();
    assert_eq!((said.text.as_str(), said.is_trainable(), said.spent.usage.is_some()), ("I am [name].", true, true));
    for text in [&kept.request, &kept.response] {
        assert!(!text.contains("Jos") && !text.contains("iz") && text.contains("Say [name]."), "{text}");
    }
    let kept = redacted(&rules, response_stream(&["José Ruiz, at once"])).unwrap();
    assert!(!kept.response.contains("José") && kept.response.contains("event: response.created"), "{}", kept.response);
    // Repetitions that stand one after the other say nothing together.
    let twelve = redacted(&rules[1..], response_stream(&["12"])).unwrap();
    assert!(!twelve.redacted, "{}", twelve.response);
    let key = redacted(&[], response_stream(&["sk", "-proj-abcdefghijklmnopqrstuv"])).unwrap();
    assert!(!key.response.contains("proj") && key.response.contains("[key]"), "{}", key.response);
    let mut cut = response_stream(&["sk", "-proj-abcdefghijklmnopqrstuv"]);
    cut.response = cut.response.replace("event: response.completed\ndata: {", "data: {\"odd\":");
    assert_eq!(redacted(&[], cut), Err(NotRedactable));
}

#[test]
fn a_pattern_sees_the_text_and_not_its_escapes() {
    let rules = [regex("José \\w+", "[name]"), regex(r"(\d\d)\d{4}", "${1}xxxx")];
    let kept = redacted(&rules, of(r#"{"a":[{"b":"Jos\u00e9 Ruiz, 123456"}],"n":123456}"#, r#"{"c":"none"}"#)).unwrap();
    let request: serde_json::Value = serde_json::from_str(&kept.request).unwrap();
    assert_eq!(request, serde_json::json!({"a": [{"b": "[name], 12xxxx"}], "n": 123_456}));
    assert_eq!((kept.response.as_str(), kept.redacted), (r#"{"c":"none"}"#, true));
    let kept = redacted(&rules, streamed(stream(&["I am Jos", "é Ru", "iz."]))).unwrap();
    assert_eq!(kept.api.read(true, kept.response.as_bytes()).unwrap().text, "I am [name].");
    // What is no JSON has only its bytes.
    assert_eq!(redacted(&rules, of("{}", "<p>José Ruiz</p>")).unwrap().response, "<p>[name]</p>");
}

#[test]
fn a_path_takes_out_what_lies_there() {
    let rules = [path("$.messages[*].content"), path("$['user']"), path("$.choices[*].delta.content")];
    let request = r#"{"messages":[{"role":"user","content":"secret"},{"role":"user","content":[{"text":"secret"}]}],"user":"secret","n":1}"#;
    let kept = redacted(&rules, of(request, "{}")).unwrap();
    let value: serde_json::Value = serde_json::from_str(&kept.request).unwrap();
    assert!(!kept.request.contains("secret") && value["n"] == 1 && value["messages"][1]["content"] == "[redacted]");
    let kept = redacted(&rules, streamed(stream(&["secret", "s"]))).unwrap();
    assert!(!kept.response.contains("secret") && kept.response.ends_with("data: [DONE]\n\n"), "{}", kept.response);
}

#[test]
fn where_a_path_cannot_be_followed_nothing_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let redactor = Redactor::new(&[path("$.user")]).unwrap();
    let store = Segments::open(dir.path(), SegmentLimits::NONE, redactor).unwrap();
    let cut = of(r#"{"user":"a"}"#, r#"{"choices":[{"mess"#);
    let odd = of("no json", "{}");
    let broken_stream = streamed("data: {\"a\":\n\n".to_owned());
    let empty = of(r#"{"user":"a"}"#, "");
    let appended = store.append(vec![cut, odd, broken_stream, empty]).unwrap();
    assert_eq!((appended.kept, appended.redacted, appended.not_redacted), (1, 1, 3));
}

#[test]
fn a_rule_that_cannot_be_followed_says_what_is_wrong() {
    let wrong = |rule: RedactRule| Redactor::new(&[path("$.a"), rule]).unwrap_err();
    assert!(wrong(regex("(", "")).starts_with("rule 2: "));
    for odd in ["messages", "$", "$.", "$..a", "$[x]", "$['a", "$.a[?(@.b)]"] {
        let error = wrong(path(odd));
        assert!(error.contains(odd) && error.contains("$.messages[*].content"), "{error}");
    }
    let both = RedactRule { regex: Some("a".into()), path: Some("$.a".into()), replace: String::new() };
    assert!(wrong(both).contains("either"));
}
