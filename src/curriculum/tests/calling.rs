//! Exchanges whose teacher calls functions.

use dataset::ChatExample;
use serde_json::{Value, json};
use wire::{Api, Form, Sampling};

use super::{ALL_TRAIN, built, exchange};
use crate::*;

const ASKED: &str = r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"A rope!"},
    {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"look","arguments":"{ }"}}]},
    {"role":"tool","tool_call_id":"c1","content":"a rope"}],
    "tools":[{"type":"function","function":{"name":"look"}},{"type":"function","function":{"name":"give","description":"Gives.",
      "parameters":{"type":"object", "properties":{"to":{"type":"string"},"item":{"type":"string"}}}}}],
    "response_format":{"type":"json_object"}}"#;

fn called(arguments: &str) -> Exchange {
    let function = json!({"name": "give", "arguments": arguments});
    let message = json!({"content": null, "tool_calls": [{"id": "c2", "type": "function", "function": function}]});
    let choice = json!({"index": 0, "message": message, "finish_reason": "tool_calls"});
    let response = json!({"model": "teacher-1", "choices": [choice]}).to_string();
    Exchange { request: ASKED.to_owned(), response, ..exchange(1, "a", "x") }
}

#[test]
fn what_is_learnt_of_a_call_begins_byte_for_byte_as_what_will_be_asked() {
    let (lineage, train, _) = built(vec![called("{\"to\": \"Ann\",\n\"item\":\"rope\"}")], None, ALL_TRAIN);
    assert_eq!((lineage.train, lineage.left_out.len()), (1, 0), "{lineage:?}");
    let (asked, answer) = train[0].split().unwrap();
    let served = Api::Chat.parse(ASKED.as_bytes()).unwrap().prompt(1, Sampling::Greedy).unwrap();
    assert_eq!((asked, &train[0].form), (served.turns, &served.form));
    assert_eq!(answer.text, r#"{"tool_calls":[{"name":"give","arguments":{"to":"Ann","item":"rope"}}]}"#);
    assert_eq!(train[0].form.tools().unwrap().otherwise, Form::JsonObject);
}

#[test]
fn a_line_of_a_call_is_one_that_others_can_learn_from() {
    let dir = tempfile::tempdir().unwrap();
    let site = SiteId::new("shop").unwrap();
    build(&super::Fixed(vec![called("{\"item\":\"rope\"}")]), &site, None, ALL_TRAIN, dir.path()).unwrap();
    let line: Value = serde_json::from_slice(&std::fs::read(dir.path().join(TRAIN_FILE)).unwrap()).unwrap();
    let roles: Vec<&str> =
        line["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "assistant"]);
    let call = &line["messages"][4]["tool_calls"][0]["function"];
    assert_eq!(*call, json!({"name": "give", "arguments": "{\"item\":\"rope\"}"}));
    assert_eq!((line["tools"].as_array().unwrap().len(), &line["parallel_tool_calls"]), (2, &json!(true)));
}

#[test]
fn calls_whose_arguments_are_no_object_are_left_out() {
    for arguments in ["", "[]", "{\"item\":", "rope"] {
        let (lineage, train, _) = built(vec![called(arguments)], None, ALL_TRAIN);
        assert_eq!((train, lineage.left_out["no-plain-answer"]), (Vec::<ChatExample>::new(), 1), "{arguments}");
    }
}
