use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use cycle::{Board, Requests};
use handover::{Audit, Candidate, Dice, Policy};
use http_body_util::BodyExt;
use ledger::Ledger;
use telemetry::Metrics;
use tower_service::Service;

use crate::{Admin, Token, router};

struct Server {
    router: axum::Router,
    ledger: Arc<Ledger>,
    _dir: tempfile::TempDir,
}

fn server() -> Server {
    let dir = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new().unwrap());
    let ledger = Arc::new(Ledger::open_dir(dir.path(), Box::new(|_| Policy::default()), metrics.clone()).unwrap());
    drop(ledger.plan("shop", Dice { route: 0.0, audit: 0.0 }));
    let board = Board::new(metrics.clone());
    let admin = Admin {
        ledger: ledger.clone(),
        board,
        lessons: Requests::default(),
        metrics,
        token: Token::new("secret"),
        clock: || 7,
    };
    Server { router: router(admin), ledger, _dir: dir }
}

async fn call(
    server: &mut Server,
    method: &str,
    path: &str,
    token: Option<&str>,
    host: &str,
    body: &str,
) -> (StatusCode, String) {
    let mut request = Request::builder().method(method).uri(path).header("host", host);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response = server.router.call(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn ask(server: &mut Server, method: &str, path: &str, body: &str) -> (StatusCode, String) {
    call(server, method, path, Some("secret"), "127.0.0.1:8081", body).await
}

#[tokio::test]
async fn steering_needs_the_token_and_watching_does_not() {
    let mut server = server();
    for token in [None, Some("wrong"), Some("")] {
        let (status, body) = call(&mut server, "GET", "/admin/call-sites", token, "localhost", "").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(body.contains("Authorization: Bearer"));
    }
    for path in ["/metrics", "/healthz", "/readyz", "/admin/openapi.json"] {
        assert_eq!(call(&mut server, "GET", path, None, "localhost", "").await.0, StatusCode::OK, "{path}");
    }
    assert_eq!(call(&mut server, "GET", "/metrics", None, "evil.example", "").await.0, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn a_site_is_shown_with_its_evidence() {
    let mut server = server();
    let (status, body) = ask(&mut server, "GET", "/admin/call-sites/shop", "").await;
    assert_eq!(status, StatusCode::OK);
    let site: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (site["site"].as_str(), site["state"].as_str(), site["audits"].as_u64()),
        (Some("shop"), Some("teacher"), Some(0))
    );
    assert_eq!(ask(&mut server, "GET", "/admin/call-sites/nobody", "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_rollback_is_made_and_written_down_with_its_reason() {
    let mut server = server();
    server.ledger.candidate("shop", 1, Candidate { version: "1".into(), grid: vec![0.0], exam: 1.0 }).unwrap();
    let audit = Audit {
        request: "r".into(),
        version: "1".into(),
        quality: 1.0,
        confidence: 1.0,
        verified: true,
        served: false,
    };
    (0..120).for_each(|_| server.ledger.audit("shop", 1, audit.clone()).unwrap());
    let (status, body) =
        ask(&mut server, "POST", "/admin/call-sites/shop/rollback", r#"{"reason":"players complained"}"#).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains(r#""from":"student","to":"held""#), "{body}");
    let (_, log) = ask(&mut server, "GET", "/admin/audit?site=shop&limit=1", "").await;
    assert!(log.contains("players complained") && log.contains(r#""at_ms":7"#), "{log}");
}

#[tokio::test]
async fn what_the_evidence_does_not_allow_is_a_conflict_that_says_why() {
    let mut server = server();
    let (status, body) = ask(&mut server, "POST", "/admin/call-sites/shop/promote", "").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(body.contains("no version has passed its exam yet"), "{body}");
    let (status, body) = ask(&mut server, "POST", "/admin/call-sites/shop/rollback", r#"{"version":"1"}"#).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.contains("unknown field"), "{body}");
}

#[tokio::test]
async fn a_lesson_can_be_asked_for() {
    let mut server = server();
    assert_eq!(ask(&mut server, "POST", "/admin/call-sites/shop/train", "").await.0, StatusCode::ACCEPTED);
    assert_eq!(ask(&mut server, "POST", "/admin/call-sites/nobody/train", "").await.0, StatusCode::NOT_FOUND);
}
