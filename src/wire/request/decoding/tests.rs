//! What a request says of the choice of tokens, over what its call site says.

use crate::{Api, Decoding, Ineligible, Prompt, Sampling};

const SITE: Sampling = Sampling::Random { temperature: 0.5, top_p: 0.75, seed: None };

fn asked(fields: &str, site: Sampling) -> Result<Prompt, Ineligible> {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}]{fields}}}"#);
    Api::Chat.parse(body.as_bytes()).unwrap().prompt(9, site)
}

fn random(temperature: f32, top_p: f32, seed: Option<u64>) -> Sampling {
    Sampling::Random { temperature, top_p, seed }
}

#[test]
fn a_request_is_sampled_as_it_says_and_else_as_its_site_says() {
    for (fields, over_greedy, over_random) in [
        ("", Sampling::Greedy, SITE),
        (r#","temperature":1,"top_p":1.0"#, Sampling::Greedy, SITE),
        (r#","temperature":null,"top_p":null,"seed":null"#, Sampling::Greedy, SITE),
        (r#","temperature":0"#, Sampling::Greedy, Sampling::Greedy),
        (r#","temperature":0.0,"top_p":0.25,"seed":7"#, Sampling::Greedy, Sampling::Greedy),
        (r#","temperature":0.25"#, random(0.25, 1.0, None), random(0.25, 0.75, None)),
        (r#","temperature":2,"top_p":0.5"#, random(2.0, 0.5, None), random(2.0, 0.5, None)),
        (r#","top_p":0.5"#, Sampling::Greedy, random(0.5, 0.5, None)),
        (r#","temperature":0.25,"seed":-1"#, random(0.25, 1.0, Some(u64::MAX)), random(0.25, 0.75, Some(u64::MAX))),
        (r#","seed":7"#, Sampling::Greedy, random(0.5, 0.75, Some(7))),
    ] {
        assert_eq!(asked(fields, Sampling::Greedy).unwrap().sampling, over_greedy, "{fields}");
        assert_eq!(asked(fields, SITE).unwrap().sampling, over_random, "{fields}");
    }
}

#[test]
fn penalties_and_cuts_are_read_and_what_says_nothing_is_none() {
    let none = r#","top_k":-1,"min_p":0,"repetition_penalty":1,"presence_penalty":0,"frequency_penalty":0.0"#;
    for fields in ["", none, r#","top_k":0"#, r#","top_k":null,"min_p":null"#] {
        assert_eq!(asked(fields, SITE).unwrap().decoding, Decoding::default(), "{fields}");
    }
    let all = r#","top_k":40,"min_p":0.05,"repetition_penalty":1.25,"presence_penalty":-2,"frequency_penalty":2"#;
    let wanted =
        Decoding { top_k: 40, min_p: 0.05, repetition_penalty: 1.25, presence_penalty: -2.0, frequency_penalty: 2.0 };
    assert_eq!(asked(all, SITE).unwrap().decoding, wanted);
}

#[test]
fn what_is_out_of_range_or_no_number_is_the_teachers_by_name() {
    for (field, values) in [
        ("temperature", &["-0.1", "2.1", "\"hot\"", "true", "[]"][..]),
        ("top_p", &["-0.1", "1.01", "{}"]),
        ("seed", &["1.5", "\"7\"", "1e30"]),
        ("top_k", &["-2", "1.5", "4294967296", "\"40\""]),
        ("min_p", &["-0.1", "1.1", "\"0.1\""]),
        ("repetition_penalty", &["0", "-1", "2.1", "false"]),
        ("presence_penalty", &["-2.1", "2.1", "1e99", "[1]"]),
        ("frequency_penalty", &["-2.1", "2.1", "\"1\""]),
    ] {
        for value in values {
            let asked = asked(&format!(r#","{field}":{value}"#), Sampling::Greedy);
            assert_eq!(asked, Err(Ineligible::Field(field.to_owned())), "{field}: {value}");
        }
    }
}

#[test]
fn responses_are_sampled_as_they_say_too_and_know_no_penalties() {
    let asked = |fields: &str| {
        let body = format!(r#"{{"model":"m","input":"x"{fields}}}"#);
        Api::Responses.parse(body.as_bytes()).unwrap().prompt(9, SITE)
    };
    assert_eq!(asked(r#","temperature":0.25,"top_p":0.5"#).unwrap().sampling, random(0.25, 0.5, None));
    assert_eq!(asked(r#","temperature":1,"top_p":1"#).unwrap().sampling, SITE);
    assert_eq!(asked(r#","temperature":3"#), Err(Ineligible::Field("temperature".to_owned())));
    for field in ["top_k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty", "seed"] {
        assert_eq!(asked(&format!(r#","{field}":1"#)), Err(Ineligible::Field(field.to_owned())));
    }
}
