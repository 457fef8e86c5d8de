//! Which request is whose model's to refuse.

use super::{ParameterRule, ParameterRules, matches};
use crate::{Api, Ineligible};

fn rule(models: &[&str], refuses: &[&str]) -> ParameterRule {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    ParameterRule { models: owned(models), refuses: owned(refuses) }
}

fn rules() -> ParameterRules {
    ParameterRules(vec![
        rule(&["thinker-chat*"], &["top_k"]),
        rule(&["thinker", "thinker-*"], &["temperature", "logit_bias", "max_tokens", "logprobs", "top_k"]),
    ])
}

#[test]
fn a_star_stands_for_any_text() {
    for (pattern, model, wanted) in [
        ("gpt-5", "gpt-5", true),
        ("gpt-5", "gpt-5-mini", false),
        ("gpt-5*", "gpt-5", true),
        ("gpt-5*", "gpt-5-mini", true),
        ("gpt-5*", "my-gpt-5", false),
        ("*mini", "gpt-5-mini", true),
        ("*mini", "gpt-5-mini-2", false),
        ("a*b*c", "a-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("ab*ba", "aba", false),
        ("*", "", true),
        ("**", "x", true),
    ] {
        assert_eq!(matches(pattern, model), wanted, "{pattern} {model}");
    }
}

#[test]
fn the_first_rule_that_names_a_model_holds_and_others_take_everything() {
    let rules = rules();
    assert_eq!(rules.refused_by("thinker-chat-latest"), ["top_k"]);
    assert_eq!(rules.refused_by("thinker-mini").len(), 5);
    assert!(rules.refused_by("plain").is_empty());
}

#[test]
fn what_the_model_refuses_is_its_own_to_answer_unless_it_says_nothing() {
    let allowed = |model: &str, fields: &str| {
        let body = format!(r#"{{"model":"m","messages":[]{fields}}}"#);
        rules().allow(model, &Api::Chat.parse(body.as_bytes()).unwrap())
    };
    for neutral in [
        "",
        r#","temperature":1,"logit_bias":{},"logprobs":false,"top_k":0"#,
        r#","temperature":1.0,"max_tokens":null,"top_k":-1"#,
        r#","top_p":0.5"#,
    ] {
        assert_eq!(allowed("thinker", neutral), Ok(()), "{neutral}");
    }
    for (fields, name) in [
        (r#","temperature":0"#, "temperature"),
        (r#","temperature":"hot""#, "temperature"),
        (r#","logit_bias":{"7":1}"#, "logit_bias"),
        (r#","max_tokens":1"#, "max_tokens"),
        (r#","logprobs":true"#, "logprobs"),
        (r#","top_k":40"#, "top_k"),
    ] {
        assert_eq!(allowed("thinker", fields), Err(Ineligible::Field(name.to_owned())), "{fields}");
        assert_eq!(allowed("plain", fields), Ok(()), "{fields}");
    }
    assert_eq!(allowed("thinker-chat", r#","temperature":0"#), Ok(()));
}

#[test]
fn a_rule_says_what_is_wrong_with_it() {
    assert_eq!(rule(&["a*"], &["top_p", "n"]).problem(), None);
    assert!(rule(&[], &["top_p"]).problem().unwrap().contains("`models`"));
    assert!(rule(&["a", ""], &[]).problem().unwrap().contains("`models`"));
    let unknown = rule(&["a"], &["temprature"]).problem().unwrap();
    assert!(unknown.contains("`temprature`") && unknown.contains("temperature, top_k"), "{unknown}");
}
