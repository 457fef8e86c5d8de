mod logprobs;
mod responses;
mod tools;

use proptest::prelude::*;

use crate::Ineligible;
use crate::chat::completion;
use crate::{
    Answer, Api, Envelope, Finish, Form, Role, Sampling, Signals, Spent, Usage, UsageDetails, error::ApiError, sse,
};

fn eligible(body: &str) -> Result<usize, Ineligible> {
    let request = Api::Chat.parse(body.as_bytes()).unwrap();
    request.prompt(64, Sampling::Greedy).map(|prompt| prompt.turns.len())
}

#[test]
fn a_plain_conversation_can_be_put_to_a_student() {
    let body = r#"{"model":"m","messages":[{"role":"developer","content":"be \"kind\""},
        {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}],"max_completion_tokens":9}"#;
    let request = Api::Chat.parse(body.as_bytes()).unwrap();
    let prompt = request.prompt(64, Sampling::Greedy).unwrap();
    assert_eq!(prompt.max_tokens, 9);
    assert_eq!((prompt.turns[0].role, prompt.turns[0].text.as_str()), (Role::System, "be \"kind\""));
    assert_eq!(prompt.turns[1].text, "ab");
}

#[test]
fn what_a_student_cannot_honour_is_left_to_the_teacher_by_name() {
    let with =
        |extra: &str| eligible(&format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}]{extra}}}"#));
    assert_eq!(with(""), Ok(1));
    assert_eq!(with(r#","future_field":1"#), Err(Ineligible::Field("future_field".into())));
    assert_eq!(with(r#","tools":[{"type":"function"}]"#), Err(Ineligible::Field("tools".into())));
    assert_eq!(with(r#","tool_choice":"required""#), Err(Ineligible::Field("tool_choice".into())));
    assert_eq!(with(r#","tools":[]"#), Ok(1));
    for n in ["0", "9", "-1", "1.5", "\"2\""] {
        assert_eq!(with(&format!(r#","n":{n}"#)), Err(Ineligible::Field("n".into())));
    }
    assert_eq!(with(r#","stop":["a","b"],"seed":7,"n":1"#), Ok(1));
    let image =
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}"#;
    assert_eq!(eligible(image), Err(Ineligible::Content("image_url".into())));
    let tool = r#"{"model":"m","messages":[{"role":"tool","content":"x"}]}"#;
    assert_eq!(eligible(tool), Err(Ineligible::Messages));
}

#[test]
fn the_form_of_an_answer_is_read_and_an_unknown_one_is_the_teachers() {
    let with = |format: &str| {
        let body =
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],"response_format":{format}}}"#);
        Api::Chat.parse(body.as_bytes()).unwrap().prompt(1, Sampling::Greedy).map(|prompt| prompt.form)
    };
    assert_eq!(with("null"), Ok(Form::Text));
    assert_eq!(with(r#"{"type":"text"}"#), Ok(Form::Text));
    assert_eq!(with(r#"{"type":"json_object"}"#), Ok(Form::JsonObject));
    let schema = r#"{"type":"object", "properties":{"b":{},"a":{}}}"#;
    let format =
        format!(r#"{{"type":"json_schema","json_schema":{{"name":"offer","strict":true,"schema":{schema}}}}}"#);
    assert_eq!(with(&format), Ok(Form::JsonSchema(schema.to_owned())), "as the client wrote it");
    for unknown in [
        r#"{"type":"grammar"}"#,
        r#"{"type":"json_schema","json_schema":{"name":"n"}}"#,
        "7",
        r#"{"type":"json_schema"}"#,
    ] {
        assert_eq!(with(unknown), Err(Ineligible::Field("response_format".into())), "{unknown}");
    }
}

#[test]
fn a_field_that_says_what_holds_without_it_changes_nothing() {
    let with =
        |extra: &str| eligible(&format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{extra}}}"#));
    for same in [
        r#""presence_penalty":0,"frequency_penalty":0.0,"logprobs":false,"top_logprobs":0,"logit_bias":{ }"#,
        r#""parallel_tool_calls":true,"functions":[],"function_call":"none","modalities":["text"]"#,
        r#""future_field":null,"stream":null,"max_tokens":null,"tools":null,"stop":null,"response_format":null,"user":null"#,
        r#""stream_options":null,"seed":null,"n":null,"temperature":null,"audio":null"#,
    ] {
        assert_eq!(with(same), Ok(1), "{same}");
    }
    for (other, field) in [
        (r#""presence_penalty":2.1"#, "presence_penalty"),
        (r#""logprobs":"yes""#, "logprobs"),
        (r#""logprobs":true,"top_logprobs":21"#, "top_logprobs"),
        (r#""logprobs":true,"top_logprobs":-1"#, "top_logprobs"),
        (r#""top_logprobs":3"#, "top_logprobs"),
        (r#""logit_bias":{"50256":-100}"#, "logit_bias"),
        (r#""modalities":["text","audio"]"#, "modalities"),
        (r#""functions":[{}]"#, "functions"),
        (r#""function_call":{"name":"f"}"#, "function_call"),
        (r#""parallel_tool_calls":"yes""#, "parallel_tool_calls"),
    ] {
        assert_eq!(with(other), Err(Ineligible::Field(field.into())));
    }
}

#[test]
fn only_a_body_that_says_nothing_else_may_be_kept() {
    for (store, kept) in [
        ("", true),
        (r#","store":true"#, true),
        (r#","store":null"#, true),
        (r#","store":false"#, false),
        (r#","store":"no""#, false),
        (r#","store":0"#, false),
        (r#","store":false,"store":true"#, false),
    ] {
        let whole = format!(r#"{{"model":"m","messages":[]{store}}}"#);
        assert_eq!(Api::Chat.parse(whole.as_bytes()).unwrap().may_be_kept(), kept, "{store}");
        // Another field is odd, so that it is no chat request at all.
        assert_eq!(crate::may_be_kept(whole.replace("[]", "7").as_bytes()), kept, "{store}");
    }
    for odd in [r#"{"store":true,"store":false}"#, "[]", "{"] {
        assert!(!crate::may_be_kept(odd.as_bytes()), "{odd}");
    }
}

#[test]
fn a_body_that_is_no_chat_request_names_the_field() {
    let message = |body: &str| Api::Chat.parse(body.as_bytes()).unwrap_err().to_string();
    assert!(message("{").contains("not a JSON object"));
    assert_eq!(message(r#"{"messages":[]}"#), "field `model` is missing");
    assert!(message(r#"{"model":"m","messages":{}}"#).starts_with("field `messages` has the wrong shape"));
}

#[test]
fn metadata_of_a_strange_shape_does_not_refuse_the_request() {
    let body = br#"{"model":"m","messages":[],"metadata":{"a":{"b":1}}}"#;
    assert!(Api::Chat.parse(body).unwrap().metadata.is_empty());
}

#[test]
fn errors_have_all_four_keys() {
    let json = ApiError::invalid("bad_site", "no \"such\" site").to_json();
    let expected =
        r#"{"error":{"message":"no \"such\" site","type":"invalid_request_error","param":null,"code":"bad_site"}}"#;
    assert_eq!(String::from_utf8(json).unwrap(), expected);
}

fn answer(text: &str) -> Answer {
    let usage = Usage { prompt_tokens: 3, completion_tokens: 2 };
    Answer::new(text, Finish::Stop, usage, Signals::default())
}

const ENVELOPE: Envelope<'static> = Envelope { id: "1", created_s: 5, model: "gpt", asked: b"{}" };

#[test]
fn usage_is_null_on_every_chunk_but_the_last_when_asked_for() {
    let stream = String::from_utf8(completion::write_stream(&ENVELOPE, &answer("a b"), true)).unwrap();
    let events: Vec<&str> = stream.split_terminator("\n\n").collect();
    assert_eq!(events.len(), 6);
    assert!(events[..4].iter().all(|event| event.contains(r#""usage":null"#)));
    assert!(events[4].contains(r#""choices":[]"#) && events[4].contains(r#""total_tokens":5"#));
    assert_eq!(events[5], "data: [DONE]");
    let plain = String::from_utf8(completion::write_stream(&ENVELOPE, &answer("a b"), false)).unwrap();
    assert!(!plain.contains("usage"));
}

#[test]
fn all_choices_are_written_each_under_its_number_and_the_first_is_read() {
    let asked = Api::Chat.parse(br#"{"model":"m","n":8,"messages":[{"role":"user","content":"x"}]}"#).unwrap();
    assert_eq!(asked.prompt(1, Sampling::Greedy).unwrap().choices, 8);
    let further = vec![Answer { finish: Finish::Length, ..answer("c d") }];
    let two = Answer { further, ..answer("a b") };
    let whole: serde_json::Value = serde_json::from_slice(&completion::write_whole(&ENVELOPE, &two)).unwrap();
    let said = |at: usize| (&whole["choices"][at]["index"], &whole["choices"][at]["message"]["content"]);
    assert_eq!((said(0), said(1)), ((&0.into(), &"a b".into()), (&1.into(), &"c d".into())));
    assert_eq!(
        (&whole["choices"][1]["finish_reason"], whole["choices"].as_array().unwrap().len()),
        (&"length".into(), 2)
    );

    let stream = completion::write_stream(&ENVELOPE, &two, true);
    assert_eq!(completion::read_stream(&stream).unwrap().text, "a b");
    let mut texts = vec![String::new(); 2];
    sse::Reader::default().push(&stream, |data| {
        let chunk: serde_json::Value = serde_json::from_slice(data).unwrap_or_default();
        if let Some(choice) = chunk["choices"].get(0) {
            let text = &mut texts[choice["index"].as_u64().unwrap() as usize];
            text.push_str(choice["delta"]["content"].as_str().unwrap_or("."));
        }
    });
    assert_eq!(texts, ["a b.", "c d."]);
}

#[test]
fn a_stream_without_its_end_is_no_answer() {
    let mut stream = completion::write_stream(&ENVELOPE, &answer("a b"), false);
    assert!(completion::read_stream(&stream).unwrap().is_trainable());
    stream.truncate(stream.len() - sse::DONE.len());
    assert_eq!(completion::read_stream(&stream), None);
}

#[test]
fn refusals_tool_calls_and_cut_answers_cannot_be_learnt() {
    let said =
        |choice: &str| completion::read_whole(format!(r#"{{"model":"m","choices":[{choice}]}}"#).as_bytes()).unwrap();
    assert!(said(r#"{"index":0,"message":{"content":"x"},"finish_reason":"stop"}"#).is_trainable());
    assert!(!said(r#"{"index":0,"message":{"content":"x"},"finish_reason":"length"}"#).is_trainable());
    assert!(!said(r#"{"index":0,"message":{"content":"x","refusal":"no"},"finish_reason":"stop"}"#).is_trainable());
    assert!(!said(r#"{"index":0,"message":{"content":"x","tool_calls":[{}]},"finish_reason":"stop"}"#).is_trainable());
}

proptest! {
    #[test]
    fn an_event_stream_reads_the_same_however_it_is_cut(text in "[ -~äß€\n]{0,80}", cuts in prop::collection::vec(1usize..20, 0..40)) {
        let stream = completion::write_stream(&ENVELOPE, &answer(&text), true);
        let mut reader = sse::Reader::default();
        let (mut whole, mut cut) = (Vec::new(), Vec::new());
        sse::Reader::default().push(&stream, |data| whole.push(data.to_vec()));
        let mut rest = stream.as_slice();
        for at in cuts {
            let (head, tail) = rest.split_at(at.min(rest.len()));
            reader.push(head, |data| cut.push(data.to_vec()));
            rest = tail;
        }
        reader.push(rest, |data| cut.push(data.to_vec()));
        prop_assert_eq!(&whole, &cut);
        prop_assert_eq!(completion::read_stream(&stream).unwrap().text, text);
    }

    #[test]
    fn any_line_end_ends_a_line(data in "[a-z]{1,9}") {
        for end in ["\n", "\r\n", "\r"] {
            let mut seen = Vec::new();
            sse::Reader::default().push(format!(": ping{end}{end}data: {data}{end}{end}").as_bytes(), |event| seen.push(event.to_vec()));
            prop_assert_eq!(&seen, &vec![data.clone().into_bytes()]);
        }
    }

    #[test]
    fn no_request_of_the_right_outline_makes_the_reader_panic(
        role in "user|assistant|system|developer|tool|x",
        content in prop_oneof![Just("null".to_owned()), "\"[a-z\\\\n]{0,9}\"", Just("[1]".into()), Just("[{\"type\":\"text\",\"text\":\"t\"}]".into()), "[{}0-9]{1,3}"],
        extra in prop_oneof![Just(String::new()), "(,\"(stop|seed|n|tools|max_tokens|response_format|temperature|top_k|min_p)\":(1|null|\"x\"|\\[\\]|\\{\\}))"],
    ) {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"{role}","content":{content}}}]{extra}}}"#);
        let Ok(request) = Api::Chat.parse(body.as_bytes()) else {
            // Only a content that is no JSON may make the body unreadable.
            prop_assert!(serde_json::from_str::<serde_json::Value>(&body).is_err(), "{}", body);
            return Ok(());
        };
        let asked = request.prompt(1, Sampling::Greedy);
        prop_assert!(asked.is_err() || request.turns().is_ok(), "{}", body);
        prop_assert!(role == "user" || asked.is_err(), "a prompt ends with the user's turn: {}", body);
    }
}

#[test]
fn a_conversation_that_ends_with_the_assistant_is_the_teachers() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]}"#;
    assert_eq!(eligible(body), Err(Ineligible::LastTurn));
    assert_eq!(eligible(r#"{"model":"m","messages":[]}"#), Err(Ineligible::LastTurn));
}

#[test]
fn a_written_request_is_read_back_as_it_was_meant() {
    let turn = |role, text: &str| crate::Turn { role, text: text.into() };
    let prompt = crate::Prompt {
        turns: vec![turn(Role::System, "s"), turn(Role::User, "u \"q\"")],
        max_tokens: 7,
        sampling: Sampling::Random { temperature: 0.5, top_p: 0.25, seed: Some(u64::MAX) },
        decoding: crate::Decoding { top_k: 7, min_p: 0.125, presence_penalty: 0.5, ..crate::Decoding::default() },
        stop: vec!["\n".into()],
        form: Form::Text,
        logprobs: None,
        choices: 1,
        within: None,
    };
    for form in [Form::Text, Form::JsonObject, Form::JsonSchema(r#"{"type":"object"}"#.to_owned())] {
        let prompt = crate::Prompt { form, ..prompt.clone() };
        let body = Api::Chat.write_request("gpt", &prompt);
        let request = Api::Chat.parse(&body).unwrap();
        let site = Sampling::Random { temperature: 0.5, top_p: 0.25, seed: None };
        assert_eq!((request.model.as_str(), request.prompt(1, site).unwrap()), ("gpt", prompt));
    }
}

#[test]
fn the_opening_is_the_system_texts_and_the_first_message_of_a_user_whatever_else_there_is() {
    let body = br#"{"model":"m","messages":[{"role":"system","content":"One."},{"role":"developer","content":[{"type":"text","text":"Two."}]},
        {"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}},{"type":"text","text":"Look, "},{"type":"text","text":"here."}]},
        {"role":"assistant","content":null,"tool_calls":[{}]},{"role":"tool","content":"7"},{"role":"user","content":"Later."}]}"#;
    let opening = Api::Chat.parse(body).unwrap().opening();
    assert_eq!((opening.system.as_str(), opening.user.as_str()), ("One.\nTwo.", "Look, here."));
    for odd in [
        r#"[]"#,
        r#"[7, null, {"role":"robot","content":"x"}, {"role":"user"}]"#,
        r#"[{"role":"user","content":{"a":1}}]"#,
    ] {
        let body = format!(r#"{{"model":"m","messages":{odd}}}"#);
        assert_eq!(Api::Chat.parse(body.as_bytes()).unwrap().opening(), crate::Opening::default());
    }
}

#[test]
fn tools_and_schema_are_known_by_name() {
    let body = br#"{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"buy"}}],
        "response_format":{"type":"json_schema","json_schema":{"name":"offer","schema":{}}}}"#;
    let request = Api::Chat.parse(body).unwrap();
    assert_eq!((request.tool_names(), request.schema_name().as_deref()), (vec!["buy".to_owned()], Some("offer")));
    let plain = Api::Chat.parse(br#"{"model":"m","messages":[],"tools":7,"response_format":{"type":"text"}}"#).unwrap();
    assert_eq!((plain.tool_names(), plain.schema_name()), (vec![], None));
}

#[test]
fn another_model_changes_no_other_byte() {
    let body = b"{ \"a\":2.50, \"model\" : \"apprentice::shop\" ,\"messages\":[ ],\"model2\":\"apprentice::shop\"}\n";
    let changed = Api::Chat.parse(body).unwrap().with_model(body, "gpt \"5\"").unwrap();
    assert_eq!(
        String::from_utf8(changed).unwrap(),
        "{ \"a\":2.50, \"model\" : \"gpt \\\"5\\\"\" ,\"messages\":[ ],\"model2\":\"apprentice::shop\"}\n"
    );
    assert_eq!(Api::Chat.parse(body).unwrap().with_model(b"short", "m"), None);
}

#[test]
fn what_an_answer_took_is_read_by_itself_as_with_all_else() {
    let whole = r#"{"model":"m-1","choices":[{"index":0,"message":{"content":"\"usage\":{\"prompt_tokens\":9}"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":3,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1},
        "completion_tokens_details":{"reasoning_tokens":1}}}"#;
    let spent = Api::Chat.read_spent(false, whole.as_bytes()).unwrap();
    let details = UsageDetails { cached_input: 1, reasoning: 1 };
    let usage = Some(Usage { prompt_tokens: 3, completion_tokens: 2 });
    assert_eq!(spent, Spent { model: "m-1".into(), usage, details });
    assert_eq!(Api::Chat.read(false, whole.as_bytes()).unwrap().spent, spent);
    // Also where what was said has a shape that nobody knows.
    let odd = r#"{"model":"m-1","choices":{"odd":true},"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
    assert_eq!(Api::Chat.read_spent(false, odd.as_bytes()).and_then(|spent| spent.usage), usage);
    let stream = format!("data: {}\n\ndata: [DONE]\n\n", whole.replace('\n', "").replace("message", "delta"));
    assert_eq!(Api::Chat.read_spent(true, stream.as_bytes()), Some(spent));
    assert_eq!(Api::Chat.read_spent(false, b"[]"), None);
}
