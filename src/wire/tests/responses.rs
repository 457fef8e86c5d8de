//! Responses, held against the shapes that OpenAI documents.

use serde_json::{Value, json};

use crate::{
    Answer, Api, Called, CompletionSummary, Delivery, Envelope, Finish, Form, Ineligible, Prompt, Role, Sampling,
    Signals, Turn, Usage, sse,
};

fn prompt(body: &str) -> Result<Prompt, Ineligible> {
    Api::Responses.parse(body.as_bytes()).unwrap().prompt(64, Sampling::Greedy)
}

/// What comes of a plain request that also says `extra`.
fn with(extra: &str) -> Result<usize, Ineligible> {
    prompt(&format!(r#"{{"model":"m","input":"x"{extra}}}"#)).map(|prompt| prompt.turns.len())
}

/// What comes of these items.
fn items(items: &str) -> Result<Vec<Turn>, Ineligible> {
    prompt(&format!(r#"{{"model":"m","input":{items}}}"#)).map(|prompt| prompt.turns)
}

#[test]
fn paths_below_a_response_are_no_api_of_their_own() {
    assert_eq!(Api::of_path("/v1/responses"), Some(Api::Responses));
    for other in ["/v1/responses/", "/v1/responses/resp_1", "/v1/responses/resp_1/cancel", "/v1/responsesx"] {
        assert_eq!(Api::of_path(other), None);
    }
    assert_eq!(
        (serde_json::to_value(Api::Responses).unwrap(), Api::Responses.label()),
        (json!("responses"), "responses")
    );
}

#[test]
fn instructions_texts_and_items_are_one_conversation() {
    let asked = prompt(
        r#"{"model":"m","instructions":"Be \"kind\".","max_output_tokens":9,"input":[
        {"role":"developer","content":"And brief."},
        {"type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]},
        {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"x"},
        {"type":"message","id":"msg_1","role":"assistant","status":"completed","phase":"final_answer",
         "content":[{"type":"output_text","text":"c","annotations":[]}]},
        {"role":"user","content":"d"}]}"#,
    )
    .unwrap();
    let turn = |role, text: &str| Turn::new(role, text);
    assert_eq!(asked.max_tokens, 9);
    assert_eq!(
        asked.turns,
        [
            turn(Role::System, "Be \"kind\"."),
            turn(Role::System, "And brief."),
            turn(Role::User, "ab"),
            turn(Role::Assistant, "c"),
            turn(Role::User, "d")
        ]
    );
    assert_eq!(prompt(r#"{"model":"m","input":"Hi","instructions":""}"#).unwrap().turns, [turn(Role::User, "Hi")]);
    assert_eq!(prompt(r#"{"model":"m","input":"Hi","instructions":null}"#).unwrap().max_tokens, 64);
}

#[test]
fn what_a_student_cannot_honour_is_the_teachers_by_name() {
    for (extra, field) in [
        (r#""previous_response_id":"resp_1""#, "previous_response_id"),
        (r#""conversation":"conv_1""#, "conversation"),
        (r#""conversation":{"id":"conv_1"}"#, "conversation"),
        (r#""prompt":{"id":"pmpt_1"}"#, "prompt"),
        (r#""background":true"#, "background"),
        (r#""tools":[{"type":"web_search"}]"#, "tools.web_search"),
        (r#""tools":[{"type":"function","name":"f"},{"type":"custom","name":"g"}]"#, "tools.custom"),
        (r#""tool_choice":"required""#, "tool_choice"),
        (r#""tool_choice":{"type":"function","name":"f"}"#, "tool_choice"),
        (r#""include":["message.output_text.logprobs"],"top_logprobs":21"#, "top_logprobs"),
        (r#""include":["reasoning.encrypted_content","never.heard.of"]"#, "include"),
        (r#""include":"all""#, "include"),
        (r#""text":{"format":{"type":"json_schema","name":"n"}}"#, "text.format"),
        (r#""text":{"format":{"type":"grammar"}}"#, "text.format"),
        (r#""text":{"format":7}"#, "text.format"),
        (r#""text":{"colour":"red"}"#, "text.colour"),
        (r#""text":"plain""#, "text"),
        (r#""reasoning":{"effort":"low","summary":"auto"}"#, "reasoning.summary"),
        (r#""prompt_cache_options":{"prewarm":true}"#, "prompt_cache_options.prewarm"),
        (r#""stream_options":{"include_usage":true}"#, "stream_options.include_usage"),
        (r#""top_logprobs":3"#, "top_logprobs"),
        (r#""context_management":[{"type":"compaction"}]"#, "context_management"),
        (r#""moderation":{"model":"omni-moderation-latest"}"#, "moderation"),
        (r#""max_output_tokens":"many""#, "max_output_tokens"),
        (r#""instructions":["x"]"#, "instructions"),
        (r#""messages":[]"#, "messages"),
        (r#""stop":["\n"]"#, "stop"),
        (r#""future_field":1"#, "future_field"),
    ] {
        assert_eq!(with(&format!(",{extra}")), Err(Ineligible::Field(field.into())), "{extra}");
    }
    assert_eq!(prompt(r#"{"input":"x"}"#), Err(Ineligible::Field("model".into())));
}

#[test]
fn the_form_of_an_answer_is_read() {
    let form = |text: &str| prompt(&format!(r#"{{"model":"m","input":"x","text":{text}}}"#)).map(|prompt| prompt.form);
    assert_eq!(form(r#"{"format":{"type":"text"}}"#), Ok(Form::Text));
    assert_eq!(form(r#"{"format":{"type":"json_object"}}"#), Ok(Form::JsonObject));
    let schema = r#"{ "type":"object" }"#;
    let format = format!(r#"{{"format":{{"type":"json_schema","name":"n","strict":true,"schema":{schema}}}}}"#);
    assert_eq!(form(&format), Ok(Form::JsonSchema(schema.to_owned())));
}

#[test]
fn what_says_what_holds_without_it_changes_nothing() {
    for same in [
        "",
        r#","previous_response_id":null,"conversation":null,"prompt":null,"background":false,"include":null"#,
        r#","tools":[],"tool_choice":"auto","parallel_tool_calls":true,"max_tool_calls":3,"top_logprobs":0"#,
        r#","text":{"format":{"type":"text"},"verbosity":"low"},"truncation":"auto","service_tier":"auto""#,
        r#","reasoning":{"effort":"minimal","summary":null},"include":["reasoning.encrypted_content"]"#,
        r#","store":true,"metadata":{},"user":"u","safety_identifier":"s","prompt_cache_key":"k","context_management":[ ]"#,
        r#","temperature":0.5,"top_p":1,"stream":false,"stream_options":{"include_obfuscation":false},"future":null"#,
        r#","prompt_cache_retention":"24h","prompt_cache_options":{"mode":"implicit","ttl":"30m"},"text":null,"tools":null"#,
    ] {
        assert_eq!(with(same), Ok(1), "{same}");
    }
}

#[test]
fn only_conversations_of_texts_that_end_with_the_user_are_a_students() {
    let content = |what: &str| Err(Ineligible::Content(what.into()));
    for (input, expected) in [
        (r#"[{"type":"function_call_output","call_id":"c","output":"7"}]"#, Err(Ineligible::Messages)),
        (r#"[{"type":"custom_tool_call_output","call_id":"c","output":"7"}]"#, content("custom_tool_call_output")),
        (r#"[{"type":"item_reference","id":"msg_1"}]"#, content("item_reference")),
        (r#"[{"role":"user","content":[{"type":"input_image","image_url":"x"}]}]"#, content("input_image")),
        (r#"[{"role":"user","content":[{"type":"input_file","file_id":"x"}]}]"#, content("input_file")),
        (r#"[{"role":"assistant","content":[{"type":"refusal","refusal":"no"}]}]"#, content("refusal")),
        (r#"[{"role":"user","content":[{"type":"text","text":"chat's"}]}]"#, content("text")),
        (r#"[{"role":"critic","content":"x"}]"#, content("role-critic")),
        (r#"[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]"#, Err(Ineligible::LastTurn)),
        ("[]", Err(Ineligible::LastTurn)),
        (r#"[{"role":"user"}]"#, Err(Ineligible::Messages)),
        (r#"[{"role":"user","content":{"a":1}}]"#, Err(Ineligible::Messages)),
        (r#"[{"content":"x"}]"#, Err(Ineligible::Messages)),
        ("[7]", Err(Ineligible::Messages)),
        ("7", Err(Ineligible::Messages)),
        ("null", Err(Ineligible::Messages)),
        ("{}", Err(Ineligible::Messages)),
    ] {
        assert_eq!(items(input), expected, "{input}");
    }
    assert_eq!(prompt(r#"{"model":"m"}"#), Err(Ineligible::Messages));
}

#[test]
fn the_call_site_shows_in_what_the_request_says_of_itself() {
    let body = br#"{"input":[{"role":"system","content":"Two."},
        {"role":"user","content":[{"type":"input_image","image_url":"x"},{"type":"input_text","text":"Look, "},
         {"type":"input_text","text":"here."}]},{"type":"function_call","name":"f"},{"role":"user","content":"Later."}],
        "instructions":"One.","metadata":{"apprentice_site":"shop"},"prompt":{"id":"pmpt_1","variables":{}},
        "safety_identifier":"someone","tools":[{"type":"function","name":"buy"},{"type":"web_search"}],
        "text":{"format":{"type":"json_schema","name":"offer","schema":{}}}}"#;
    let request = Api::Responses.parse(body).unwrap();
    let opening = request.opening();
    assert_eq!((opening.system.as_str(), opening.user.as_str()), ("One.\nTwo.", "Look, here."));
    assert_eq!(request.tool_names(), ["buy", "web_search"]);
    assert_eq!(request.format(), Some(r#"{"type":"json_schema","name":"offer","schema":{}}"#));
    assert_eq!((request.schema_name().as_deref(), request.user().as_deref()), (Some("offer"), Some("someone")));
    assert_eq!(
        (request.metadata["apprentice_site"].as_str(), request.stored_prompt.as_deref()),
        ("shop", Some("pmpt_1"))
    );
    assert_eq!(request.model, "");
    for plain in
        [r#"{"text":{"format":{"type":"text"}}}"#, r#"{"text":{}}"#, r#"{"text":3}"#, "{}", r#"{"prompt":"x"}"#]
    {
        let request = Api::Responses.parse(plain.as_bytes()).unwrap();
        assert_eq!(
            (request.format(), request.schema_name(), request.stored_prompt.clone()),
            (None, None, None),
            "{plain}"
        );
        assert_eq!(request.opening(), crate::Opening::default());
    }
    let text = Api::Responses.parse(br#"{"input":"Hello","stream":true}"#).unwrap();
    assert_eq!((text.opening().user.as_str(), text.delivery.stream), ("Hello", true));
}

#[test]
fn a_response_is_kept_unless_it_says_otherwise() {
    for (store, kept) in [
        ("", true),
        (r#""store":null,"#, true),
        (r#""store":true,"#, true),
        (r#""store":false,"#, false),
        (r#""store":"true","#, false),
        (r#""store":1,"#, false),
        (r#""store":false,"store":true,"#, false),
        (r#""st\u006fre":false,"#, false),
    ] {
        let body = format!(r#"{{{store}"model":"m","input":"x"}}"#);
        assert_eq!(Api::Responses.parse(body.as_bytes()).unwrap().may_be_kept(), kept, "{store}");
        let odd = body.replace(r#""model":"m""#, r#""model":7"#);
        assert!(Api::Responses.parse(odd.as_bytes()).is_err());
        assert_eq!(crate::may_be_kept(odd.as_bytes()), kept, "{store}");
    }
}

/// The example of OpenAI's reference, but for the text.
const DOCUMENTED: &str = r#"{
  "id": "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b", "object": "response", "created_at": 1741476542,
  "status": "completed", "error": null, "incomplete_details": null, "instructions": null, "max_output_tokens": null,
  "model": "gpt-4.1-2025-04-14",
  "output": [{"type": "message", "id": "msg_67ccd2bf17f0819081ff3bb2cf6508e60bb6a6b452d3795b", "status": "completed",
    "role": "assistant", "content": [{"type": "output_text", "text": "In a peaceful grove,", "annotations": []},
    {"type": "output_text", "text": " a unicorn.", "annotations": []}]}],
  "parallel_tool_calls": true, "previous_response_id": null, "reasoning": {"effort": null, "summary": null},
  "store": true, "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
  "top_p": 1.0, "truncation": "disabled",
  "usage": {"input_tokens": 36, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 87,
    "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 123},
  "user": null, "metadata": {}}"#;

fn read(body: &str) -> Option<CompletionSummary> {
    Api::Responses.read(false, body.as_bytes())
}

/// The documented response with other fields.
fn documented(other: Value) -> String {
    let mut response: Value = serde_json::from_str(DOCUMENTED).unwrap();
    response.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    response.to_string()
}

#[test]
fn a_whole_response_is_read() {
    let said = read(DOCUMENTED).unwrap();
    let usage = Usage { prompt_tokens: 36, completion_tokens: 87 };
    assert_eq!((said.text.as_str(), said.spent.usage), ("In a peaceful grove, a unicorn.", Some(usage)));
    assert_eq!((said.spent.model.as_str(), said.is_trainable()), ("gpt-4.1-2025-04-14", true));
    // What it took is read the same way where nobody asks what it said.
    assert_eq!(Api::Responses.read_spent(false, DOCUMENTED.as_bytes()), Some(said.spent));
}

#[test]
fn only_plain_texts_that_are_done_can_be_learnt() {
    let message = |content: Value| json!({"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": content});
    let text = message(json!([{"type": "output_text", "text": "x", "annotations": []}]));
    let reasoning = json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "content": [{"type": "reasoning_text", "text": "hm"}]});
    let said = |other: Value| read(&documented(other)).unwrap();
    let plain = said(json!({"output": [reasoning, text]}));
    assert_eq!((plain.text.as_str(), plain.is_trainable()), ("x", true), "what it thought is no part of what it said");
    let call = json!({"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}", "status": "completed"});
    let search = json!({"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {}});
    let called = said(json!({"output": [call, text]}));
    assert_eq!((called.called, called.finish.as_deref()), (Called::Functions, Some("tool_calls")));
    assert_eq!(called.text, r#"{"content":"x","tool_calls":[{"name":"f","arguments":{}}]}"#);
    assert!(called.is_trainable());
    for tools in [json!([search, text]), json!([call, search])] {
        let called = said(json!({"output": tools}));
        assert_eq!((called.called, called.finish.as_deref()), (Called::Other, Some("tool_calls")));
        assert!(!called.is_trainable() && !called.is_refusal());
    }
    let refused = said(json!({"output": [message(json!([{"type": "refusal", "refusal": "no"}]))]}));
    assert!(refused.is_refusal() && !refused.is_trainable());
    let cut = |reason: &str| said(json!({"status": "incomplete", "incomplete_details": {"reason": reason}}));
    assert_eq!(
        (cut("max_output_tokens").finish.as_deref(), cut("max_output_tokens").is_refusal()),
        (Some("length"), false)
    );
    assert!(cut("content_filter").is_refusal() && !cut("content_filter").is_trainable());
    assert!(!said(json!({"output": []})).is_trainable());
    for status in ["failed", "cancelled", "queued", "in_progress", "new"] {
        assert_eq!(read(&documented(json!({"status": status}))), None, "{status}");
    }
    let odd = message(json!([{"type": "hologram", "text": "x"}]));
    assert_eq!(read(&documented(json!({"output": [odd]}))), None);
    for other in [r#"{"error":{"message":"m","type":"t","param":null,"code":null}}"#, "[]", "<html>", ""] {
        assert_eq!(read(other), None);
    }
}

/// A stream of these events, named as the documents name them.
fn stream(events: &[Value]) -> String {
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect()
}

#[test]
fn a_stream_says_what_its_last_event_says() {
    let response: Value = serde_json::from_str(DOCUMENTED).unwrap();
    let begun = json!({"type": "response.created", "sequence_number": 0, "response": {"id": "r", "status": "in_progress", "output": [], "usage": null}});
    let delta = json!({"type": "response.output_text.delta", "sequence_number": 1, "item_id": "m", "output_index": 0, "content_index": 0, "delta": "In", "logprobs": [], "obfuscation": "x9"});
    let unknown = json!({"type": "response.hologram.done", "sequence_number": 2});
    let done = json!({"type": "response.completed", "sequence_number": 3, "response": response});
    let of = |events: &[&Value]| {
        let events: Vec<Value> = events.iter().map(|event| (*event).clone()).collect();
        Api::Responses.read(true, stream(&events).as_bytes())
    };
    let whole = of(&[&begun, &delta, &unknown, &done]);
    assert_eq!(whole, read(DOCUMENTED));
    let ended_like_chat = stream(&[begun.clone(), done.clone()]) + sse::DONE;
    assert_eq!(Api::Responses.read(true, ended_like_chat.as_bytes()), whole);
    assert_eq!(of(&[&begun, &delta]), None, "without its last event");
    let error = json!({"type": "error", "code": "server_error", "message": "m", "param": null, "sequence_number": 2});
    let failed =
        json!({"type": "response.failed", "sequence_number": 2, "response": {"status": "failed", "output": []}});
    for end in [&error, &failed] {
        assert_eq!(of(&[&begun, &delta, end]), None);
        assert_eq!(of(&[&begun, end, &done]), None);
    }
    let cut = json!({"type": "response.incomplete", "sequence_number": 2, "response": {"status": "incomplete", "model": "m", "output": [], "incomplete_details": {"reason": "max_output_tokens"}}});
    assert_eq!(of(&[&begun, &cut]).unwrap().finish.as_deref(), Some("length"));
    let whole = stream(&[begun, done]);
    assert_eq!(Api::Responses.read(true, &whole.as_bytes()[..whole.len() - 1]), None, "the last event did not end");
    assert_eq!(Api::Responses.read(true, format!("data: {{\"odd\"\n\n{whole}").as_bytes()), None);
    assert_eq!(Api::Chat.read(true, whole.as_bytes()), None, "it is no stream of chunks");
    assert_eq!(Api::Responses.read(true, DOCUMENTED.as_bytes()), None, "a whole response is no stream");
}

fn answer(text: &str, finish: Finish) -> Answer {
    let usage = Usage { prompt_tokens: 3, completion_tokens: 2 };
    Answer::new(text, finish, usage, Signals::default())
}

const ASKED: &str = r#"{"model":"gpt","input":"x","instructions":"Be brief.","metadata":{"a":"b"},"temperature":0.5,
    "max_output_tokens":50,"store":false,"user":"u","text":{"verbosity":"low"},"reasoning":{"effort":"low"},"tools":null}"#;

fn written(stream: bool, answer: &Answer, asked: &str) -> String {
    let envelope = Envelope { id: "1", created_s: 5, model: "gpt", asked: asked.as_bytes() };
    let delivery = Delivery { stream, include_usage: false };
    let (content_type, body) = Api::Responses.write(delivery, &envelope, answer);
    assert_eq!(content_type, if stream { "text/event-stream" } else { "application/json" });
    String::from_utf8(body).unwrap()
}

#[test]
fn a_students_response_has_every_field_and_repeats_what_it_was_asked_with() {
    let body = written(false, &answer("a b", Finish::Stop), ASKED);
    let expected = json!({
        "id": "resp_1", "object": "response", "created_at": 5, "status": "completed", "error": null,
        "incomplete_details": null, "model": "gpt",
        "output": [{"id": "msg_1", "type": "message", "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": "a b"}]}],
        "usage": {"input_tokens": 3, "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
            "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 5},
        "background": false, "instructions": "Be brief.", "max_output_tokens": 50, "max_tool_calls": null,
        "metadata": {"a": "b"}, "parallel_tool_calls": true, "previous_response_id": null, "prompt_cache_key": null,
        "reasoning": {"effort": "low"}, "safety_identifier": null, "store": false, "temperature": 0.5,
        "text": {"verbosity": "low", "format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
        "top_logprobs": 0, "top_p": null, "truncation": "disabled", "user": "u",
    });
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
    assert!(read(&body).unwrap().is_trainable());
    let cut: Value = serde_json::from_str(&written(false, &answer("a", Finish::Length), "no json")).unwrap();
    assert_eq!(
        (&cut["status"], &cut["incomplete_details"]),
        (&json!("incomplete"), &json!({"reason": "max_output_tokens"}))
    );
    assert_eq!(
        (&cut["output"][0]["status"], &cut["text"]),
        (&json!("incomplete"), &json!({"format": {"type": "text"}}))
    );
}

/// The events of a stream, each held against its name and its number.
fn events(stream: &str) -> Vec<Value> {
    let blocks = stream.strip_suffix("\n\n").unwrap().split("\n\n").enumerate();
    blocks
        .map(|(number, block)| {
            let (name, data) = block.split_once('\n').unwrap();
            let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
            assert_eq!(data["sequence_number"], number);
            data
        })
        .collect()
}

#[test]
fn a_students_stream_is_the_documented_sequence() {
    let stream = written(true, &answer("a b", Finish::Stop), ASKED);
    let events = events(&stream);
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed"
        ]
    );
    let whole: Value = serde_json::from_str(&written(false, &answer("a b", Finish::Stop), ASKED)).unwrap();
    assert_eq!(events[9]["response"], whole);
    for begun in &events[..2] {
        let response = &begun["response"];
        assert_eq!((&response["status"], &response["output"]), (&json!("in_progress"), &json!([])));
        assert!(response["usage"].is_null() && response["incomplete_details"].is_null());
        assert_eq!((&response["id"], &response["instructions"]), (&whole["id"], &whole["instructions"]));
    }
    let item = |status: &str, content: Value| json!({"id": "msg_1", "type": "message", "status": status, "role": "assistant", "content": content});
    assert_eq!(
        events[2],
        json!({"type": types[2], "sequence_number": 2, "output_index": 0, "item": item("in_progress", json!([]))})
    );
    let part = |text: &str| json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text});
    assert_eq!(
        events[3],
        json!({"type": types[3], "sequence_number": 3, "item_id": "msg_1", "output_index": 0, "content_index": 0, "part": part("")})
    );
    assert_eq!(
        events[4],
        json!({"type": types[4], "sequence_number": 4, "item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": [], "delta": "a "})
    );
    assert_eq!(
        events[6],
        json!({"type": types[6], "sequence_number": 6, "item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": [], "text": "a b"})
    );
    assert_eq!(events[7]["part"], part("a b"));
    assert_eq!(events[8]["item"], whole["output"][0]);
    assert_eq!(Api::Responses.read(true, stream.as_bytes()), read(&whole.to_string()));
    assert!(!stream.contains("[DONE]"));
}

#[test]
fn a_students_stream_that_was_cut_short_says_so() {
    let events = events(&written(true, &answer("a b", Finish::Length), ASKED));
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["response"]["status"]), (&json!("response.incomplete"), &json!("incomplete")));
    assert_eq!(events[events.len() - 2]["item"]["status"], "incomplete");
}

#[test]
fn a_written_request_is_read_back_as_it_was_meant() {
    let turns = vec![Turn::new(Role::System, "s"), Turn::new(Role::User, "u \"q\""), Turn::new(Role::Assistant, "a")];
    let turns = [turns, vec![Turn::new(Role::User, "v")]].concat();
    let sampling = Sampling::Random { temperature: 0.5, top_p: 0.25, seed: None };
    let prompt = Prompt::new(turns, 7, sampling);
    let body = Api::Responses.write_request("gpt", &prompt);
    let request = Api::Responses.parse(&body).unwrap();
    assert_eq!((request.model.as_str(), request.prompt(1, sampling).unwrap()), ("gpt", prompt));
}

#[test]
fn a_request_that_continues_one_can_be_put_so_that_it_stands_alone() {
    let parse = |body: &'static [u8]| Api::Responses.parse(body).unwrap();
    let first = parse(br#"{"model":"m","instructions":"Not carried over.","input":"Who \"are\" you?"}"#);
    let said = crate::continuing::conversation(&first, "1", &answer("A \"smith\".", Finish::Stop)).unwrap();
    let body = b"{ \"input\" : [ {\"role\":\"user\",\"content\":\"And I?\"} ],\n\"odd\":2.50,\"previous_response_id\":\"resp_1\", \"model\":\"m\"}";
    let second = parse(body);
    assert_eq!(crate::continuing::previous(&second).as_deref(), Some("resp_1"));
    let alone = crate::continuing::alone(&second, body, &said).unwrap();
    let expected = "{ \"input\" : [{\"role\":\"user\",\"content\":\"Who \\\"are\\\" you?\"},{\"role\":\"assistant\",\"content\":\"A \\\"smith\\\".\"},{\"role\":\"user\",\"content\":\"And I?\"}],\n\"odd\":2.50,\"previous_response_id\":null, \"model\":\"m\"}";
    assert_eq!(String::from_utf8(alone).unwrap(), expected);
    let whole = Api::Responses.parse(expected.as_bytes()).unwrap();
    assert_eq!(whole.turns().unwrap().len(), 3);
    let thrice = crate::continuing::conversation(&whole, "2", &answer("x", Finish::Stop)).unwrap();
    assert!(thrice.starts_with(&said) && thrice.ends_with(r#"{"role":"assistant","content":"x"}"#), "{thrice}");
    for nothing in [r#"{"previous_response_id":null}"#, r#"{"previous_response_id":7}"#, "{}"] {
        assert_eq!(crate::continuing::previous(&Api::Responses.parse(nothing.as_bytes()).unwrap()), None);
    }
    for odd in [
        r#"{"previous_response_id":"r"}"#,
        r#"{"previous_response_id":"r","input":[]}"#,
        r#"{"previous_response_id":"r","input":7}"#,
    ] {
        let request = Api::Responses.parse(odd.as_bytes()).unwrap();
        assert_eq!(crate::continuing::alone(&request, odd.as_bytes(), &said), None, "{odd}");
        assert_eq!(crate::continuing::conversation(&request, "3", &answer("x", Finish::Stop)), None, "{odd}");
    }
}

proptest::proptest! {
    #[test]
    fn no_request_of_the_right_outline_makes_the_reader_panic(
        input in "(\"[a-z]{0,3}\"|null|7|\\{\\}|\\[(\\{\"(role|type|content)\":(\"(user|message|x)\"|null|\\[\\{\"type\":\"input_text\"\\}\\])\\}|7|null)?\\])",
        extra in "(,\"(text|tools|include|reasoning|instructions|prompt|stream_options|metadata|stored)\":(1|null|\"x\"|\\[\\]|\\[1\\]|\\{\\}|\\{\"a\":1\\}))?",
    ) {
        let body = format!(r#"{{"model":"m","input":{input}{extra}}}"#);
        let request = Api::Responses.parse(body.as_bytes()).unwrap();
        let asked = request.prompt(1, Sampling::Greedy);
        proptest::prop_assert!(asked.is_err() || request.turns().is_ok(), "{}", body);
        drop(request.opening());
        drop(request.tool_names());
    }
}
