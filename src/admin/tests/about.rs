//! What the API says of the program, of versions and of lessons.

use std::time::Instant;

use serde_json::{Value, json};
use teacher::{Price, Prices};
use telemetry::Answered;

use super::*;
use crate::{About, CaptureSearch, SettingView, TeacherFacts, TeacherFinding};

/// A teacher that is not there, one setting, and runs whose folder cannot be listed.
pub(super) fn about(registry: Registry) -> About {
    let endpoint = teacher::Endpoint::new("http://127.0.0.1:9/v1", None, None).unwrap();
    let row = SettingView { key: "proxy.listen".into(), value: "x".into(), source: "file", meaning: "Where." };
    About {
        since_ms: 5,
        teacher: TeacherFacts { endpoint, key_source: "each client's own".into(), distillable: "yes" },
        prices: Prices::of_everything(Price { input: 1.0, output: 2.0, since: None }),
        registry,
        configuration: Box::new(move || Ok(vec![row.clone()])),
        generated: Box::new(|| Err("the folder cannot be listed".into())),
        check_teacher: Box::new(|models| {
            let said = format!("asked for {models:?}");
            Box::pin(async {
                vec![TeacherFinding { name: "teacher's models", state: "ok", said, todo: String::new() }]
            })
        }),
    }
}

async fn json_of(server: &mut Server, path: &str) -> Value {
    let (status, body) = ask(server, "GET", path, "").await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn the_teacher_and_the_configuration_are_told() {
    let mut server = server();
    server.metrics.teacher_errors_total("shop", "timeout").inc_by(2);
    server.metrics.teacher_errors_total("tavern", "timeout").inc();
    server.metrics.traffic().note(("shop", "path", "gpt"), Answered::Student, 0.1, 7);
    let teacher = json_of(&mut server, "/admin/teacher").await;
    assert_eq!(teacher["errors"], json!({"timeout": 3.0}));
    assert_eq!((&teacher["circuit"], &teacher["distillable"]), (&json!("closed"), &json!("yes")));
    assert_eq!(teacher["models"], json!({"gpt": {"input_usd": 1.0, "output_usd": 2.0, "since": null}}));
    assert_eq!(teacher["quota"], Value::Null, "nothing was asked yet");
    let found = json_of(&mut server, "/admin/teacher/check").await;
    assert_eq!(found[0]["said"], r#"asked for ["gpt"]"#);
    let rows = json_of(&mut server, "/admin/configuration").await;
    assert_eq!(rows, json!([{"key": "proxy.listen", "value": "x", "source": "file", "meaning": "Where."}]));
    let (status, body) = ask(&mut server, "GET", "/admin/generated", "").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("the folder cannot be listed"), "{body}");
    let site = json_of(&mut server, "/admin/call-sites/shop").await;
    assert_eq!((&site["traffic"]["student"], &site["traffic"]["recognised_by"]), (&json!(1), &json!([["path", 1]])));
    assert_eq!(site["saved"], Value::Null);
}

#[tokio::test]
async fn versions_are_told_with_what_they_are_and_learnt_from() {
    let mut server = server();
    assert_eq!(json_of(&mut server, "/admin/call-sites/shop/versions").await, json!([]));
    let adapter = tempfile::tempdir().unwrap();
    let publish = |content: &str| {
        std::fs::write(adapter.path().join("adapter.safetensors"), content).unwrap();
        server.registry.publish(&shop(), adapter.path(), json!({"lesson": 4, "exam": 0.9})).unwrap()
    };
    let published = [publish("one"), publish("two")];
    compared(&server, 120);
    let rolled = ask(&mut server, "POST", "/admin/call-sites/shop/discard", r#"{"version": "1-a"}"#).await;
    assert_eq!(rolled.0, StatusCode::OK, "{}", rolled.1);
    let versions = json_of(&mut server, "/admin/call-sites/shop/versions").await;
    let told: Vec<(&str, &str)> = versions
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["version"].as_str().unwrap(), one["role"].as_str().unwrap()))
        .collect();
    let [first, second] = published.each_ref().map(VersionId::as_str);
    assert_eq!(told[0], (second, "kept"));
    assert!(told.contains(&(first, "kept")) && told.contains(&("1-a", "discarded")), "{told:?}");
    assert_eq!(versions[0]["manifest"]["facts"]["lesson"], 4);
    assert_eq!(versions[0]["manifest"]["files"][0]["name"], "adapter.safetensors");
    let manifest = |at: usize| &versions[at]["manifest"];
    assert!((0..3).any(|at| manifest(at).is_null()), "of one that was never published nothing is known");
    assert_eq!(ask(&mut server, "GET", "/admin/call-sites/nobody/versions", "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn points_of_a_comparison_must_be_points() {
    let mut server = server();
    compared(&server, 400);
    let rate = |points: u8| {
        let points = json!({"fun": points, "structure": 3, "adherence": 3});
        json!({"request": "q", "version": "1-a", "good": true, "compared": {"teacher_good": false, "student_points": points}})
    };
    for wrong in [0, 6] {
        let (status, body) = ask(&mut server, "POST", "/admin/call-sites/shop/ratings", &rate(wrong).to_string()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(body.contains("points are from 1 to 5"), "{body}");
    }
    let (status, body) = ask(&mut server, "POST", "/admin/call-sites/shop/ratings", &rate(5).to_string()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(body.contains(r#""compared":{"teacher_good":false,"student_points":{"fun":5"#), "{body}");
    let nothing = ask(&mut server, "GET", "/admin/call-sites/shop/labels?form=kto", "").await;
    assert_eq!(nothing, (StatusCode::OK, String::new()), "the exchange is not in the log");
    assert_eq!(ask(&mut server, "GET", "/admin/call-sites/shop/labels?form=x", "").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&mut server, "POST", "/admin/call-sites/shop/lesson/cancel", "").await.0, StatusCode::CONFLICT);
    assert_eq!(json_of(&mut server, "/admin/call-sites/shop/lesson/worst").await, json!([]));
}

#[tokio::test]
async fn exchanges_are_searched_as_the_page_does() {
    let mut server = server();
    let at_ms = 1_764_511_509_000;
    let exchange = |number: u128, status| Exchange {
        id: uuid::Uuid::from_u128((u128::from(at_ms) << 80) | number),
        at_ms,
        status,
        request: format!(r#"{{"question": {number}}}"#),
        ..exchange("shop", Source::Teacher)
    };
    server.captures.append(vec![exchange(1, 200), exchange(2, 429), exchange(3, 200)]).unwrap();
    let (status, body) = ask(&mut server, "GET", "/admin/captures?site=shop&status=ok&from=2025-11-30T00:00", "").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let found: Vec<Exchange> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let asked: Vec<&str> = found.iter().map(|found| found.request.as_str()).collect();
    assert_eq!(asked, [r#"{"question": 1}"#, r#"{"question": 3}"#], "the oldest first");
    assert_eq!(ask(&mut server, "GET", "/admin/captures?to=noon", "").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&mut server, "GET", "/admin/captures?site=nobody", "").await, (StatusCode::OK, String::new()));
}

#[tokio::test]
async fn a_version_of_a_site_that_is_held_is_called_so() {
    let mut server = server();
    compared(&server, 120);
    let role = json_of(&mut server, "/admin/call-sites/shop/versions").await[0]["role"].clone();
    assert_eq!(role, "serving");
    assert_eq!(ask(&mut server, "POST", "/admin/call-sites/shop/hold", "").await.0, StatusCode::OK);
    let role = json_of(&mut server, "/admin/call-sites/shop/versions").await[0]["role"].clone();
    assert_eq!(role, "held");
}

#[tokio::test]
async fn what_was_not_looked_at_in_time_is_said() {
    let server = server();
    server.captures.append(vec![exchange("shop", Source::Teacher)]).unwrap();
    let said = |ago_s: u64| {
        let began = Instant::now().checked_sub(Duration::from_secs(ago_s)).unwrap();
        let found = crate::search(&server.captures, CaptureSearch::default(), crate::FOUND_MAX, began).unwrap();
        let answer = crate::search::answer(&found).unwrap();
        (found.newest.len(), answer.headers()[crate::ALL_READ].to_str().unwrap().to_owned())
    };
    assert_eq!((said(0), said(11)), ((1, "true".to_owned()), (0, "false".to_owned())));
}
