use std::collections::BTreeMap;

use crate::tools::{CONTEXT_FIELDS, Tool, ToolFinding, ToolRules, read_calls};

const SESSION: &str = "session_1731015400000_a1b2c3d4e";
const WORKSPACE: &str = "ws_1731015400000_k9k9k9k9k";

fn rules(context: bool, demanded: bool) -> ToolRules {
    let tool = Tool { required: vec!["item".into()], optional: vec!["count".into()] };
    ToolRules { tools: BTreeMap::from([("buy".to_owned(), tool)]), context, demanded, closed: false }
}

fn context(change: impl Fn(&str) -> Option<String>) -> String {
    let value = |field: &str| match field {
        "sessionId" => SESSION.to_owned(),
        "workspaceId" => WORKSPACE.to_owned(),
        other => format!("some {other}"),
    };
    let fields = CONTEXT_FIELDS.iter().filter_map(|field| {
        let text = change(field).unwrap_or_else(|| value(field));
        (text != "-").then(|| format!(r#""{field}": "{text}""#))
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
}

fn errors(rules: &ToolRules, system: &str, answer: &str) -> Vec<String> {
    rules.check(system, answer).iter().filter(|finding| rules.is_error(finding)).map(ToString::to_string).collect()
}

#[test]
fn calls_are_read_in_all_four_forms() {
    let written = [
        "tool_call: buy\narguments: {\"item\": \"rope\", \"count\": 2}\nResult: {\"ok\": true}",
        "[TOOL_CALLS] [{\"name\": \"buy\", \"arguments\": {\"item\": \"rope\", \"count\": 2}}]",
        "{\"tool_calls\": [{\"id\": \"1\", \"function\": {\"name\": \"buy\", \"arguments\": \"{\\\"item\\\": \\\"rope\\\", \\\"count\\\": 2}\"}}]}",
        "<tool_call>\n{\"name\": \"buy\", \"arguments\": {\"item\": \"rope\", \"count\": 2}}\n</tool_call>",
        "[{\"name\": \"buy\", \"arguments\": {\"item\": \"rope\", \"count\": 2}}]",
    ];
    for text in written {
        let calls = read_calls(text).unwrap();
        assert_eq!((calls.len(), calls[0].name.as_str()), (1, "buy"), "{text}");
        assert_eq!(calls[0].arguments["count"], 2, "{text}");
        assert_eq!(calls[0].first.as_deref(), Some("item"), "the order is the text's: {text}");
    }
    assert_eq!(read_calls("Good day to you.").unwrap(), []);
    assert_eq!(read_calls("{\"mood\": \"fine\"}").unwrap(), []);
}

#[test]
fn a_call_that_is_begun_and_broken_is_an_error_and_not_chatter() {
    for text in [
        "tool_call: buy",
        "tool_call: buy\narguments: {\"item\": ",
        "[TOOL_CALLS] {\"name\"",
        "[TOOL_CALLS]",
        "<tool_call>buy</tool_call>",
        "<tool_call>{\"arguments\": {}}</tool_call>",
        "tool_call:\narguments: {}",
    ] {
        assert!(read_calls(text).is_err(), "{text}");
        assert_eq!(rules(false, false).check("", text).len(), 1, "{text}");
    }
}

#[test]
fn a_prompt_that_demands_a_call_is_not_satisfied_by_chatter() {
    assert_eq!(rules(false, true).check("", "Gladly, I will buy it."), [ToolFinding::NoCall]);
    assert_eq!(rules(false, false).check("", "Gladly, I will buy it."), []);
    assert_eq!(rules(false, false).check("", "  "), [ToolFinding::Empty]);
}

#[test]
fn the_context_object_comes_first_with_all_its_fields() {
    let rules = rules(true, true);
    let system = format!("Session {SESSION}, workspace {WORKSPACE}.");
    let call = |context: &str| format!("tool_call: buy\narguments: {{\"context\": {context}, \"item\": \"rope\"}}");
    assert_eq!(errors(&rules, &system, &call(&context(|_| None))), Vec::<String>::new());
    let late = format!("tool_call: buy\narguments: {{\"item\": \"rope\", \"context\": {}}}", context(|_| None));
    assert_eq!(rules.check(&system, &late), [ToolFinding::NoContext { tool: "buy".into() }]);
    for field in CONTEXT_FIELDS {
        let without = call(&context(|name| (name == field).then(|| "-".to_owned())));
        let found = errors(&rules, &system, &without);
        assert!(found.contains(&format!("`buy`: the context lacks `{field}`")), "{field}: {found:?}");
    }
}

#[test]
fn ids_have_their_form_and_are_those_of_the_prompt() {
    let rules = rules(true, true);
    let system = format!("Session {SESSION}, workspace {WORKSPACE}.");
    let with = |field: &str, value: &str| {
        let context = context(|name| (name == field).then(|| value.to_owned()));
        errors(&rules, &system, &format!("tool_call: buy\narguments: {{\"context\": {context}, \"item\": \"rope\"}}"))
    };
    assert!(with("sessionId", "session_1").first().is_some_and(|text| text.contains("not of the form")));
    // One letter too many on either side.
    assert_eq!(with("sessionId", &format!("x{SESSION}")).len(), 1);
    assert_eq!(with("sessionId", &format!("{SESSION}f")).len(), 1);
    assert!(with("sessionId", "session_1731015400000_zzzzzzzzz")[0].contains("is not the one that the prompt gives"));
    assert_eq!(with("workspaceId", "default"), Vec::<String>::new());
    assert_eq!(with("workspaceId", "Default").len(), 1);
}

#[test]
fn missing_parameters_are_errors_and_unknown_names_warnings() {
    let rules = rules(false, true);
    let say = |text: &str| rules.check("", text);
    let found = say("tool_call: buy\narguments: {\"count\": 1, \"colour\": \"red\"}");
    assert_eq!(found.iter().map(|one| rules.is_error(one)).collect::<Vec<_>>(), [true, false], "{found:?}");
    let found = say("tool_call: sing\narguments: {}");
    assert_eq!(found.iter().map(|one| rules.is_error(one)).collect::<Vec<_>>(), [false], "{found:?}");
    let closed = ToolRules { closed: true, ..rules.clone() };
    assert!(found.iter().all(|one| closed.is_error(one)), "a closed list makes an error of it");
}
