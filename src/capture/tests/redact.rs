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
    assert_eq!((said.text.as_str(), said.is_trainable(), said.model.as_str()), ("the key is [key] ok", true, "m"));
    // Without its end it can be neither mended nor learnt from.
    let cut = stream(&["sk", "-proj-abcdefghijklmnopqrstuv"]).replace("data: [DONE]\n\n", "");
    assert_eq!(redacted(&[], streamed(cut)), Err(NotRedactable));
    let call = r#"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"sk-proj-abc"}}]}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"defghijklmnopqrstuv"}}]}}]}

data: [DONE]

"#;
    assert_eq!(redacted(&[], streamed(call.to_owned())), Err(NotRedactable));
    let plain = streamed(stream(&["no ", "key ", "here"]));
    assert_eq!(redacted(&[], plain.clone()), Ok(plain));
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
