//! The page as a browser meets it: who gets in, what forms must show, what hostile text becomes.

use std::collections::BTreeMap;
use std::sync::Arc;

use admin::{About, Admin, FunnelStep, GeneratedRun, SettingView, StudentFacts, TeacherFacts, TeacherFinding, Token};
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use callsite::{SiteId, VersionId};
use capture::{CaptureStore, Distillable, Erase, Exchange, Redactor, SegmentLimits, Segments, Source};
use cycle::{LessonRequests, LessonStatus};
use fingerprint::{Discover, Finder, FinderSettings, Shape, Split, Surroundings};
use handover::{Audit, AuditOutcome, Basis, Candidate, Numbers, Policy};
use http_body_util::BodyExt;
use ledger::Ledger;
use registry::Registry;
use rules::{LiveRules, Rules, SiteRules};
use teacher::{Price, Prices};
use telemetry::Metrics;
use tower_service::Service;
use uuid::Uuid;
use verify::{Comparison, VerifierSettings, Verifiers};
use wire::{Api, Sampling};

use crate::Page;

/// Tags, a handler, an attribute's end, a change of direction, an escape of terminals, a line of a megabyte's kind.
const HOSTILE: &str =
    "<script>alert(1)</script><img src=x onerror=alert(1)>\" onmouseover=\"alert(1)\u{202e}\u{1b}[31m'&amp;";

mod compare;
mod views;

struct Server {
    router: axum::Router,
    ledger: Arc<Ledger>,
    metrics: Arc<Metrics>,
    captures: Arc<Segments>,
    finder: Arc<Finder>,
    cookie: String,
    form_token: String,
    dir: tempfile::TempDir,
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

/// Has found a site whose prompts are hostile.
fn finder() -> Arc<Finder> {
    let settings = FinderSettings { discover: Discover::Learn, split: Split::Templates, sites_max: 9 };
    let finder = Finder::new(settings, Vec::new());
    for number in 0..100 {
        let system =
            format!("You are Nr. {number}, smith of glass swords. Name a price and praise the blade {HOSTILE}.");
        finder.look_up(Shape::new("chat", "m", None, None), &system, &format!("Question {number}?"), true, 5);
    }
    assert_eq!(finder.mine(5, &Nothing).found.len(), 1);
    Arc::new(finder)
}

/// A teacher at a made-up address, one setting, one run, no versions.
fn about(dir: &std::path::Path) -> About {
    let endpoint = teacher::Endpoint::new("http://127.0.0.1:9/v1", None, None).unwrap();
    let setting =
        |key: &str, source| SettingView { key: key.into(), value: HOSTILE.into(), source, meaning: "What it means." };
    let settings = vec![setting("proxy.listen", "file"), setting("proxy.threads", "default")];
    let step = FunnelStep { name: "novelty".into(), came: 10, left: 7, dropped: [(HOSTILE.to_owned(), 3)].into() };
    let run = GeneratedRun { name: HOSTILE.into(), kept: 7, dropped: 3, funnel: vec![step], ..GeneratedRun::default() };
    About {
        since_ms: 5,
        teacher: TeacherFacts { endpoint, key_source: "each client's own".into(), distillable: "yes" },
        prices: Prices::of_everything(Price { input: 1.0, output: 2.0, since: None }),
        registry: Registry::new(dir),
        configuration: Box::new(move || Ok(settings.clone())),
        generated: Box::new(move || Ok(vec![run.clone()])),
        check_teacher: Box::new(|_| {
            let said = format!("`gpt-5-mini` ends on 2026-12-24, says {HOSTILE}");
            let todo = "choose what follows it".to_owned();
            Box::pin(async { vec![TeacherFinding { name: "teacher's models", state: "warn", said, todo }] })
        }),
    }
}

/// With somebody signed in.
async fn server() -> Server {
    let dir = tempfile::tempdir().unwrap();
    let metrics = Arc::new(Metrics::new().unwrap());
    let ledger = Arc::new(Ledger::open_dir(dir.path(), live_rules(), metrics.clone(), 1).unwrap());
    assert!(ledger.register(&shop()));
    let redactor = Redactor::new(&[]).unwrap();
    let captures = Arc::new(Segments::open(&dir.path().join("capture"), SegmentLimits::NONE, redactor).unwrap());
    let (erasing, found) = (captures.clone(), finder());
    let admin = Admin {
        ledger: ledger.clone(),
        lessons: LessonStatus::new(dir.path().join("lessons"), metrics.clone()),
        requests: LessonRequests::default(),
        learning: true,
        metrics: metrics.clone(),
        captures: Some(captures.clone()),
        erase: Arc::new(move |erase: &Erase| {
            let erased = erasing.erase(erase, &SiteId::clone).map_err(|error| error.to_string())?;
            serde_json::to_value(erased).map_err(|error| error.to_string())
        }),
        student: Some(StudentFacts { base: "models/x".into(), format: "f32" }),
        finder: found.clone(),
        settle: Arc::new(|| Ok(())),
        reload: None,
        about: Arc::new(about(&dir.path().join("registry"))),
        token: Token::new("secret"),
        hosts: net::OwnHosts::new(&["admin.studio.example".to_owned()]),
        clock: || 7,
    };
    let router = Page::new(admin, false).unwrap().router();
    let (cookie, form_token) = (String::new(), String::new());
    let mut server = Server { router, ledger, metrics, captures, finder: found, cookie, form_token, dir };
    let entered = server.post("/sign-in", "token=secret&name=Mara", &[]).await;
    assert_eq!(entered.status(), StatusCode::SEE_OTHER);
    server.cookie = entered.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let (_, text) = server.get("/").await;
    let marked = text.split("name=\"form_token\" value=\"").nth(1).unwrap();
    server.form_token = marked.split('"').next().unwrap().to_owned();
    server
}

impl Server {
    async fn call(&mut self, method: &str, path: &str, body: String, headers: &[(&str, &str)]) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        let given = |name: &str| headers.iter().any(|(given, _)| *given == name);
        for (name, value) in [
            ("host", "127.0.0.1:8081"),
            ("cookie", self.cookie.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ] {
            if !given(name) {
                request = request.header(name, value);
            }
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.router.call(request.body(Body::from(body)).unwrap()).await.unwrap()
    }

    async fn get(&mut self, path: &str) -> (StatusCode, String) {
        let response = self.call("GET", path, String::new(), &[]).await;
        (response.status(), text(response).await)
    }

    async fn post(&mut self, path: &str, body: &str, headers: &[(&str, &str)]) -> Response<Body> {
        self.call("POST", path, body.to_owned(), headers).await
    }

    /// A form of this page's.
    async fn form(&mut self, path: &str, fields: &str) -> Response<Body> {
        let body = format!("form_token={}&{fields}", self.form_token);
        self.post(path, &body, &[("origin", "http://127.0.0.1:8081"), ("sec-fetch-site", "same-origin")]).await
    }
}

async fn text(response: Response<Body>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// Puts version `1-a` on trial and compares it `audits` times, always well.
fn compared(server: &Server, audits: u64) {
    let version = VersionId::new("1-a").unwrap();
    let candidate = Candidate {
        version: version.clone(),
        grid: vec![0.0],
        likely: Some(0.0),
        exam: 1.0,
        measure: None,
        calibration: None,
        policy: Policy::default(),
        basis: Basis::default(),
    };
    server.ledger.add_candidate(&shop(), 1, candidate).unwrap();
    let numbers = Numbers::default();
    let outcome = AuditOutcome::Compared { quality: 1.0, bad: false, confidence: 0.97, verified: true, numbers };
    for prompt in 0..audits {
        let (request, version) = ("r".into(), version.clone());
        let audit =
            Audit { request, version, served: false, prompt, near: prompt, user: None, features: None, outcome };
        server.ledger.record_audit(&shop(), 1, audit).unwrap();
    }
}

fn exchange(id: u128, said: &str) -> Exchange {
    Exchange {
        id: Uuid::from_u128(id),
        site: shop(),
        at_ms: 1_764_511_509_000,
        api: Api::Chat,
        source: Source::Teacher,
        status: 200,
        stream: false,
        complete: true,
        retry: false,
        distillable: Distillable::Yes,
        user: None,
        redacted: false,
        request: serde_json::json!({"messages": [{"role": "user", "content": said}]}).to_string(),
        response: format!("answer to {said}"),
    }
}

const VIEWS: [&str; 11] = [
    "/",
    "/sites/shop",
    "/compare/shop",
    "/lessons",
    "/lessons/shop",
    "/captures",
    "/log",
    "/generated",
    "/teacher",
    "/teacher/check",
    "/configuration",
];

#[tokio::test]
async fn nobody_sees_anything_without_a_session() {
    let mut server = server().await;
    let own = std::mem::take(&mut server.cookie);
    let forged = format!("apprentice_session={:064}", 7);
    for cookie in ["", "apprentice_session=", forged.as_str()] {
        server.cookie = cookie.to_owned();
        for path in VIEWS.into_iter().chain([
            "/events",
            "/lessons/shop/curve.svg",
            "/captures/shop/00000000-0000-0000-0000-000000000001",
        ]) {
            let response = server.call("GET", path, String::new(), &[]).await;
            assert_eq!(
                (response.status(), &response.headers()[header::LOCATION]),
                (StatusCode::SEE_OTHER, &"/sign-in".parse().unwrap()),
                "{path}"
            );
        }
        for path in ["/sites/shop/steer", "/found/x/edit", "/captures/erase", "/sign-out"] {
            let refused = server.form(path, "action=hold").await;
            assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path}");
        }
    }
    assert_eq!(server.ledger.view(&shop()).unwrap().state.label(), "teacher");
    server.cookie = own;
    assert_eq!(server.form("/sign-out", "").await.status(), StatusCode::SEE_OTHER);
    assert_eq!(server.get("/").await.0, StatusCode::SEE_OTHER, "the session has ended");
}

#[tokio::test]
async fn signing_in_needs_the_token_from_this_host_and_not_too_many_tries() {
    let mut server = server().await;
    let foreign = [("origin", "http://evil.example")];
    assert_eq!(server.post("/sign-in", "token=secret", &foreign).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        server.post("/sign-in", "token=secret", &[("host", "evil.example")]).await.status(),
        StatusCode::MISDIRECTED_REQUEST
    );
    for at in 0..25 {
        let wanted = if at < 20 { StatusCode::UNAUTHORIZED } else { StatusCode::TOO_MANY_REQUESTS };
        let refused = server.post("/sign-in", "token=wrong", &[]).await;
        assert_eq!((refused.status(), refused.headers().get(header::SET_COOKIE)), (wanted, None), "try {at}");
    }
    assert_eq!(server.get("/").await.0, StatusCode::OK, "who is signed in stays so");
}

#[tokio::test]
async fn a_form_that_another_site_sends_or_that_is_nobodys_does_nothing() {
    let mut server = server().await;
    let good = format!("form_token={}&action=hold", server.form_token);
    for (body, headers) in [
        ("action=hold", vec![]),
        ("form_token=&action=hold", vec![]),
        (&format!("form_token={:064}&action=hold", 1), vec![]),
        (&good, vec![("origin", "http://evil.example")]),
        (&good, vec![("origin", "null")]),
        (&good, vec![("sec-fetch-site", "cross-site")]),
        (&good, vec![("sec-fetch-site", "same-site")]),
    ] {
        let refused = server.post("/sites/shop/steer", body, &headers).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{body} {headers:?}");
    }
    assert_eq!(
        server.post("/sites/shop/steer", &good, &[("host", "evil.example")]).await.status(),
        StatusCode::MISDIRECTED_REQUEST
    );
    assert_eq!(server.ledger.view(&shop()).unwrap().state.label(), "teacher");
    assert_eq!(server.post("/sites/shop/steer", &good, &[]).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(server.ledger.view(&shop()).unwrap().state.label(), "held");
}

#[tokio::test]
async fn a_site_is_steered_with_a_reason_that_the_log_shows() {
    let mut server = server().await;
    compared(&server, 20);
    let (_, text) = server.get("/").await;
    assert!(text.contains("compared with it on the side") && text.contains("needed 0.900"), "{text}");
    let (_, text) = server.get("/sites/shop").await;
    for part in ["Quality by audit", "How sure, and how right", "The rules", "1-a"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let response = server.form("/sites/shop/steer", "action=rollback&reason=the+voice+is+wrong").await;
    assert_eq!(
        (response.status(), &response.headers()[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/sites/shop".parse().unwrap())
    );
    let (_, text) = server.get("/log").await;
    assert!(text.contains("a person wanted it: the voice is wrong") && text.contains("<bdi>Mara</bdi>"), "{text}");
    // What the ledger refuses is said, and nothing is done.
    let refused = server.form("/sites/shop/steer", "action=promote").await;
    assert!(
        refused.status().is_success() || refused.status().is_redirection() || refused.status() == StatusCode::CONFLICT
    );
    assert_eq!(server.form("/sites/nobody/steer", "action=hold").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(server.form("/sites/shop/steer", "action=dance").await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_found_site_gets_a_name() {
    let mut server = server().await;
    let name = server.finder.views()[0].site.to_string();
    let (_, text) = server.get("/").await;
    assert!(text.contains("Found, without a name") && text.contains(&name), "{text}");
    assert_eq!(
        server.form(&format!("/found/{name}/edit"), "action=name&name=").await.status(),
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        server.form(&format!("/found/{name}/edit"), "action=name&name=smith").await.status(),
        StatusCode::SEE_OTHER
    );
    assert_eq!(server.finder.views()[0].site.as_str(), "smith");
    assert!(!server.get("/").await.1.contains("Found, without a name"));
}

#[tokio::test]
async fn exchanges_are_found_shown_and_erased() {
    let mut server = server().await;
    server.captures.append((1..=3).map(|id| exchange(id, &format!("question {id}"))).collect()).unwrap();
    let (_, text) = server.get("/captures?text=question+2").await;
    assert!(
        text.contains("2025-11-30 14:05:09") && text.contains("answer to question 2") && !text.contains("question 3"),
        "{text}"
    );
    let path = format!("/captures/shop/{}", Uuid::from_u128(2));
    let (status, text) = server.get(&path).await;
    assert!(status.is_success() && text.contains("question 2"), "{text}");
    let erased = server.form("/captures/erase", &format!("subject=exchange&value={}", Uuid::from_u128(2))).await;
    assert_eq!(erased.status(), StatusCode::SEE_OTHER);
    assert_eq!(server.get(&path).await.0, StatusCode::NOT_FOUND);
    assert!(server.get("/captures").await.1.contains("question 3"));
    assert_eq!(server.form("/captures/erase", "subject=exchange&value=x").await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn hostile_text_changes_nothing() {
    let mut server = server().await;
    compared(&server, 3);
    let long = format!("{HOSTILE}{}", "x".repeat(1 << 18));
    server.captures.append(vec![exchange(1, HOSTILE), exchange(2, &long)]).unwrap();
    let reason: String = HOSTILE.bytes().map(|byte| format!("%{byte:02x}")).collect();
    assert_eq!(
        server.form("/sites/shop/steer", &format!("action=hold&reason={reason}")).await.status(),
        StatusCode::SEE_OTHER
    );
    let exchanges = [1, 2].map(|id| format!("/captures/shop/{}", Uuid::from_u128(id)));
    for path in VIEWS.into_iter().chain(exchanges.iter().map(String::as_str)).chain(["/log?site=shop"]) {
        let (status, text) = server.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(
            !text.contains("<script>alert") && !text.contains("<img src=x") && !text.contains("\" onmouseover"),
            "{path}: {text}"
        );
        assert!(text.len() < 400_000, "{path}: {} bytes", text.len());
    }
    for path in ["/log", exchanges[0].as_str()] {
        assert!(server.get(path).await.1.contains("&lt;script&gt;alert(1)"), "{path}: it is shown, as text");
    }
    let query: String = HOSTILE.bytes().map(|byte| format!("%{byte:02x}")).collect();
    assert!(!server.get(&format!("/captures?text={query}")).await.1.contains("<script>alert"));
}

#[tokio::test]
async fn browsers_are_told_what_to_forbid_and_fetch_nothing_from_elsewhere() {
    let mut server = server().await;
    for path in VIEWS.into_iter().chain(["/sign-in", "/assets/style.css", "/assets/page.js", "/nowhere"]) {
        let response = server.call("GET", path, String::new(), &[]).await;
        if path != "/nowhere" {
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        }
        let text = text(response).await;
        assert!(
            !text.contains("=\"http")
                && !text.contains("url(")
                && !text.contains("//cdn")
                && !text.contains(" style=\"")
                && !text.contains(" onclick"),
            "{path}"
        );
    }
    assert!(crate::STYLE.len() < 30_000);
}
