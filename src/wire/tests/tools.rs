//! Functions that may be called: what requests say of them, and lines of training data.

mod answers;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{Api, Call, Calls, Form, Ineligible, Prompt, Role, Sampling, ToolChoice, Turn, line};

const GIVE: &str = r#"{"name":"give_item","description":"Gives an item.","parameters":
    {"type":"object", "properties":{"to":{"type":"string"}, "item":{"enum":["rope","a \" b"]}}},"strict":true}"#;
const GIVE_COMPACT: &str =
    r#"{"type":"object","properties":{"to":{"type":"string"},"item":{"enum":["rope","a \" b"]}}}"#;
const CALL: &str = r#"{"tool_calls":[{"name":"give_item","arguments":{"to":"Ann","item":"rope"}}]}"#;
const BOTH: &str =
    r#"{"content":"Of course.","tool_calls":[{"name":"a","arguments":{"b":"c d"}},{"name":"look","arguments":{}}]}"#;
/// A message that calls.
const CALLED: &str = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function",
    "function":{"name":"give_item","arguments":"{ \"to\": \"Ann\",\"item\":\"rope\" }"}}]}"#;

fn chat(messages: &str, extra: &str) -> Result<Prompt, Ineligible> {
    let body = format!(r#"{{"model":"m","messages":{messages}{extra}}}"#);
    Api::Chat.parse(body.as_bytes()).unwrap().prompt(64, Sampling::Greedy)
}

fn responses(input: &str, extra: &str) -> Result<Prompt, Ineligible> {
    let body = format!(r#"{{"model":"m","input":{input}{extra}}}"#);
    Api::Responses.parse(body.as_bytes()).unwrap().prompt(64, Sampling::Greedy)
}

/// The form of the answer to a chat request with these tools that also says `extra`.
fn with(tools: &str, extra: &str) -> Result<Form, Ineligible> {
    chat(r#"[{"role":"user","content":"x"}]"#, &format!(r#","tools":{tools}{extra}"#)).map(|prompt| prompt.form)
}

fn function(described: &str) -> String {
    format!(r#"{{"type":"function","function":{described}}}"#)
}

fn give() -> String {
    format!("[{}]", function(GIVE))
}

fn field<T>(name: &str) -> Result<T, Ineligible> {
    Err(Ineligible::Field(name.to_owned()))
}

#[test]
fn both_apis_say_the_same_and_a_student_sees_the_same_text() {
    let bare = r#"{"name":"look-around"}"#;
    let tools = format!(r#","tools":[{},{}]"#, function(GIVE), function(bare));
    let prompt = chat(r#"[{"role":"user","content":"x"}]"#, &tools).unwrap();
    let flat = |described: &str| described.replacen('{', r#"{"type":"function","#, 1);
    let lenient = bare.replace('}', r#","strict":false}"#);
    let by_responses = responses(r#""x""#, &format!(r#","tools":[{},{}]"#, flat(GIVE), flat(&lenient)));
    assert_eq!(by_responses.unwrap(), prompt);
    let tools = prompt.form.tools().unwrap();
    assert_eq!((&tools.choice, tools.parallel, &tools.otherwise), (&ToolChoice::Auto, true, &Form::Text));
    let (give, look) = (&tools.functions[0], &tools.functions[1]);
    assert_eq!((give.name.as_str(), give.strict, give.parameters.as_str()), ("give_item", true, GIVE_COMPACT));
    assert_eq!((look.description.as_str(), look.strict), ("", false));
    assert_eq!(prompt.turns.len(), 2);
    assert_eq!((prompt.turns[0].role, prompt.turns[1].text.as_str()), (Role::System, "x"));
    let told = format!(
        "Functions, each with the schema of its arguments:\n\ngive_item: Gives an item.\n{GIVE_COMPACT}\n\nlook-around\n{}\n\n{}",
        r#"{"type":"object","properties":{},"additionalProperties":false}"#,
        r#"To call functions, answer with nothing but {"tool_calls":[{"name":"...","arguments":{...}}]}."#,
    );
    assert_eq!(prompt.turns[0].text, told);
    // Of Responses a schema is relied upon unless they say otherwise.
    let relied = responses(r#""x""#, &format!(r#","tools":[{}]"#, flat(bare))).unwrap();
    assert!(relied.form.tools().unwrap().functions[0].strict);
}

#[test]
fn what_may_and_what_must_be_called_is_read() {
    let two = format!("[{},{}]", function(GIVE), function(r#"{"name":"b","parameters":true,"strict":null}"#));
    let read = |extra: &str| match with(&two, extra) {
        Ok(Form::Calls(tools)) => {
            let names: Vec<String> = tools.callable().map(|function| function.name.clone()).collect();
            (names.join(" "), tools.allows_several())
        }
        other => panic!("{extra}: {other:?}"),
    };
    assert_eq!(read(""), ("give_item b".into(), true));
    assert_eq!(read(r#","tool_choice":null,"parallel_tool_calls":null"#), ("give_item b".into(), true));
    assert_eq!(read(r#","tool_choice":"required","parallel_tool_calls":false"#), ("give_item b".into(), false));
    assert_eq!(read(r#","tool_choice":{"type":"function","function":{"name":"b"}}"#), ("b".into(), false));
    // What must not be called is not told of.
    assert_eq!(with(&two, r#","tool_choice":"none""#), Ok(Form::Text));
    assert_eq!(with("[]", r#","tool_choice":"auto""#), Ok(Form::Text));
    let json = with(&two, r#","response_format":{"type":"json_object"}"#).unwrap();
    assert_eq!(json.tools().unwrap().otherwise, Form::JsonObject);
    let by_name = r#","tool_choice":{"type":"function","name":"f"},"tools":[{"type":"function","name":"f"}]"#;
    let named = responses(r#""x""#, by_name).unwrap();
    assert_eq!(named.form.tools().unwrap().choice, ToolChoice::Named("f".into()));
    assert!(named.turns[0].text.ends_with(" Call f."), "{:?}", named.turns[0]);
}

#[test]
fn what_the_teacher_would_refuse_or_no_student_has_is_the_teachers_and_says_which() {
    let many = |count: usize| {
        let all: Vec<String> = (0..count).map(|at| function(&format!(r#"{{"name":"f{at}"}}"#))).collect();
        format!("[{}]", all.join(","))
    };
    assert!(with(&many(128), "").is_ok());
    let one = |described: &str| format!("[{}]", function(described));
    for (tools, name) in [
        (many(200), "tools"),
        ("7".into(), "tools"),
        ("[7]".into(), "tools"),
        (r#"[{"type":"function"}]"#.into(), "tools"),
        (r#"[{"type":"function","name":"responses_spelling"}]"#.into(), "tools"),
        (r#"[{"type":"custom","custom":{"name":"f"}}]"#.into(), "tools.custom"),
        (one(r#"{"name":""}"#), "tools"),
        (one(r#"{"name":"a b"}"#), "tools"),
        (one(&format!(r#"{{"name":"{}"}}"#, "a".repeat(65))), "tools"),
        (format!("[{0},{0}]", function(GIVE)), "tools"),
        (one(r#"{"name":"f","parameters":[]}"#), "tools"),
        (one(r#"{"name":"f","parameters":"x"}"#), "tools"),
        (one(r#"{"name":"f","future":1}"#), "tools"),
    ] {
        assert_eq!(with(&tools, ""), field(name), "{tools:.80}");
    }
    for choice in [
        r#""any""#,
        "7",
        r#"{"type":"function","function":{"name":"unknown"}}"#,
        r#"{"type":"function","name":"give_item"}"#,
        r#"{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}}"#,
        r#"{"type":"custom","custom":{"name":"give_item"}}"#,
    ] {
        assert_eq!(with(&give(), &format!(r#","tool_choice":{choice}"#)), field("tool_choice"), "{choice}");
    }
    for choice in [r#""required""#, r#"{"type":"function","function":{"name":"f"}}"#] {
        assert_eq!(with("[]", &format!(r#","tool_choice":{choice}"#)), field("tool_choice"), "nothing to call");
    }
    assert_eq!(with(&give(), r#","parallel_tool_calls":1"#), field("parallel_tool_calls"));
}

#[test]
fn calls_and_their_results_are_texts_of_the_conversation() {
    let ask = r#"{"role":"user","content":"Rope for Ann!"}"#;
    let result =
        r#"{"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"do"},{"type":"text","text":"ne"}]}"#;
    let by_chat = chat(&format!("[{ask},{CALLED},{result}]"), &format!(r#","tools":{}"#, give())).unwrap();
    let turn = |role, text: &str| Turn::new(role, text);
    let turns =
        [turn(Role::User, "Rope for Ann!"), turn(Role::Assistant, CALL), turn(Role::User, "Result of give_item: done")];
    assert_eq!(by_chat.turns[1..], turns);
    let call = r#"{"type":"function_call","id":"fc_1","call_id":"c1","name":"give_item","status":"completed",
        "arguments":"{\"to\":\"Ann\",\"item\":\"rope\"}"}"#;
    let output = r#"{"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"done"}]}"#;
    let by_responses = responses(&format!("[{ask},{{\"type\":\"reasoning\"}},{call},{output}]"), "").unwrap();
    assert_eq!(by_responses.turns, turns, "without tools nothing is told of them");
}

#[test]
fn what_is_said_and_all_that_is_called_at_once_is_one_answer() {
    let said = r#"{"role":"assistant","content":[{"type":"output_text","text":"Of course."}]}"#;
    let call = |id: &str, to: &str| {
        format!(r#"{{"type":"function_call","call_id":"{id}","name":"give","arguments":"{{\"to\":\"{to}\"}}"}}"#)
    };
    let output = |id: &str| format!(r#"{{"type":"function_call_output","call_id":"{id}","output":"{id} done"}}"#);
    let reasoning = r#"{"type":"reasoning"}"#.to_owned();
    let items = [said.to_owned(), call("1", "a"), reasoning, call("2", "b"), output("2"), output("1")];
    let turns = responses(&format!("[{}]", items.join(",")), "").unwrap().turns;
    let text = r#"{"content":"Of course.","tool_calls":[{"name":"give","arguments":{"to":"a"}},{"name":"give","arguments":{"to":"b"}}]}"#;
    let result = |text: &str| Turn::new(Role::User, text);
    let results = [result("Result of give: 2 done"), result("Result of give: 1 done")];
    assert_eq!((&turns[0], &turns[1..]), (&Turn::new(Role::Assistant, text), &results[..]));
}

#[test]
fn calls_that_cannot_be_read_and_results_of_none_are_the_teachers() {
    let content = |what: &str| Err(Ineligible::Content(what.to_owned()));
    let malformed = || Err(Ineligible::Messages);
    let result = r#"{"role":"tool","tool_call_id":"c1","content":"x"}"#;
    let broken = |from: &str, to: &str| format!("{},{result}", CALLED.replace(from, to));
    let arguments = r#"{ \"to\": \"Ann\",\"item\":\"rope\" }"#;
    let former = r#"{"role":"assistant","function_call":{"name":"f","arguments":"{}"}},{"role":"user","content":"x"}"#;
    for (messages, expected) in [
        (broken(arguments, "[1]"), content("tool-calls")),
        (broken(arguments, r#"{\"to\""#), content("tool-calls")),
        (broken(r#""type":"function""#, r#""type":"custom""#), content("tool-calls")),
        (CALLED.replace(r#""c1""#, r#""other""#) + "," + result, malformed()),
        (broken(r#""assistant""#, r#""user""#), malformed()),
        (result.to_owned(), malformed()),
        (format!(r#"{CALLED},{{"role":"tool","content":"x"}}"#), malformed()),
        (format!("{CALLED},{}", result.replace(r#""x""#, r#"[{"type":"image_url"}]"#)), content("image_url")),
        (former.to_owned(), content("function-call")),
        (r#"{"role":"function","name":"f","content":"x"}"#.into(), content("role-function")),
        (CALLED.to_owned(), Err(Ineligible::LastTurn)),
    ] {
        assert_eq!(chat(&format!("[{messages}]"), "").map(|prompt| prompt.turns), expected, "{messages}");
    }
    for (item, expected) in [
        (r#"{"type":"function_call","call_id":"c","name":"f","arguments":"x"}"#, content("function_call")),
        (r#"{"type":"function_call","call_id":"c","name":"f","arguments":{}}"#, malformed()),
        (r#"{"type":"function_call","call_id":"c","arguments":"{}"}"#, malformed()),
        (r#"{"type":"function_call_output","output":"x"}"#, malformed()),
        (r#"{"type":"custom_tool_call","call_id":"c","name":"f","input":"x"}"#, content("custom_tool_call")),
    ] {
        assert_eq!(responses(&format!("[{item}]"), "").map(|prompt| prompt.turns), expected, "{item}");
    }
}

#[test]
fn a_line_is_what_openai_takes_for_fine_tuning() {
    let messages = format!(
        r#"[{{"role":"user","content":"Rope!"}},{CALLED},{{"role":"tool","tool_call_id":"c1","content":"ok"}},{{"role":"user","content":"More."}}]"#
    );
    let extra = r#","tool_choice":"required","parallel_tool_calls":false,"response_format":{"type":"json_object"}"#;
    let prompt = chat(&messages, &format!(r#","tools":{}{extra}"#, give())).unwrap();
    let turns: Vec<Turn> = prompt.turns[1..].iter().cloned().chain([Turn::new(Role::Assistant, BOTH)]).collect();
    let written = line::write(&turns, &prompt.form);
    let value: Value = serde_json::from_str(&written).unwrap();
    let of = |name: &str, arguments: &str, id: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
    let given = of("give_item", r#"{"to":"Ann","item":"rope"}"#, "call_0");
    let two = [of("a", r#"{"b":"c d"}"#, "call_1"), of("look", "{}", "call_2")];
    assert_eq!(
        value["messages"],
        json!([
            {"role": "user", "content": "Rope!"},
            {"role": "assistant", "content": null, "tool_calls": [given]},
            {"role": "tool", "tool_call_id": "call_0", "content": "ok"},
            {"role": "user", "content": "More."},
            {"role": "assistant", "content": "Of course.", "tool_calls": two},
        ])
    );
    assert_eq!((&value["tool_choice"], &value["parallel_tool_calls"]), (&json!("required"), &json!(false)));
    assert_eq!(value["response_format"], json!({"type": "json_object"}));
    assert!(written.contains(&format!(r#""parameters":{GIVE_COMPACT}"#)), "{written}");
    assert_eq!(line::read(&written).unwrap(), (turns.clone(), prompt.form.clone()));
    assert_eq!(prompt.form.shown(&turns[..4]), prompt.turns, "what is learnt begins as what is asked");
    // Without tools a line is what it always was.
    let plain = line::write(&turns[..1], &Form::Text);
    assert_eq!(plain, r#"{"messages":[{"role":"user","content":"Rope!"}]}"#);
    for (odd, why) in [
        ("{}", "`messages` is missing"),
        ("[]", "not a JSON object"),
        (r#"{"messages":[{"role":"tool","content":"x"}]}"#, "no student can learn it"),
    ] {
        let problem = line::read(odd).unwrap_err().to_string();
        assert!(problem.contains(why), "{odd}: {problem}");
    }
}

/// Texts that are those of calls and results, and some that nearly are.
fn text() -> impl Strategy<Value = String> {
    let known = [CALL, BOTH, "Result of give_item: x", "Result of a: \"", "Result of a", "Result of a: "];
    prop_oneof!["[a-z\"\\\\\n ]{0,6}", prop::sample::select(known.to_vec()).prop_map(str::to_owned)]
}

proptest! {
    #[test]
    fn a_written_line_is_read_as_the_same_texts(texts in prop::collection::vec((0..3_usize, text()), 0..7)) {
        let turn = |(role, text): &(usize, String)| Turn::new([Role::User, Role::Assistant, Role::System][*role], text.as_str());
        let mut turns: Vec<Turn> = texts.iter().map(turn).collect();
        // What follows an answer and calls becomes one with it when it is read: no conversation that was read has that.
        turns.dedup_by(|next, before| next.role == Role::Assistant && before.role == Role::Assistant);
        let form = with(&give(), "").unwrap();
        prop_assert_eq!(line::read(&line::write(&turns, &form)).unwrap(), (turns, form));
    }

    #[test]
    fn calls_are_read_from_their_text(content in ".{0,9}", names in prop::collection::vec("[a-z\"\\\\]{1,5}", 1..4)) {
        let calls = names.into_iter().map(|name| Call { name, arguments: r#"{"b":1,"a":[" "]}"#.to_owned() }).collect();
        let calls = Calls { content, calls };
        prop_assert_eq!(Calls::read(&calls.text()), Some(calls));
    }

    #[test]
    fn no_tools_make_the_reader_panic(
        tools in "(null|7|\\[\\]|\\[(null|\\{\\}|\\{\"type\":\"function\",\"function\":(\\{\"name\":\"f\",\"parameters\":(\\{|true|\\{\"\\$ref\":\"#\"\\})\\}|\"x\")\\})\\])",
        choice in "(null|\"auto\"|\"none\"|\"required\"|\\{\\}|\\{\"type\":\"function\"\\})",
        calls in "(null|7|\\[\\]|\\[\\{\\}\\]|\\[\\{\"id\":\"c\",\"function\":\\{\"name\":\"f\",\"arguments\":\"[{}\\[]{0,3}\"\\}\\}\\])",
    ) {
        let messages = format!(r#"[{{"role":"assistant","tool_calls":{calls}}},{{"role":"tool","tool_call_id":"c","content":"x"}}]"#);
        let body = format!(r#"{{"model":"m","messages":{messages},"tools":{tools},"tool_choice":{choice}}}"#);
        if let Ok(request) = Api::Chat.parse(body.as_bytes()) {
            drop(request.prompt(1, Sampling::Greedy));
        }
    }
}
