use wire::{Answer, Finish, Prompt, Role, Sampling, Signals, Turn, Usage};

use crate::verifier::NAMES;
use crate::{Verdict, Verifier, VerifierSettings, Verifiers};

fn settings(toml: &str) -> VerifierSettings {
    toml::from_str(toml).unwrap()
}

/// The verdict on `text` as an answer to a blacksmith's customer.
fn said(toml: &str, text: &str) -> &'static str {
    let answer = Answer::new(text, Finish::Stop, Usage::default(), Signals::default());
    let turn = |role, text: &str| Turn { role, text: text.into() };
    let turns = vec![
        turn(Role::System, "You are Torvald, a blacksmith of Oakvale."),
        turn(Role::User, "Greetings. Would you mend my old sword for me?"),
    ];
    let prompt = Prompt::new(turns, 9, Sampling::Greedy);
    match Verifiers::new(&settings(toml)).unwrap().check(&prompt, &answer) {
        Verdict::Pass => "pass",
        Verdict::Fail(name) => {
            assert!(NAMES.contains(&name), "{name} is not in the list");
            name
        }
    }
}

#[test]
fn lengths_are_held_from_below_and_in_sentences() {
    assert_eq!(said("words_min = 3", "Aye, friend."), "too-short");
    assert_eq!(said("words_min = 2", "Aye, friend."), "pass");
    assert_eq!(said("sentences_max = 2", "Aye! It is 3.5 gold, friend... Take it"), "too-many-sentences");
    assert_eq!(said("sentences_max = 3", "Aye! It is 3.5 gold, friend... Take it"), "pass");
    assert_eq!(said("sentences_max = 1", "「はい。」金貨です。"), "too-many-sentences");
}

#[test]
fn a_name_that_the_prompt_does_not_know_is_ungrounded() {
    assert_eq!(said("grounded = true", "Welcome to Oakvale! I am TORVALD's son, sir."), "pass");
    assert_eq!(said("grounded = true", "Sure, ask old Grimwald for it."), "ungrounded");
    assert_eq!(said("grounded = true", "Grimwald? Never heard."), "pass");
    assert_eq!(said("", "Sure, ask old Grimwald for it."), "pass");
}

#[test]
fn an_echo_of_the_users_line_is_refused() {
    assert_eq!(said("no_echo = true", "Would you mend my old sword for me?"), "echo");
    assert_eq!(said("no_echo = true", "Mend your sword? Two days of work."), "pass");
}

#[test]
fn a_schema_may_be_a_table_or_a_text() {
    let table = "[schema]\ntype = \"object\"\nrequired = [\"price\"]\n\
                 properties.price = { type = \"integer\", minimum = 1 }\nadditionalProperties = false";
    let text = r#"schema = '''{"type": "object", "required": ["price"], "additionalProperties": false,
                  "properties": {"price": {"type": "integer", "minimum": 1}}}'''"#;
    for schema in [table, text] {
        assert_eq!(said(schema, r#"{"price": 3}"#), "pass");
        assert_eq!(said(schema, r#"{"price": 0}"#), "schema");
        assert_eq!(said(schema, r#"{"price": 3, "note": 1}"#), "schema");
        assert_eq!(said(schema, "three"), "not-json");
    }
}

#[test]
fn a_schema_that_is_none_or_looks_elsewhere_is_an_error_that_names_its_key() {
    for bad in ["schema = '{'", "schema = '{\"type\": 3}'", "schema = '{\"$ref\": \"https://example.com/a.json\"}'"] {
        let error = Verifiers::new(&settings(bad)).unwrap_err().to_string();
        assert!(error.starts_with("`schema`"), "{error}");
    }
}

#[test]
fn tool_calls_in_an_answer_are_held_to_their_rules() {
    let open = "[tools.tools.buy]\nrequired = [\"item\"]";
    assert_eq!(said(open, "tool_call: buy\narguments: {\"item\": \"rope\"}"), "pass");
    assert_eq!(said(open, "tool_call: buy\narguments: {}"), "tool-call");
    assert_eq!(said(open, "tool_call: steal\narguments: {}"), "pass");
    assert_eq!(said(open, "I will buy it."), "pass");
}

#[test]
fn where_nothing_but_calls_will_do_names_are_known_and_arguments_there() {
    let rules = "[tools]\ndemanded = true\nclosed = true\n[tools.tools]\nbuy = { required = [\"item\", \"count\"] }\nleave = {}";
    assert_eq!(said(rules, r#"[{"name": "buy", "arguments": {"item": "rope", "count": 1}}]"#), "pass");
    assert_eq!(said(rules, r#"[{"name": "leave", "arguments": "{}"}]"#), "pass");
    assert_eq!(said(rules, r#"[{"name": "buy", "arguments": {"item": "rope"}}]"#), "tool-call");
    assert_eq!(said(rules, r#"[{"name": "leave", "arguments": {"soon": true}}]"#), "tool-call");
    assert_eq!(said(rules, r#"[{"name": "steal", "arguments": {}}]"#), "tool-call");
    assert_eq!(said(rules, "[]"), "tool-call");
    assert_eq!(said(rules, "Aye."), "tool-call");
}

#[test]
fn a_level_must_be_playable() {
    let level = r#"{"level": {"width": 3, "height": 3, "num_wall": 0, "num_enemies": 1}, "walls": [],
        "small_obstacles": [], "enemies": [{"x": 2, "y": 2}], "player_pos": {"x": 0, "y": 0}}"#;
    assert_eq!(said("[level]\nbase = 0", level), "pass");
    assert_eq!(said("[level]", level), "level");
}

#[test]
fn settings_come_back_unchanged_from_toml_and_json() {
    let all = settings(
        "words_min = 1\nsentences_max = 4\ngrounded = true\nno_echo = true\nmust_match = ['gold']\n\
         schema = { type = \"object\" }\ntools = { closed = true }\nlevel = { base = 0 }",
    );
    for rules in [all, VerifierSettings::default()] {
        assert_eq!(settings(&toml::to_string(&rules).unwrap()), rules);
        assert_eq!(serde_json::from_str::<VerifierSettings>(&serde_json::to_string(&rules).unwrap()).unwrap(), rules);
    }
    assert_eq!(settings(""), VerifierSettings::default());
    assert!(toml::from_str::<VerifierSettings>("word_min = 1").is_err());
}

#[test]
fn what_holds_texts_to_a_form_lets_calls_pass() {
    let call = r#"{"tool_calls":[{"name":"give","arguments":{"item":"rope"}}]}"#;
    let prompt = Prompt::new(vec![Turn::new(Role::User, "A rope!")], 9, Sampling::Greedy);
    let said = |toml: &str, text: &str, finish| {
        let answer = Answer::new(text, finish, Usage::default(), Signals::default());
        Verifiers::new(&settings(toml)).unwrap().check(&prompt, &answer)
    };
    for toml in ["words_min = 5", r#"schema = '{"required":["mood"]}'"#, "level = {}", "json = true"] {
        assert_eq!(said(toml, call, Finish::ToolCalls), Verdict::Pass, "{toml}");
    }
    assert_eq!(said(r#"schema = '{"required":["mood"]}'"#, call, Finish::Stop), Verdict::Fail("schema"));
    let rules = "tools = { tools = { give = { required = [\"item\", \"to\"] } } }";
    assert_eq!(said(rules, call, Finish::ToolCalls), Verdict::Fail("tool-call"));
    // The session's id stands in the client's system text, behind the one that tells of the functions.
    let [given, other] = ["session_1234567890123_abcdefghi", "session_1234567890123_000000000"];
    let systems = ["Functions: give", given].map(|text| Turn::new(Role::System, text));
    let prompt =
        Prompt::new(systems.into_iter().chain([Turn::new(Role::User, "A rope!")]).collect(), 9, Sampling::Greedy);
    let context = |session: &str| {
        let fields = ["workspaceId", "sessionDescription", "sessionMemory", "toolContext", "primaryGoal", "subgoal"];
        let fields = fields.map(|field| format!(r#""{field}":"default""#)).join(",");
        let text = format!(
            r#"{{"tool_calls":[{{"name":"give","arguments":{{"context":{{"sessionId":"{session}",{fields}}}}}}}]}}"#
        );
        let answer = Answer::new(text, Finish::ToolCalls, Usage::default(), Signals::default());
        Verifiers::new(&settings("tools = { context = true }")).unwrap().check(&prompt, &answer)
    };
    assert_eq!([context(given), context(other)], [Verdict::Pass, Verdict::Fail("tool-call")]);
    // What an argument says is no call in another way of writing.
    let quoting = call.replace("rope", "<tool_call>{} tool_call: x [TOOL_CALLS]").replace("}}]", ",\"to\":1}}]");
    assert_eq!(said(rules, &quoting, Finish::ToolCalls), Verdict::Pass);
}
