use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use callsite::{SiteId, VersionId};
use capture::{CaptureStore, Distillable, Erase, Exchange, Redactor, SegmentLimits, Segments, Source};
use cycle::{LessonRequests, LessonStatus};
use fingerprint::{Discover, Finder, FinderSettings, Shape, Split, Surroundings};
use futures_util::StreamExt;
use handover::{Audit, AuditOutcome, Basis, Candidate, Numbers, Policy};
use http_body_util::BodyExt;
use ledger::Ledger;
use registry::Registry;
use rules::{LiveRules, Rules, SiteRules};
use telemetry::Metrics;
use tower_service::Service;
use verify::{Comparison, VerifierSettings, Verifiers};
use wire::Sampling;

use crate::body::BODY_TIME;
use crate::{Admin, StudentFacts, Token, router};

mod about;

struct Server {
    router: axum::Router,
    ledger: Arc<Ledger>,
    captures: Arc<Segments>,
    finder: Arc<Finder>,
    metrics: Arc<Metrics>,
    registry: Registry,
    /// Whether what is changed can be written.
    settles: Arc<AtomicBool>,
    _dir: tempfile::TempDir,
}

fn shop() -> SiteId {
    SiteId::new("shop").unwrap()
}

fn live_rules() -> LiveRules {
    let verifier_settings = VerifierSettings::default();
    let rules = SiteRules {
        policy: Policy::default(),
        basis: Basis::default(),
        measure_on: Basis::default(),
        judge: false,
        learns: true,
        verifiers: Arc::new(Verifiers::new(&verifier_settings).unwrap()),
        verifier_settings,
        comparison: Comparison::Exact,
        sampling: Sampling::Greedy,
        max_tokens: 9,
        capture: true,
    };
    LiveRules::new(Rules::new(rules, BTreeMap::new()))
}

struct Nothing;

impl Surroundings for Nothing {
    fn keeps(&self, _: &SiteId) -> bool {
        true
    }
    fn is_bare(&self, _: &SiteId) -> bool {
        true
    }
    fn is_used(&self, _: &SiteId) -> bool {
        false
    }
}

/// Has found two sites.
fn finder() -> Arc<Finder> {
    let settings = FinderSettings { discover: Discover::Learn, split: Split::Templates, sites_max: 9 };
    let finder = Finder::new(settings, Vec::new());
    for number in 0..100 {
        for role in [
            "smith of glass swords. Name a price and praise the blade",
            "herald of the winter court. Announce who enters the hall",
        ] {
            let system = format!("You are Nr. {number}, {role}.");
            finder.look_up(Shape::new("chat", "m", None, None), &system, &format!("Question {number}?"), true, 5);
        }
    }
    assert_eq!(finder.mine(5, &Nothing).found.len(), 2);
    Arc::new(finder)
}

fn server() -> Server {
    let dir = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new().unwrap());
    let ledger = Arc::new(Ledger::open_dir(dir.path(), live_rules(), metrics.clone(), 1).unwrap());
    assert!(ledger.register(&shop()));
    let redactor = Redactor::new(&[]).unwrap();
    let captures = Arc::new(Segments::open(&dir.path().join("capture"), SegmentLimits::NONE, redactor).unwrap());
    let server_captures = captures.clone();
    let registry = Registry::new(&dir.path().join("registry"));
    let (found, settles) = (finder(), Arc::new(AtomicBool::new(true)));
    let (server_found, server_settles) = (found.clone(), settles.clone());
    let admin = Admin {
        ledger: ledger.clone(),
        lessons: LessonStatus::new(dir.path().join("lessons"), metrics.clone()),
        requests: LessonRequests::default(),
        learning: true,
        metrics: metrics.clone(),
        captures: Some(captures.clone()),
        erase: Arc::new(move |erase: &Erase| {
            let erased = captures.erase(erase, &SiteId::clone).map_err(|error| error.to_string())?;
            serde_json::to_value(erased).map_err(|error| error.to_string())
        }),
        student: Some(StudentFacts { base: "models/x".into(), format: "u8row" }),
        finder: found,
        settle: Arc::new(move || if settles.load(Ordering::Relaxed) { Ok(()) } else { Err("the disk is full".into()) }),
        reload: None,
        about: Arc::new(about::about(registry.clone())),
        token: Token::new("secret"),
        hosts: net::OwnHosts::new(&["admin.studio.example".to_owned()]),
        clock: || 7,
    };
    Server {
        router: router(admin),
        ledger,
        captures: server_captures,
        finder: server_found,
        metrics,
        registry,
        settles: server_settles,
        _dir: dir,
    }
}

/// Puts version `1-a` on trial and compares it `audits` times, always well.
fn compared(server: &Server, audits: u32) {
    let version = VersionId::new("1-a").unwrap();
    let (policy, basis) = (Policy::default(), Basis::default());
    let candidate = Candidate {
        version: version.clone(),
        grid: vec![0.0],
        likely: Some(0.0),
        exam: 1.0,
        measure: None,
        calibration: None,
        policy,
        basis,
    };
    server.ledger.add_candidate(&shop(), 1, candidate).unwrap();
    let numbers = Numbers::default();
    let outcome = AuditOutcome::Compared { quality: 1.0, bad: false, confidence: 1.0, verified: true, numbers };
    for prompt in 0..u64::from(audits) {
        let (request, version) = ("r".into(), version.clone());
        let audit =
            Audit { request, version, served: false, prompt, near: prompt, user: None, features: None, outcome };
        server.ledger.record_audit(&shop(), 1, audit).unwrap();
    }
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

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_slowly_for_ever_is_not_waited_for() {
    let mut server = server();
    for path in ["call-sites/shop/hold", "call-sites/shop/exchanges", "capture/erase", "found-sites/shop/name"] {
        let slowly = futures_util::stream::repeat(()).then(|()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, std::convert::Infallible>(Bytes::from_static(b" "))
        });
        let request = Request::post(format!("/admin/{path}")).header("host", "localhost");
        let request = request.header("authorization", "Bearer secret").body(Body::from_stream(slowly)).unwrap();
        let began = tokio::time::Instant::now();
        let response = server.router.call(request).await.unwrap();
        assert_eq!((response.status(), began.elapsed().as_secs()), (StatusCode::REQUEST_TIMEOUT, BODY_TIME.as_secs()));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"]["message"], "the body was not whole after 60s", "{path}");
        assert_eq!(body["error"]["type"], "invalid_request_error");
    }
    // One that is too large has the same shape.
    let (status, body) = ask(&mut server, "POST", "/admin/capture/erase", &" ".repeat(3 << 20)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(body.starts_with("{\"error\":"), "{body}");
}

#[tokio::test]
async fn a_site_is_shown_with_its_evidence() {
    let mut server = server();
    compared(&server, 20);
    let (status, body) = ask(&mut server, "GET", "/admin/call-sites/shop", "").await;
    assert_eq!(status, StatusCode::OK);
    let site: serde_json::Value = serde_json::from_str(&body).unwrap();
    let text = |key: &str| site[key].as_str().map(str::to_owned);
    assert_eq!((text("site").as_deref(), text("state").as_deref()), (Some("shop"), Some("shadow")), "{body}");
    assert_eq!((text("version").as_deref(), site["audits"].as_u64()), (Some("1-a"), Some(20)));
    assert_eq!((site["quality"].as_f64(), site["quality_min"].as_f64()), (Some(1.0), Some(0.9)));
    let bound = site["lower_bound"].as_f64().unwrap();
    assert!(bound > 0.5 && bound < 0.9, "{bound}");
    assert!(site["blocked_by"][0].as_str().unwrap().contains("below 0.9"), "{body}");
    assert_eq!(ask(&mut server, "GET", "/admin/call-sites/nobody", "").await.0, StatusCode::NOT_FOUND);
    let (_, student) = ask(&mut server, "GET", "/admin/student", "").await;
    assert_eq!(student, r#"{"base":"models/x","format":"u8row"}"#);
}

#[tokio::test]
async fn a_rollback_is_made_and_written_down_with_its_reason() {
    let mut server = server();
    compared(&server, 120);
    let (status, body) =
        ask(&mut server, "POST", "/admin/call-sites/shop/rollback", r#"{"reason":"players complained"}"#).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains(r#""from":"student","to":"held""#) && body.contains(r#""written":true"#), "{body}");
    let (_, log) = ask(&mut server, "GET", "/admin/audit?site=shop&limit=1", "").await;
    assert!(log.contains("players complained") && log.contains(r#""at_ms":7"#), "{log}");
    let (_, view) = ask(&mut server, "GET", "/admin/call-sites/shop", "").await;
    assert!(view.contains(r#""discarded_versions":["1-a"]"#), "{view}");
}

fn exchange(site: &str, source: Source) -> Exchange {
    Exchange {
        id: uuid::Uuid::now_v7(),
        site: SiteId::new(site).unwrap(),
        at_ms: 1,
        api: wire::Api::Chat,
        source,
        status: 200,
        stream: false,
        complete: true,
        retry: false,
        distillable: Distillable::Yes,
        user: None,
        redacted: false,
        request: "{}".into(),
        response: "{}".into(),
    }
}

/// The same as a line.
fn line(site: &str, source: Source) -> String {
    serde_json::to_string(&exchange(site, source)).unwrap()
}

#[tokio::test]
async fn what_was_made_is_put_into_the_log_and_traffic_is_not() {
    let mut server = server();
    let path = "/admin/call-sites/shop/exchanges";
    let made = line("shop", Source::Generated("bootstrap".into()));
    let (status, body) =
        ask(&mut server, "POST", path, &format!("{made}\n\n{}\n", line("shop", Source::Imported("a.jsonl".into()))))
            .await;
    assert_eq!(
        (status, body.as_str()),
        (StatusCode::OK, r#"{"site":"shop","stored":2,"too_large":0,"not_redactable":0}"#)
    );
    let wrong = [
        (format!("{made}\nx"), "line 2"),
        (line("tavern", Source::Generated("bootstrap".into())), "is of `tavern`"),
        (format!("{made}\n{}", line("shop", Source::Teacher)), "traffic adds itself"),
    ];
    for (body, message) in wrong {
        let (status, said) = ask(&mut server, "POST", path, &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(said.contains(message), "{said}");
    }
    let mut found = Vec::new();
    server.captures.scan(&shop(), None, &mut |exchange| found.push(exchange.source)).unwrap();
    assert_eq!(
        found,
        [Source::Generated("bootstrap".into()), Source::Imported("a.jsonl".into())],
        "a bad body adds nothing"
    );
}

#[tokio::test]
async fn the_exchange_log_is_shown_verified_sealed_and_erased_from() {
    let mut server = server();
    let made = line("shop", Source::Generated("bootstrap".into()));
    let (status, body) = ask(&mut server, "POST", "/admin/call-sites/shop/exchanges", &made).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (_, shown) = ask(&mut server, "GET", "/admin/capture", "").await;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (shown["sites"]["shop"]["exchanges"].as_u64(), shown["segments"].as_u64()),
        (Some(1), Some(1)),
        "{shown}"
    );
    let (status, sealed) = ask(&mut server, "POST", "/admin/capture/seal", "").await;
    assert!(status == StatusCode::OK && sealed.contains(r#""segments":1"#), "{sealed}");
    let (_, verified) = ask(&mut server, "POST", "/admin/capture/verify", "").await;
    assert!(verified.contains(r#""exchanges":1,"damaged":0,"problem":null"#), "{verified}");
    for wrong in ["", "{}", r#"{"subject":{"site":"bad name"}}"#, r#"{"subject":{"site":"shop"},"befor_ms":1}"#] {
        let (status, said) = ask(&mut server, "POST", "/admin/capture/erase", wrong).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}: {said}");
    }
    let (status, erased) = ask(&mut server, "POST", "/admin/capture/erase", r#"{"subject":{"site":"shop"}}"#).await;
    assert!(status == StatusCode::OK && erased.contains(r#""exchanges":1"#), "{erased}");
    assert!(server.captures.sites().unwrap().is_empty());
}

#[tokio::test]
async fn the_log_is_paged_newest_first() {
    let mut server = server();
    compared(&server, 9);
    let seqs = |text: &str| -> Vec<u64> {
        let page: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
        page.iter().map(|entry| entry["seq"].as_u64().unwrap()).collect()
    };
    let (_, first) = ask(&mut server, "GET", "/admin/audit?limit=4", "").await;
    let first = seqs(&first);
    let (_, next) = ask(&mut server, "GET", &format!("/admin/audit?limit=100&before={}", first[3]), "").await;
    let all: Vec<u64> = first.into_iter().chain(seqs(&next)).collect();
    assert_eq!(all, (0..all.len() as u64).rev().collect::<Vec<_>>());
    assert!(all.len() > 9);
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
async fn a_discarded_version_is_gone_and_the_site_goes_on() {
    let mut server = server();
    compared(&server, 120);
    let (status, body) = ask(&mut server, "POST", "/admin/call-sites/shop/discard", r#"{"version":"1-a"}"#).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let view = server.ledger.view(&shop()).unwrap();
    assert_eq!((view.state, view.version), (handover::State::Teacher, None));
    let (status, _) = ask(&mut server, "POST", "/admin/call-sites/shop/discard", r#"{"version":"9-x"}"#).await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_person_rates_what_a_client_got() {
    let mut server = server();
    compared(&server, 120);
    let path = "/admin/call-sites/shop/ratings";
    let bad = r#"{"request":"r9","version":"1-a","good":false,"reason":"he sells air","actor":"writer"}"#;
    let (status, body) = ask(&mut server, "POST", path, bad).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (status, again) = ask(&mut server, "POST", path, bad).await;
    assert_eq!(status, StatusCode::CONFLICT, "{again}");
    let (status, nobody) = ask(&mut server, "POST", path, r#"{"request":"r10","good":true}"#).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{nobody}");
    assert!(nobody.contains("x-apprentice-model"), "{nobody}");
    let (status, form) = ask(&mut server, "POST", path, r#"{"request":"r10"}"#).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(form.contains("missing field `good`"), "{form}");
    let (_, log) = ask(&mut server, "GET", "/admin/audit?site=shop&limit=1", "").await;
    assert!(log.contains(r#""record":"rating","request":"r9","version":"1-a","good":false"#), "{log}");
    let (_, view) = ask(&mut server, "GET", "/admin/call-sites/shop", "").await;
    assert!(view.contains(r#""rated_good":0,"rated_bad":1"#), "{view}");
}

#[tokio::test]
async fn a_lesson_can_be_asked_for_but_not_of_a_held_site() {
    let mut server = server();
    assert_eq!(ask(&mut server, "POST", "/admin/call-sites/shop/train", "").await.0, StatusCode::ACCEPTED);
    assert_eq!(ask(&mut server, "POST", "/admin/call-sites/nobody/train", "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(&mut server, "POST", "/admin/call-sites/shop/hold", "").await.0, StatusCode::OK);
    let (status, body) = ask(&mut server, "POST", "/admin/call-sites/shop/train", "").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(body.contains("held"), "{body}");
}

#[tokio::test]
async fn the_description_names_every_route_and_no_other() {
    let described: serde_json::Value = serde_json::from_str(crate::routes::OPENAPI).unwrap();
    let mut paths = BTreeSet::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        let methods = methods.as_object().unwrap().keys().filter(|key| *key == "get" || *key == "post");
        paths.extend(methods.map(|method| (method.to_uppercase(), path.clone())));
    }
    // The table of routes, read as it is written.
    let table = include_str!("routes.rs");
    let routed: BTreeSet<(String, String)> = table
        .lines()
        .filter_map(|line| line.trim().strip_prefix(".route(\""))
        .map(|line| {
            let (path, rest) = line.split_once('"').unwrap();
            (if rest.contains("post(") { "POST" } else { "GET" }.to_owned(), path.to_owned())
        })
        .collect();
    assert_eq!(paths, routed);
    let mut server = server();
    let found = server.finder.sites().swap_remove(0).name;
    server.finder.rename(&found, &shop()).unwrap();
    for (method, path) in paths {
        let (status, body) = ask(&mut server, &method, &path.replace("{site}", "shop"), "").await;
        assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        // There is the route, and no lesson to show.
        let known = status != StatusCode::NOT_FOUND || body.contains("no lesson of `shop`");
        assert!(known, "{method} {path}: {body}");
    }
}

#[tokio::test]
async fn found_sites_are_shown_with_samples_and_slots_named_merged_split_and_ignored() {
    let mut server = server();
    let (status, body) = ask(&mut server, "GET", "/admin/found-sites", "").await;
    let found: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, found.as_array().unwrap().len()), (StatusCode::OK, 2));
    let named = |found: &serde_json::Value, begin: &str| {
        let site = found.as_array().unwrap().iter().find(|site| site["site"].as_str().unwrap().starts_with(begin));
        site.unwrap_or_else(|| panic!("{begin}: {found:#}")).clone()
    };
    let smith = named(&found, "smith");
    assert_eq!(smith["templates"][0]["system"], "You are Nr # smith of glass swords Name a price and praise the blade");
    assert_eq!((smith["samples"].as_array().unwrap().len(), &smith["active"]), (3, &serde_json::json!(true)));
    assert_eq!(smith["slots"][0]["values"].as_array().unwrap().len(), 3, "{smith:#}");
    let (smith, herald) = (smith["site"].as_str().unwrap().to_owned(), named(&found, "herald")["site"].clone());
    let herald = herald.as_str().unwrap();

    let post = |site: &str, verb: &str| format!("/admin/found-sites/{site}/{verb}");
    let (status, body) = ask(&mut server, "POST", &post(&smith, "name"), r#"{"name":"shop"}"#).await;
    let shop: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &shop["site"], &shop["former"]), (StatusCode::OK, &"shop".into(), &serde_json::json!([smith])));
    let (status, body) = ask(&mut server, "POST", &post(herald, "merge"), r#"{"into":"shop"}"#).await;
    let shop: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, shop["templates"].as_array().unwrap().len()), (StatusCode::OK, 2));
    assert_eq!(server.finder.sites().len(), 1);
    assert_eq!(ask(&mut server, "POST", &post("shop", "split"), "").await.0, StatusCode::OK);
    assert_eq!(server.finder.sites().len(), 2);
    let (status, body) = ask(&mut server, "POST", &post("shop", "ignore"), "").await;
    assert!(status == StatusCode::OK && body.contains(r#""active":false"#), "{body}");
}

#[tokio::test]
async fn what_cannot_be_changed_of_found_sites_is_refused_with_the_reason() {
    let mut server = server();
    let smith = server.finder.sites().into_iter().find(|site| site.name.as_str().starts_with("smith")).unwrap().name;
    for (path, body, status, what) in [
        ("/admin/found-sites/nobody/name".to_owned(), r#"{"name":"x"}"#, StatusCode::NOT_FOUND, "`nobody`"),
        (format!("/admin/found-sites/{smith}/name"), r#"{"name":"a b"}"#, StatusCode::BAD_REQUEST, "`a b`"),
        (format!("/admin/found-sites/{smith}/name"), "{}", StatusCode::BAD_REQUEST, "call site"),
        (format!("/admin/found-sites/{smith}/name"), r#"{"name":"default"}"#, StatusCode::CONFLICT, "another name"),
        (format!("/admin/found-sites/{smith}/merge"), r#"{"into":"nobody"}"#, StatusCode::NOT_FOUND, "`nobody`"),
    ] {
        let (found, text) = ask(&mut server, "POST", &path, body).await;
        assert!(found == status && text.contains(what), "{path}: {found} {text}");
    }
    server.settles.store(false, Ordering::Relaxed);
    let (status, text) = ask(&mut server, "POST", &format!("/admin/found-sites/{smith}/ignore"), "").await;
    assert!(status == StatusCode::SERVICE_UNAVAILABLE && text.contains("the disk is full"), "{status} {text}");
}
