//! Log-probabilities: who asks for them, and how both APIs write them.

use serde_json::{Value, json};

use crate::{Answer, Api, Delivery, Envelope, Finish, Ineligible, Logprob, Sampling, Signals, TokenLogprob, Usage};

fn asked(api: Api, fields: &str) -> Result<Option<u8>, Ineligible> {
    let said = if api == Api::Chat { r#""messages":[{"role":"user","content":"x"}]"# } else { r#""input":"x""# };
    let body = format!(r#"{{"model":"m",{said}{fields}}}"#);
    api.parse(body.as_bytes()).unwrap().prompt(9, Sampling::Greedy).map(|prompt| prompt.logprobs)
}

#[test]
fn they_are_computed_for_those_who_ask_alone() {
    let include = r#","include":["message.output_text.logprobs","reasoning.encrypted_content"]"#;
    for (api, fields, wanted) in [
        (Api::Chat, "", None),
        (Api::Chat, r#","logprobs":false,"top_logprobs":0"#, None),
        (Api::Chat, r#","logprobs":null,"top_logprobs":null"#, None),
        (Api::Chat, r#","logprobs":true"#, Some(0)),
        (Api::Chat, r#","logprobs":true,"top_logprobs":20"#, Some(20)),
        (Api::Responses, "", None),
        (Api::Responses, r#","include":[],"top_logprobs":0"#, None),
        (Api::Responses, include, Some(0)),
        (Api::Responses, &format!(r#"{include},"top_logprobs":5"#), Some(5)),
    ] {
        assert_eq!(asked(api, fields), Ok(wanted), "{fields}");
    }
}

fn token(bytes: &[u8], logprob: f32) -> TokenLogprob {
    TokenLogprob { bytes: bytes.to_vec(), logprob }
}

/// `Oh é`, of which the last character is two tokens.
fn answer() -> Answer {
    let place = |bytes: &[u8], end| Logprob {
        chosen: token(bytes, -0.5),
        top: vec![token(bytes, -0.5), token(b"no", f32::NEG_INFINITY)],
        end,
    };
    let logprobs = Some(vec![place(b"Oh ", 3), place(&[0xc3], 3), place(&[0xa9], 5)]);
    Answer { logprobs, ..Answer::new("Oh é", Finish::Stop, Usage::default(), Signals::default()) }
}

fn written(api: Api, stream: bool) -> Vec<Value> {
    let envelope = Envelope { id: "1", created_s: 5, model: "gpt", asked: b"{}" };
    let (_, body) = api.write(Delivery { stream, include_usage: false }, &envelope, &answer());
    let text = String::from_utf8(body).unwrap();
    if !stream {
        return vec![serde_json::from_str(&text).unwrap()];
    }
    let data = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

/// What stands for a token, with its bytes and without.
fn entry(text: &str, bytes: &[u8]) -> (Value, Value) {
    let no = json!({"token": "no", "logprob": -9999.0, "bytes": b"no"});
    let with = json!({"token": text, "logprob": -0.5, "bytes": bytes,
        "top_logprobs": [{"token": text, "logprob": -0.5, "bytes": bytes}, no]});
    let no = json!({"token": "no", "logprob": -9999.0});
    let without = json!({"token": text, "logprob": -0.5, "top_logprobs": [{"token": text, "logprob": -0.5}, no]});
    (with, without)
}

fn entries() -> [(Value, Value); 3] {
    [entry("Oh ", b"Oh "), entry("\u{fffd}", &[0xc3]), entry("\u{fffd}", &[0xa9])]
}

#[test]
fn a_completion_says_every_token_of_its_text() {
    let [(one, _), (two, _), (three, _)] = entries();
    let whole = &written(Api::Chat, false)[0]["choices"][0];
    assert_eq!(whole["logprobs"], json!({"content": [one, two, three], "refusal": null}));

    let chunks = written(Api::Chat, true);
    let said: Vec<(&Value, &Value)> =
        chunks.iter().map(|chunk| (&chunk["choices"][0]["delta"], &chunk["choices"][0]["logprobs"])).collect();
    let of = |tokens: &[&Value]| json!({"content": tokens, "refusal": null});
    assert_eq!(
        said,
        [
            (&json!({"role": "assistant", "content": ""}), &Value::Null),
            (&json!({"content": "Oh "}), &of(&[&one])),
            (&json!({"content": "é"}), &of(&[&two, &three])),
            (&json!({}), &Value::Null),
        ]
    );
}

#[test]
fn a_response_says_every_token_of_its_text() {
    let [(one, short_one), (two, short_two), (three, short_three)] = entries();
    let whole = json!([one, two, three]);
    assert_eq!(written(Api::Responses, false)[0]["output"][0]["content"][0]["logprobs"], whole);

    let events = written(Api::Responses, true);
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    let deltas: Vec<(&Value, &Value)> =
        of("response.output_text.delta").iter().map(|event| (&event["delta"], &event["logprobs"])).collect();
    assert_eq!(deltas, [(&json!("Oh "), &json!([short_one])), (&json!("é"), &json!([short_two, short_three]))]);
    assert_eq!(of("response.output_text.done")[0]["logprobs"], json!([short_one, short_two, short_three]));
    assert_eq!(of("response.content_part.done")[0]["part"]["logprobs"], whole);
    assert_eq!(of("response.completed")[0]["response"]["output"][0]["content"][0]["logprobs"], whole);
}
