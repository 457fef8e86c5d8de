use serde_json::{Value, json};

use crate::fields::{Compared, compare, differing, differs_in_prose, is_tool_calls, read};

fn by(student: &Value, teacher: &Value, free: &[&str]) -> Compared {
    compare(student, teacher, 0.01, &free.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>())
}

fn counts(student: &Value, teacher: &Value, free: &[&str]) -> (usize, usize, Option<String>) {
    let Compared { right, total, wrong } = by(student, teacher, free);
    (right, total, wrong)
}

#[test]
fn fields_are_counted_one_by_one_and_the_first_wrong_path_is_said() {
    let teacher = json!({"a": 1, "b": {"c/d": ["x", "y"]}, "e": {}});
    assert_eq!(counts(&teacher, &teacher, &[]), (4, 4, None));
    let student = json!({"a": 1, "b": {"c/d": ["x", "z"]}, "e": {}});
    assert_eq!(counts(&student, &teacher, &[]), (3, 4, Some("/b/c~1d/*".into())));
    assert_eq!(counts(&json!(1), &json!(2), &[]), (0, 1, Some(String::new())));
}

#[test]
fn missing_and_extra_fields_are_wrong() {
    assert_eq!(counts(&json!({"a": 1}), &json!({"a": 1, "b": 2}), &[]), (1, 2, Some("/b".into())));
    assert_eq!(counts(&json!({"a": 1, "b": 2}), &json!({"a": 1}), &[]), (1, 2, Some("/b".into())));
    assert_eq!(counts(&json!([1, 2]), &json!([1]), &[]), (1, 2, Some(String::new())));
    assert_eq!(counts(&json!({}), &json!({"a": null}), &[]), (0, 1, Some("/a".into())));
    assert_eq!(counts(&json!([]), &json!({}), &[]), (0, 1, Some(String::new())));
}

#[test]
fn numbers_have_a_relative_tolerance_and_lists_an_order() {
    assert_eq!(by(&json!([1005, 5.0, -1]), &json!([1000, 5, -1]), &[]).wrong, None);
    assert_eq!(by(&json!([1020]), &json!([1000]), &[]).wrong.as_deref(), Some("/*"));
    assert_eq!(by(&json!(["b", "a"]), &json!(["a", "b"]), &[]).right, 0);
    assert_eq!(by(&json!("5"), &json!(5), &[]).right, 0);
}

#[test]
fn free_fields_need_only_be_there_and_of_the_type() {
    let teacher = json!({"id": "x", "items": [{"say": "a", "n": 1}, {"say": "b", "n": 2}]});
    let student = json!({"id": "x", "items": [{"say": "c", "n": 1}, {"say": "", "n": 2}]});
    assert_eq!(counts(&student, &teacher, &["/items/*/say"]), (5, 5, None));
    let typed = json!({"id": "x", "items": [{"say": 7, "n": 1}, {"n": 2}]});
    assert_eq!(by(&typed, &teacher, &["/items/*/say"]).right, 3);
    assert_eq!(by(&json!({"id": "x", "items": []}), &teacher, &["/items"]).wrong, None);
    assert_eq!(by(&json!({"id": "x"}), &teacher, &["/items"]).wrong.as_deref(), Some("/items"));
    assert_eq!(by(&json!({"id": "x"}), &teacher, &["/items?"]).wrong, None);
}

#[test]
fn what_differs_between_two_answers_becomes_free_of_itself() {
    let left = json!({"a": 1, "say": "x", "list": [1, 2], "note": "only here", "n": [{"v": 1}, {"v": 2}]});
    let right = json!({"a": 1, "say": "y", "list": [1], "n": [{"v": 3}, {"v": 4}]});
    let paths: Vec<String> = differing(&left, &right, 0.0).into_iter().collect();
    assert_eq!(paths, ["/list", "/n/*/v", "/note?", "/say"]);
    for (student, teacher) in [(&left, &right), (&right, &left)] {
        assert_eq!(compare(student, teacher, 0.0, &paths).wrong, None);
    }
    assert!(!differs_in_prose(&left, &right, 3));
    assert!(differs_in_prose(&json!([{"a": "one two three four"}]), &json!([{"a": "five"}]), 3));
}

#[test]
fn only_plain_json_is_read_and_arguments_in_a_text_are_opened() {
    assert_eq!(read("```json\n{}\n```"), None);
    assert_eq!(read("{} {}"), None);
    assert_eq!(read(" {\"a\": 1}\n"), Some(json!({"a": 1})));
    let call = r#"[{"name": "buy", "arguments": "{\"item\": \"rope\"}"}]"#;
    let calls = read(call).unwrap();
    assert!(is_tool_calls(&calls));
    assert_eq!(calls, json!([{"name": "buy", "arguments": {"item": "rope"}}]));
    assert!(!is_tool_calls(&json!([])) && !is_tool_calls(&json!([{"name": "buy"}])));
    assert_eq!(by(&json!([{"name": "sell", "arguments": {"item": "rope"}}]), &calls, &[]).share(), 0.5);
}
