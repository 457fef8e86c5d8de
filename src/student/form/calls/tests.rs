//! What a grammar of calls lets through, and answers of a model that knows nothing kept to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gemma::Tokenizer;
use wire::{
    Answer, Calls, Finish, Form, Function, Ineligible, ModelError, Prompt, Role, Sampling, ToolChoice, Tools, Turn,
};

use super::CALLS_MAX;
use crate::form::Forms;
use crate::format::Format;
use crate::tests::fixture::{edited_base, golden, tiny_of, wait};

const GIVE: &str = r#"{"type":"object","properties":{"to":{"type":"string"},"item":{"enum":["rope","oil lamp"]},
    "count":{"type":"integer","minimum":1,"maximum":9}},"required":["to","item","count"],"additionalProperties":false}"#;

fn function(name: &str, parameters: &str, strict: bool) -> Function {
    Function { name: name.to_owned(), description: String::new(), parameters: parameters.to_owned(), strict }
}

fn of(functions: Vec<Function>, choice: ToolChoice, parallel: bool, otherwise: Form) -> Form {
    Form::Calls(Box::new(Tools { functions, choice, parallel, otherwise }))
}

/// `give` and `look`.
fn two(choice: ToolChoice, parallel: bool, otherwise: Form) -> Form {
    let look = r#"{"type":"object","properties":{},"additionalProperties":false}"#;
    of(vec![function("give", GIVE, true), function("look", look, false)], choice, parallel, otherwise)
}

fn forms() -> Forms {
    let tokenizer = Tokenizer::load(&golden()).unwrap();
    let stop_ids = vec![tokenizer.special.eos, tokenizer.special.end_of_turn];
    Forms::new(Arc::new(Format { tokenizer, stop_ids, context: 1000, kernel: crate::Kernel::portable() }))
}

/// Whether `text` is an answer of `form` from its beginning to its end.
fn accepts(forms: &Forms, form: &Form, text: &str) -> bool {
    let ids = forms.format.tokenizer.encode(text).unwrap();
    let mut matcher = forms.begin(form).unwrap().unwrap().0;
    ids.into_iter().all(|id| matcher.consume_token(id).is_ok()) && matcher.is_accepting().unwrap()
}

fn call(name: &str, arguments: &str) -> String {
    format!(r#"{{"tool_calls":[{{"name":"{name}","arguments":{arguments}}}]}}"#)
}

const ROPE: &str = r#"{"to":"Ann \"A\" é\n","item":"rope","count":3}"#;

#[test]
fn what_must_call_does_with_known_functions_and_right_arguments() {
    let forms = forms();
    let accepted = |form: &Form, text: &str| accepts(&forms, form, text);
    for parallel in [true, false] {
        let form = two(ToolChoice::Required, parallel, Form::Text);
        for good in [call("give", ROPE), call("look", "{}")] {
            assert!(accepted(&form, &good), "{good}");
        }
        let twice = call("give", ROPE).replace("]}", r#",{"name":"look","arguments":{}}]}"#);
        assert_eq!(accepted(&form, &twice), parallel, "{twice}");
        let many =
            format!(r#"{{"tool_calls":[{}]}}"#, vec![r#"{"name":"look","arguments":{}}"#; CALLS_MAX + 1].join(","));
        assert!(!accepted(&form, &many));
        for bad in [
            "",
            "Some text.",
            "{}",
            r#"{"tool_calls":[]}"#,
            &call("unknown", "{}"),
            &call("look", "{}").replacen('{', r#"{"content":"x","#, 1),
            &call("give", "{}"),
            &call("give", &ROPE.replace("rope", "sword")),
            &call("give", &ROPE.replace('3', "10")),
            &call("give", &ROPE.replace('3', "3,\"x\":1")),
            &call("look", "[]"),
            &call("look", ROPE),
            call("look", "{}").get(..20).unwrap(),
        ] {
            assert!(!accepted(&form, bad), "{bad}");
        }
    }
    let named = two(ToolChoice::Named("look".to_owned()), true, Form::Text);
    assert!(accepted(&named, &call("look", "{}")));
    for other in [call("give", ROPE), call("look", "{}").replace("]}", r#",{"name":"look","arguments":{}}]}"#)] {
        assert!(!accepted(&named, &other), "{other}");
    }
}

#[test]
fn what_may_call_calls_or_is_any_text_that_does_not_begin_like_a_call() {
    let (forms, form) = (forms(), two(ToolChoice::Auto, true, Form::Text));
    let accepted = |text: &str| accepts(&forms, &form, text);
    for good in [
        "Some text.",
        "",
        "{",
        "{\n  \"a\": [1]\n}",
        r#"{"tool_cal"#,
        r#"{"tools":[]}"#,
        r#"{"content":"x"}"#,
        r#"Look: {"tool_calls":[]}"#,
        r#"[{"tool_calls":7}]"#,
        "\u{1f409} \u{e9}\n\n",
        &call("give", ROPE),
        &call("look", "{}").replacen('{', r#"{"content":"a {\"b\"} \\","#, 1),
    ] {
        assert!(accepted(good), "{good}");
    }
    for bad in [
        r#"{"tool_calls""#,
        r#"{"tool_calls":7}"#,
        r#"{ "tool_calls" : [] }"#,
        "\n{\n\"tool_calls\":[]}",
        r#"{"content":"x", "tool_calls":7}"#,
        &call("unknown", "{}"),
        &format!("{} And more.", call("look", "{}")),
        &format!(" {}", call("look", "{}")),
    ] {
        assert!(!accepted(bad), "{bad}");
    }
}

#[test]
fn what_may_call_beside_a_schema_keeps_to_the_schema_where_it_does_not() {
    let forms = forms();
    let accepted = |form: &Form, text: &str| accepts(&forms, form, text);
    let said = r#"{"type":"object","properties":{"content":{"type":"string"},"mood":{"enum":["good","bad"]}},"required":["mood"],"additionalProperties":false}"#;
    let form = two(ToolChoice::Auto, true, Form::JsonSchema(said.to_owned()));
    for good in [
        r#"{"mood":"good"}"#,
        "{\n  \"content\": \"x\",\n  \"mood\": \"bad\"\n}",
        &call("give", ROPE),
        &call("look", "{}"),
        &call("look", "{}").replacen('{', r#"{"content":"x","#, 1),
    ] {
        assert!(accepted(&form, good), "{good}");
    }
    for bad in [
        "text",
        r#"{"mood":"so"}"#,
        r#"{"content":"x"}"#,
        r#"{"tool_calls":[]}"#,
        r#"{"mood":"good","tool_calls":[]}"#,
        &call("give", "{}"),
    ] {
        assert!(!accepted(&form, bad), "{bad}");
    }
    let any = two(ToolChoice::Auto, false, Form::JsonObject);
    for good in [r#"{"a":[1,{"b":null}]}"#, "{}", &call("look", "{}")] {
        assert!(accepted(&any, good), "{good}");
    }
    for bad in [r#"{"tool_calls":7}"#, r#"{"tool_calls": []}"#, r#"{"a":1,"tool_calls":7}"#, "[]", "text"] {
        assert!(!accepted(&any, bad), "{bad}");
    }
    // An answer that is an object with calls in it cannot be told from calls.
    let both = r#"{"type":"object","properties":{"tool_calls":{"type":"integer"}}}"#;
    for odd in [both, "true", "7", r#"{"properties":7}"#] {
        assert!(forms.begin(&two(ToolChoice::Auto, true, Form::JsonSchema(odd.to_owned()))).is_err(), "{odd}");
    }
    assert!(
        forms.begin(&two(ToolChoice::Required, true, Form::JsonSchema(both.to_owned()))).is_ok(),
        "it is no answer here"
    );
}

#[test]
fn arguments_are_an_object_and_as_much_of_their_schema_as_can_be_said() {
    let forms = forms();
    let anything = r#"{"a":[1,"b"],"c":{}}"#;
    for (schema, held) in [
        ("true", false),
        ("{}", false),
        (r#"{"type":["object","null"]}"#, false),
        (r#"{"properties":{"a":{"type":"array"}}}"#, false),
        (r#"{"properties":{"a":{"type":"integer"}}}"#, true),
        (r##"{"$defs":{"n":{"type":"integer"}},"properties":{"a":{"$ref":"#/$defs/n"}}}"##, true),
        (r##"{"$ref":"#/$defs/n","$defs":{"n":{"properties":{"a":{"type":"integer"}}}}}"##, true),
        (r#"{"properties":{"a":{"oneOf":[{"type":"integer"},{"type":"number"}]}}}"#, true),
        // No grammar says these.
        (r##"{"properties":{"a":{"$ref":"#/nowhere"}}}"##, false),
        (r#"{"properties":{"a":{"$ref":"https://example.com/x.json"}}}"#, false),
        (r#"{"properties":{"a":{"type":"nonsense"}}}"#, false),
        (r#"{"properties":{"a":{"type":"string","pattern":"((((a{1,99}){1,99}){1,99}){1,99})"}}}"#, true),
    ] {
        let form = of(vec![function("f", schema, false)], ToolChoice::Required, true, Form::Text);
        assert_eq!(accepts(&forms, &form, &call("f", anything)), !held, "{schema}");
        for no_object in ["[]", "7", "null", "\"x\""] {
            assert!(!accepts(&forms, &form, &call("f", no_object)), "{schema}: {no_object}");
        }
    }
    // Where the client relies on it, the teacher answers instead.
    for bad in [
        r##"{"properties":{"a":{"$ref":"#/nowhere"}}}"##,
        r#"{"properties":{"a":{"oneOf":[{"type":"integer"},{"type":"number"}]}}}"#,
    ] {
        let strict = of(vec![function("f", bad, true)], ToolChoice::Auto, true, Form::Text);
        let why = forms.begin(&strict).err().unwrap().to_string();
        assert!(why.contains("the parameters of `f`"), "{why}");
    }
}

#[test]
fn tools_that_mean_harm_cost_little_and_the_next_are_called() {
    let forms = forms();
    let deep = |open: &str, close: &str| format!("{}{}{}", open.repeat(100), "{}", close.repeat(100));
    let many = |count: usize| (0..count).map(|at| function(&format!("f{at}"), GIVE, true)).collect::<Vec<_>>();
    let one = |schema: String| vec![function("f", &schema, false)];
    for (what, functions) in [
        ("200 functions", many(200)),
        ("deep items", one(deep(r#"{"items":"#, "}"))),
        ("deep allOf", one(format!("{}{{}}{}", r#"{"allOf":["#.repeat(60), "]}".repeat(60)))),
        ("itself", one(r##"{"$ref":"#"}"##.to_owned())),
        ("its circle", one(r##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"properties":{"x":{"$ref":"#/$defs/a"}}}"##.to_owned())),
        ("many at least", one(r#"{"properties":{"x":{"type":"array","minItems":1000000000}},"required":["x"]}"#.to_owned())),
        ("a long enum", one(format!(r#"{{"properties":{{"x":{{"enum":[{}]}}}}}}"#, vec!["\"rope\""; 100_000].join(",")))),
    ] {
        for choice in [ToolChoice::Auto, ToolChoice::Required] {
            let began = Instant::now();
            drop(forms.begin(&of(functions.clone(), choice, true, Form::Text)).map(|constraint| {
                constraint.unwrap().mask(&vec![0.0; forms_vocabulary()]).map(|masked| masked.is_some())
            }));
            assert!(began.elapsed() < Duration::from_secs(20), "{what}: {:?}", began.elapsed());
        }
    }
    assert!(accepts(&forms, &two(ToolChoice::Required, true, Form::Text), &call("give", ROPE)));
}

fn forms_vocabulary() -> usize {
    Tokenizer::load(&golden()).unwrap().vocab_size()
}

#[test]
fn a_model_that_knows_nothing_calls_what_it_must_and_says_so() {
    let base = edited_base(|config| config["max_position_embeddings"] = 2048.into());
    let tiny = tiny_of(base.path(), gemma::GraphFormat::F32, 4, 2000);
    let model = tiny.student.model("base".to_owned(), None).unwrap();
    let ask = |form: Form, seed: u64, max_tokens: u32| -> Result<Answer, ModelError> {
        let sampling = Sampling::Random { temperature: 1.0, top_p: 1.0, seed: Some(seed) };
        let prompt = Prompt::new(vec![Turn::new(Role::User, "A rope, please.")], max_tokens, sampling);
        wait(model.answer(Prompt { form, ..prompt }))
    };
    // Of a text there is nothing long to get lost in.
    let lamp = r#"{"type":"object","properties":{"item":{"enum":["rope","oil lamp"]},"lit":{"type":"boolean"}},"required":["item","lit"],"additionalProperties":false}"#;
    let form = |choice| of(vec![function("give", lamp, true), function("take", lamp, true)], choice, false, Form::Text);
    for seed in 1..6 {
        let answer = ask(form(ToolChoice::Named("take".to_owned())), seed, 1900).unwrap();
        let Some(Calls { calls, .. }) = answer.calls() else { panic!("{answer:?}") };
        assert_eq!((calls.len(), calls[0].name.as_str(), answer.finish), (1, "take", Finish::ToolCalls));
        let given: serde_json::Value = serde_json::from_str(&calls[0].arguments).unwrap();
        assert!(
            ["rope", "oil lamp"].contains(&given["item"].as_str().unwrap()) && given["lit"].is_boolean(),
            "{given}"
        );
        assert_eq!(answer.text, Calls { content: String::new(), calls }.text(), "as it is learnt");
        assert!(answer.signals.tokens > 0 && answer.signals.tokens < answer.usage.completion_tokens, "{answer:?}");
        // Free to say anything it does, and every token of it counts.
        let text = ask(form(ToolChoice::Auto), seed, 30).unwrap();
        assert_eq!(text.signals.tokens, text.usage.completion_tokens, "{text:?}");
    }
    let strict = of(vec![function("f", r##"{"$ref":"#/nowhere"}"##, true)], ToolChoice::Auto, true, Form::Text);
    assert!(matches!(ask(strict, 1, 9), Err(ModelError::Ineligible(Ineligible::Schema(_)))));
    assert!(ask(form(ToolChoice::Required), 1, 1900).is_ok());
}
