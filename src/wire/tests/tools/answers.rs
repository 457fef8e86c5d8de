//! Calls in answers: a teacher's read, a student's written.

use serde_json::{Value, json};

use super::{BOTH, CALL};
use crate::{
    Answer, Api, Called, CompletionSummary, Delivery, Envelope, Finish, Sampling, Signals, Usage, continuing, sse,
};

fn message(calls: &Value, content: &Value, finish: &str) -> CompletionSummary {
    let message = json!({"role": "assistant", "content": content, "refusal": null, "tool_calls": calls});
    let body = json!({"model": "t", "choices": [{"index": 0, "message": message, "finish_reason": finish}]});
    Api::Chat.read(false, body.to_string().as_bytes()).unwrap()
}

fn called(name: &str, arguments: &str) -> Value {
    json!({"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}})
}

#[test]
fn a_teachers_calls_are_learnt_as_their_text_where_the_arguments_are_an_object() {
    let (arguments, other) =
        ("{\"to\":\"Ann\" ,\n \"item\" : \"rope\"}", "{\"n\": 1.50e1, \"a\\\"b\" :\" x \\\\\", \"c\":[ ]}");
    let one = message(&json!([called("give_item", arguments)]), &Value::Null, "tool_calls");
    assert_eq!((one.text.as_str(), one.called, one.is_trainable()), (CALL, Called::Functions, true));
    // One that was demanded by name ends with `stop`.
    assert!(message(&json!([called("f", "{}")]), &Value::Null, "stop").is_trainable());
    let two = message(&json!([called("a", other), called("b", "{}")]), &json!("On it."), "tool_calls");
    let text = r#"{"content":"On it.","tool_calls":[{"name":"a","arguments":{"n":1.50e1,"a\"b":" x \\","c":[]}},{"name":"b","arguments":{}}]}"#;
    assert_eq!(two.text, text, "the order of keys and the spelling of numbers are the teacher's");
    for odd in [
        json!([called("f", "")]),
        json!([called("f", "[]")]),
        json!([called("f", "{\"a\":")]),
        json!([called("f", "{} {}")]),
        json!([called("", "{}")]),
        json!([{"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}]),
        json!([{"id": "c", "type": "new", "function": {"name": "f", "arguments": "{}"}}]),
        json!([called("f", "{}"), called("f", "7")]),
    ] {
        let said = message(&odd, &json!("x"), "tool_calls");
        assert_eq!((said.called, said.is_trainable(), said.text.as_str()), (Called::Other, false, "x"), "{odd}");
    }
    assert!(!message(&json!([called("f", "{}")]), &Value::Null, "length").is_trainable());
    let none = message(&json!([]), &json!("x"), "stop");
    assert_eq!((none.called, none.is_trainable()), (Called::Nothing, true));
    let former = json!({"choices": [{"message": {"content": "x", "function_call": {"name": "f", "arguments": "{}"}},
        "finish_reason": "stop"}]});
    assert!(!Api::Chat.read(false, former.to_string().as_bytes()).unwrap().is_trainable());
}

#[test]
fn a_teachers_streamed_calls_are_put_together() {
    let chunk = |delta: Value, finish: Value| {
        let choices = json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
        sse::event(&json!({"model": "t", "choices": choices}).to_string())
    };
    let piece = |index: u32, arguments: &str| {
        let call = json!({"index": index, "function": {"arguments": arguments}});
        chunk(json!({ "tool_calls": [call] }), Value::Null)
    };
    let begun = |index: u32, name: &str| {
        let function = json!({"name": name, "arguments": ""});
        let call = json!({"index": index, "id": "c", "type": "function", "function": function});
        chunk(json!({ "tool_calls": [call] }), Value::Null)
    };
    let stream = [
        chunk(json!({"role": "assistant", "content": null}), Value::Null),
        begun(0, "give_item"),
        piece(0, "{\"to\""),
        piece(0, ":\"Ann\","),
        begun(1, "look"),
        piece(1, "{"),
        piece(0, "\"item\":\"rope\"}"),
        piece(1, "}"),
        chunk(json!({}), json!("tool_calls")),
        sse::DONE.to_owned(),
    ];
    let summary = Api::Chat.read(true, stream.concat().as_bytes()).unwrap();
    assert_eq!(summary.text, CALL.replace("}]}", r#"},{"name":"look","arguments":{}}]}"#));
    assert!(summary.is_trainable());
}

fn answer(text: &str) -> Answer {
    let usage = Usage { prompt_tokens: 3, completion_tokens: 2 };
    Answer::new(text, Finish::Stop.of_callable(text), usage, Signals::default())
}

fn written(api: Api, stream: bool, answer: &Answer) -> String {
    let envelope = Envelope { id: "7", created_s: 9, model: "m", asked: br#"{"model":"m","input":"x"}"# };
    String::from_utf8(api.write(Delivery { stream, include_usage: false }, &envelope, answer).1).unwrap()
}

fn whole(api: Api, answer: &Answer) -> Value {
    serde_json::from_str(&written(api, false, answer)).unwrap()
}

fn events(api: Api, answer: &Answer) -> Vec<Value> {
    let stream = written(api, true, answer);
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[test]
fn a_students_calls_go_out_in_the_shape_of_chat_completions() {
    let calls = json!([{"id": "call_7_0_0", "type": "function",
        "function": {"name": "give_item", "arguments": "{\"to\":\"Ann\",\"item\":\"rope\"}"}}]);
    let message = json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": calls});
    let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": "tool_calls"});
    let told = Answer { logprobs: Some(Vec::new()), ..answer(CALL) };
    assert_eq!(whole(Api::Chat, &told)["choices"], json!([choice]));
    let body = whole(Api::Chat, &Answer { further: vec![answer("Text."), answer(BOTH)], ..answer(CALL) });
    assert_eq!(body["choices"][1]["message"], json!({"role": "assistant", "content": "Text.", "refusal": null}));
    let last = &body["choices"][2]["message"];
    assert_eq!((&last["content"], &last["tool_calls"][1]["id"]), (&json!("Of course."), &json!("call_7_2_1")));
}

#[test]
fn a_streamed_call_says_the_role_then_each_call_then_the_finish() {
    let deltas = |text: &str| -> Vec<(Value, Value)> {
        let choices = events(Api::Chat, &answer(text)).into_iter().map(|event| event["choices"][0].clone());
        choices.map(|choice| (choice["delta"].clone(), choice["finish_reason"].clone())).collect()
    };
    let of = |delta: Value| (json!({"tool_calls": [delta]}), Value::Null);
    let begun = |index: u32, name: &str| {
        let function = json!({"name": name, "arguments": ""});
        of(json!({"index": index, "id": format!("call_7_0_{index}"), "type": "function", "function": function}))
    };
    let piece = |index: u32, arguments: &str| of(json!({"index": index, "function": {"arguments": arguments}}));
    let finish = || (json!({}), json!("tool_calls"));
    let role = |content: Value| (json!({"role": "assistant", "content": content}), Value::Null);
    let arguments = r#"{"to":"Ann","item":"rope"}"#;
    assert_eq!(deltas(CALL), [role(Value::Null), begun(0, "give_item"), piece(0, arguments), finish()]);
    let said = |text: &str| (json!({"content": text}), Value::Null);
    let expected = [role(json!("")), said("Of "), said("course."), begun(0, "a"), piece(0, r#"{"b":"c "#)];
    let rest = [piece(0, r#"d"}"#), begun(1, "look"), piece(1, "{}"), finish()];
    assert_eq!(deltas(BOTH), [&expected[..], &rest].concat());
}

#[test]
fn a_students_calls_are_items_of_a_response() {
    let body = whole(Api::Responses, &answer(BOTH));
    let call = |at: u32, name: &str, arguments: &str| {
        json!({"id": format!("fc_7_{at}"), "type": "function_call", "status": "completed",
            "call_id": format!("call_7_0_{at}"), "name": name, "arguments": arguments})
    };
    assert_eq!((&body["status"], &body["incomplete_details"]), (&json!("completed"), &Value::Null));
    let output = body["output"].as_array().unwrap();
    assert_eq!(output[0]["content"][0]["text"], "Of course.");
    assert_eq!(output[1..], [call(0, "a", r#"{"b":"c d"}"#), call(1, "look", "{}")]);
    let only = whole(Api::Responses, &answer(CALL));
    assert_eq!(only["output"], json!([call(0, "give_item", r#"{"to":"Ann","item":"rope"}"#)]));
}

#[test]
fn the_events_of_a_call_come_in_the_documented_order() {
    let stream = events(Api::Responses, &answer(BOTH));
    for (at, event) in stream.iter().enumerate() {
        assert_eq!(event["sequence_number"], at);
    }
    let name = |event: &Value| {
        let name = event["type"].as_str().unwrap().strip_prefix("response.").unwrap().to_owned();
        event["output_index"].as_u64().map_or_else(|| name.clone(), |index| format!("{name} {index}"))
    };
    let told: Vec<String> = stream.iter().map(name).collect();
    let message = ["output_item.added 0", "content_part.added 0", "output_text.delta 0", "output_text.delta 0"];
    let message_end = ["output_text.done 0", "content_part.done 0", "output_item.done 0"];
    let call = |at: u32, pieces: usize| -> Vec<String> {
        let name = |name: &str| format!("{name} {at}");
        let deltas = vec![name("function_call_arguments.delta"); pieces];
        let end = vec![name("function_call_arguments.done"), name("output_item.done")];
        [vec![name("output_item.added")], deltas, end].concat()
    };
    let mut expected: Vec<String> =
        ["created", "in_progress"].into_iter().chain(message).chain(message_end).map(str::to_owned).collect();
    expected.extend(call(1, 2).into_iter().chain(call(2, 1)).chain(["completed".to_owned()]));
    assert_eq!(told, expected);
    let (added, done) = (&stream[9]["item"], &stream[13]["item"]);
    assert_eq!((&added["status"], &added["arguments"]), (&json!("in_progress"), &json!("")));
    assert_eq!((&added["call_id"], &added["id"]), (&done["call_id"], &stream[10]["item_id"]));
    assert_eq!(stream[12]["arguments"], r#"{"b":"c d"}"#);
    assert_eq!(*done, stream.last().unwrap()["response"]["output"][1]);
}

#[test]
fn what_a_student_writes_is_read_as_it_was_written() {
    for (api, stream) in [(Api::Chat, false), (Api::Chat, true), (Api::Responses, false), (Api::Responses, true)] {
        for text in [CALL, BOTH, "Just text.", r#"{"a":1}"#] {
            let body = written(api, stream, &answer(text));
            let said = api.read(stream, body.as_bytes()).unwrap();
            let calls = answer(text).finish == Finish::ToolCalls;
            let called = if calls { Called::Functions } else { Called::Nothing };
            assert_eq!((said.text.as_str(), said.called), (text, called), "{api:?} {stream}");
        }
    }
}

#[test]
fn what_begins_like_a_call_and_is_none_was_cut_off() {
    for (text, finish) in [
        (CALL, Finish::ToolCalls),
        (BOTH, Finish::ToolCalls),
        (r#" { "tool_calls" : [ {"name":"f", "arguments" : { } } ] } "#, Finish::ToolCalls),
        (CALL.get(..30).unwrap(), Finish::Length),
        (r#"{"tool_calls":[]}"#, Finish::Length),
        (r#"{ "tool_calls": 7}"#, Finish::Length),
        (r#"{"content":"half a te"#, Finish::Length),
        (r#"{"content":"a form of its own"}"#, Finish::Stop),
        (r#"{"a":1,"tool_calls":[]}"#, Finish::Stop),
        ("tool_calls", Finish::Stop),
        ("", Finish::Stop),
    ] {
        assert_eq!(Finish::Stop.of_callable(text), finish, "{text}");
        assert_eq!(Finish::Length.of_callable(text), Finish::Length);
    }
}

#[test]
fn a_students_call_is_told_to_whoever_goes_on_with_it() {
    let first = Api::Responses.parse(br#"{"model":"m","input":"Rope!"}"#).unwrap();
    let said = continuing::conversation(&first, "7", &answer(BOTH)).unwrap();
    let body = br#"{"model":"m","previous_response_id":"resp_7","input":[
        {"type":"function_call_output","call_id":"call_7_0_1","output":"a cave"},
        {"type":"function_call_output","call_id":"call_7_0_0","output":"ok"}]}"#;
    let alone = continuing::alone(&Api::Responses.parse(body).unwrap(), body, &said).unwrap();
    let prompt = Api::Responses.parse(&alone).unwrap().prompt(1, Sampling::Greedy).unwrap();
    let texts: Vec<&str> = prompt.turns.iter().map(|turn| turn.text.as_str()).collect();
    assert_eq!(texts, ["Rope!", BOTH, "Result of look: a cave", "Result of a: ok"]);
    // Ids of items are the teacher's own.
    let items: Value = serde_json::from_slice(&alone).unwrap();
    assert!(items["input"].as_array().unwrap().iter().all(|item| item.get("id").is_none()), "{items}");
}
