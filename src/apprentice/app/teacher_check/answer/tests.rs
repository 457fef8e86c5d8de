//! What a teacher's answer leads to.

use super::*;
use crate::finding::State;

const TODAY: u64 = 20_700;
const WANTED: Wanted<'static> = Wanted { key: Some("generate.model"), model: "gpt-5-mini" };

fn judged(status: u16, body: &str, is_set: bool) -> Vec<Finding> {
    let answer = Answer { status, date_s: None, body: body.as_bytes().to_vec() };
    judge(Ok(&answer), Key { variable: "A_KEY", is_set }, &[WANTED], TODAY)
}

/// What is found of the wanted model where its entry says this more.
fn of_model(id: &str, more: &str) -> Finding {
    let found = judged(200, &format!(r#"{{"data": [{{"id": "other"}}, {{"id": "{id}"{more}}}]}}"#), true);
    assert_eq!((found.len(), found[0].state, found[0].said.as_str()), (2, State::Ok, "reached; 2 models"));
    found[1].clone()
}

#[test]
fn a_wrong_key_fails_and_none_is_only_said() {
    let wrong = judged(401, r#"{"error": {"message": "Incorrect API key"}}"#, true);
    assert_eq!((wrong.len(), wrong[0].state), (1, State::Fail));
    assert!(wrong[0].said.contains("$A_KEY is refused (401): Incorrect API key"), "{wrong:?}");
    assert_eq!(judged(403, "", true)[0].state, State::Fail);
    let none = &judged(401, "", false)[0];
    assert!(none.state == State::Warn && none.todo.contains("set A_KEY"), "{none:?}");
}

#[test]
fn a_teacher_without_a_list_is_reached_all_the_same() {
    for (status, body) in [(404, "no"), (405, ""), (500, "<html>"), (200, "<html>"), (200, r#"{"data": 3}"#)] {
        let found = judged(status, body, true);
        assert_eq!((found.len(), found[0].state), (1, State::Warn), "{status} {body}");
        assert!(!found[0].todo.is_empty(), "{found:?}");
    }
}

#[test]
fn an_unknown_model_is_named_with_the_nearest() {
    let near = of_model("gpt-5-mimi", "");
    assert_eq!(near.state, State::Warn);
    assert!(
        near.said.contains("`gpt-5-mini` (generate.model)") && near.todo.contains("did you mean `gpt-5-mimi`"),
        "{near:?}"
    );
    let far = of_model("llama-3.3-70b", "");
    assert!(far.state == State::Warn && !far.todo.contains("did you mean"), "{far:?}");
    assert_eq!(of_model("gpt-5-mini", "").state, State::Ok);
}

#[test]
fn a_models_end_is_said_ninety_days_before_in_whatever_form_it_stands() {
    let date = |day: u64| format!(r#", "shutdown_date": {}"#, day * 86_400 + 5);
    let state = |day| of_model("gpt-5-mini", &date(day)).state;
    assert_eq!(
        [state(TODAY), state(TODAY + 1), state(TODAY + 90), state(TODAY + 91)],
        [State::Fail, State::Warn, State::Warn, State::Ok]
    );
    // 2026-09-04 is day 20,700.
    let text = |date: &str| of_model("gpt-5-mini", &format!(r#", "shutdown_date": "{date}""#));
    assert_eq!([text("2026-09-03").state, text("2026-09-05T10:00:00Z").state], [State::Fail, State::Warn]);
    assert!(text("2026-09-14").said.contains("in 10 days"), "{:?}", text("2026-09-14"));
    assert_eq!([text("soon").state, of_model("gpt-5-mini", r#", "shutdown_date": null"#).state], [State::Ok; 2]);
}

#[test]
fn a_teacher_that_is_not_reached_fails_with_the_step_that_did() {
    let of = |problem: &str| judge(Err(&problem.to_owned()), Key { variable: "A_KEY", is_set: true }, &[WANTED], TODAY);
    for (problem, todo) in [
        ("client error (Connect): dns error: failed to lookup address information", "name server"),
        ("invalid peer certificate: UnknownIssuer", "teacher.ca_file"),
        ("tcp connect error: Connection refused (os error 111)", "start the teacher"),
        ("no connection within 2s", "firewall"),
    ] {
        let found = of(problem);
        assert_eq!((found.len(), found[0].state), (1, State::Fail));
        assert!(found[0].said == problem && found[0].todo.contains(todo), "{found:?}");
    }
}
