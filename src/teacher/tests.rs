mod pool;
mod resilience;

use http::{HeaderMap, HeaderValue};
use std::io::{Read, Write};
use std::time::{Duration, Instant};
use wire::{ChatModel, ModelError, Prompt, Role, Sampling, Turn};

use crate::{Client, Endpoint, LastQuota, Limit, Price, Prices, TeacherModel, headers};

#[test]
fn the_teachers_base_url_takes_the_place_of_v1() {
    let url = |base: &str, path: &str, query: Option<&str>| {
        let endpoint = Endpoint::new(base, None, None).unwrap();
        let target = endpoint.target(path, query).unwrap();
        assert_eq!((target.scheme(), endpoint.host.as_bytes()), (None, target_host(base).as_bytes()));
        format!("{}{target}", endpoint.origin_uri().unwrap().to_string().trim_end_matches('/'))
    };
    assert_eq!(
        url("https://api.openai.com/v1", "/v1/chat/completions", None),
        "https://api.openai.com/v1/chat/completions"
    );
    assert_eq!(url("http://h:1/a/v2/", "/v1/models", Some("x=1")), "http://h:1/a/v2/models?x=1");
    assert_eq!(url("http://h:1", "/v1/models", None), "http://h:1/models");
    assert_eq!(url("http://[::1]:9/v1", "/v1/a%2Fb", Some("")), "http://[::1]:9/v1/a%2Fb?");
}

fn target_host(base: &str) -> &str {
    base.split("://").nth(1).unwrap().split('/').next().unwrap()
}

#[test]
fn a_wrong_base_url_says_what_a_right_one_looks_like() {
    for bad in ["api.openai.com/v1", "ftp://x/v1", "https://", "not a url"] {
        let error = Endpoint::new(bad, None, None).err().unwrap();
        assert!(error.to_string().contains("looks like https://"), "{error}");
    }
    let error = Endpoint::new("http://h/v1", Some("secret\n"), None).err().unwrap().to_string();
    assert!(error.contains("key") && !error.contains("secret"), "{error}");
}

#[test]
fn headers_of_one_connection_and_our_own_stay_here() {
    let mut all = HeaderMap::new();
    for (name, value) in [
        ("connection", "x-hop, close"),
        ("x-hop", "1"),
        ("transfer-encoding", "chunked"),
        ("host", "h"),
        ("x-apprentice-site", "shop"),
        ("authorization", "Bearer k"),
        ("x-stainless-lang", "python"),
    ] {
        all.insert(name, HeaderValue::from_static(value));
    }
    let out = headers::outgoing(all);
    let mut left: Vec<&str> = out.keys().map(http::HeaderName::as_str).collect();
    left.sort_unstable();
    assert_eq!(left, ["authorization", "x-stainless-lang"]);
}

/// A teacher that answers one request with `status` and `body`; gives back what it was sent.
fn teacher(status: u16, body: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        let mut piece = [0; 4096];
        while !String::from_utf8_lossy(&heard).contains("\"messages\"") {
            let read = stream.read(&mut piece).unwrap();
            heard.extend_from_slice(&piece[..read]);
        }
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        String::from_utf8(heard).unwrap()
    });
    (url, thread)
}

fn asked(status: u16, body: &'static str) -> (Result<wire::Answer, ModelError>, String) {
    asked_as(status, body, |model| model)
}

fn asked_as(
    status: u16,
    body: &'static str,
    form: impl FnOnce(TeacherModel) -> TeacherModel,
) -> (Result<wire::Answer, ModelError>, String) {
    let (url, thread) = teacher(status, body);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(async {
        let client = Client::new(&Endpoint::new(&url, Some("k"), None).unwrap()).unwrap();
        let turns = vec![Turn { role: Role::User, text: "Have you rope?".into() }];
        let prompt = Prompt::new(turns, 9, Sampling::Greedy);
        form(TeacherModel::new(client, "gpt")).answer(prompt).await
    });
    (answer, thread.join().unwrap())
}

#[test]
fn the_teacher_answers_a_prompt_like_any_other_model() {
    let body = r#"{"model":"gpt-1","choices":[{"index":0,"message":{"content":"Aye."},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
    let (answer, heard) = asked(200, body);
    let answer = answer.unwrap();
    assert_eq!((answer.text.as_str(), answer.usage.completion_tokens), ("Aye.", 2));
    assert!(heard.contains("POST /v1/chat/completions") && heard.contains("authorization: Bearer k"), "{heard}");
    assert!(heard.contains(r#""content":"Have you rope?""#) && heard.contains(r#""max_completion_tokens":9"#));
}

#[test]
fn a_schema_goes_with_the_request_and_changes_nothing_else_of_it() {
    let body = r#"{"model":"gpt-1","choices":[{"index":0,"message":{"content":"{}"},"finish_reason":"stop"}]}"#;
    let schema = serde_json::json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false});
    let sent =
        |heard: &str| serde_json::from_str::<serde_json::Value>(heard.split_once("\r\n\r\n").unwrap().1).unwrap();
    let plain = sent(&asked(200, body).1);
    let mut held = sent(&asked_as(200, body, |model| model.with_schema("map", schema.clone())).1);
    let format = held.as_object_mut().unwrap().remove("response_format").unwrap();
    assert_eq!(held, plain);
    let expected =
        serde_json::json!({"type": "json_schema", "json_schema": {"name": "map", "strict": true, "schema": schema}});
    assert_eq!(format, expected);
}

#[test]
fn what_is_no_plain_answer_is_a_failure_that_says_what_it_was() {
    let failed = |status, body| asked(status, body).0.unwrap_err();
    assert_eq!(failed(429, "{}"), ModelError::Busy);
    let message = failed(400, r#"{"error":{"message":"no such model"}}"#).to_string();
    assert!(message.contains("400") && message.contains("no such model"), "{message}");
    let refusal = r#"{"model":"m","choices":[{"index":0,"message":{"refusal":"no"},"finish_reason":"stop"}]}"#;
    assert!(matches!(failed(200, refusal), ModelError::Failed(_)));
}

const PRICES: &str = r#"
price = [
    { model = "m", since = 2026-03-01, input = 3.0, output = 4.0 },
    { model = "m", since = 2025-01-02, input = 1.0, output = 2.0 },
]
"#;

fn price(model: &str, day: u64) -> Option<f64> {
    Prices::parse(PRICES).unwrap().of(model, day * 86_400_000).map(|price| price.input)
}

#[test]
fn a_model_costs_what_its_newest_row_says_from_its_day_on() {
    // 2025-01-02 is day 20,090; 2026-03-01 is day 20,513 (the days after a February that has no 29th).
    let days = [20_089, 20_090, 20_512, 20_513, 30_000];
    assert_eq!(days.map(|day| price("m", day)), [None, Some(1.0), Some(1.0), Some(3.0), Some(3.0)]);
    assert_eq!((price("m-2025-12-31", 20_600), price("m-mini", 20_600), price("x", 20_600)), (Some(3.0), None, None));
    assert_eq!((price("m-2025-13-31", 20_600), price("é2025-12-31", 20_600), price("", 20_600)), (None, None, None));
    // As a router of many providers' models names it.
    assert_eq!((price("x/m", 20_600), price("a/x/m-2025-12-31", 20_600)), (Some(3.0), Some(3.0)));
    assert_eq!((price("m/", 20_600), price("/", 20_600), price("m/x", 20_600)), (None, None, None));
    let paid = Prices::of_everything(Price { input: 1.0, output: 10.0, since: None }).of("whatever", 0).unwrap();
    assert!((paid.of(1_000_000, 200_000) - 3.0).abs() < 1e-12);
}

#[test]
fn a_price_that_cannot_be_used_is_named() {
    let problem = |line: &str| Prices::parse(&format!("price = [{line}]")).unwrap_err();
    let negative = problem(r#"{ model = "m", since = 2025-01-02, input = -1.0, output = 2.0 }"#);
    assert!(negative.contains("`m`") && negative.contains("-1"), "{negative}");
    let when = problem(r#"{ model = "m", since = 07:32:00, input = 1.0, output = 2.0 }"#);
    assert!(when.contains("must be a day"), "{when}");
    assert!(problem(r#"{ model = "m", input = 1.0, output = 2.0 }"#).contains("since"));
}

#[test]
fn a_row_for_a_snapshot_or_a_provider_goes_before_that_of_the_model() {
    let row = |model: &str, input: u8| {
        format!("{{ model = \"{model}\", since = 2025-01-02, input = {input}.0, output = 0 }}")
    };
    let rows = [row("m", 1), row("m-2025-01-02", 2), row("x/m", 3)].join(", ");
    let prices = Prices::parse(&format!("price = [{rows}]")).unwrap();
    let input = |model: &str| prices.of(model, u64::MAX).map(|price| price.input);
    assert_eq!(["m", "m-2025-01-02", "m-2025-01-03"].map(input), [Some(1.0), Some(2.0), Some(1.0)]);
    assert_eq!(
        ["x/m", "y/m", "y/m-2025-01-02", "x/m-2025-01-03"].map(input),
        [Some(3.0), Some(1.0), Some(2.0), Some(3.0)]
    );
}

#[test]
fn a_table_that_contradicts_itself_or_says_nothing_is_refused() {
    let problem = |rows: &str| Prices::parse(rows).unwrap_err();
    let row = r#"{ model = "m", since = 2025-01-02, input = 1.0, output = 2.0 }"#;
    let other = row.replace("1.0", "9.0");
    let twice = problem(&format!("price = [{row}, {other}]"));
    assert!(twice.contains("`m`") && twice.contains("2025-01-02") && twice.contains("twice"), "{twice}");
    assert!(Prices::parse(&format!("price = [{row}, {}]", row.replace("-02,", "-03,"))).is_ok());
    let nameless = problem(&format!("price = [{}]", row.replace("\"m\"", "\"\"")));
    assert!(nameless.contains("model"), "{nameless}");
    for (number, shown) in [("inf", "inf"), ("nan", "NaN"), ("1e7", "10000000"), ("-0.1", "-0.1")] {
        let wrong = problem(&format!("price = [{}]", row.replace("1.0", number)));
        assert!(wrong.contains("`m`") && wrong.contains(shown) && wrong.contains("0 to 1000000"), "{wrong}");
    }
    for garbage in ["", "price = 1", "\u{0}", "[[price]]", "[[prices]]\nmodel = \"m\"", "price = [{ model = 3 }]", "{}"]
    {
        assert!(Prices::parse(garbage).is_err(), "{garbage:?}");
    }
    for day in ["0001-01-01", "1969-12-31"] {
        let old = Prices::parse(&format!("price = [{}]", row.replace("2025-01-02", day))).unwrap();
        assert!(old.of("m", 0).is_some(), "since before time began: {day}");
    }
    assert!(problem(&format!("price = [{}]", row.replace("2025-01-02", "2025-02-30"))).contains("2025-02-30"));
}

#[test]
fn the_last_answer_that_speaks_of_limits_says_how_much_is_left() {
    let head = |lines: &[(&'static str, &'static str)]| {
        lines
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect::<HeaderMap>()
    };
    let (quota, began) = (LastQuota::default(), Instant::now());
    let shared = quota.clone();
    quota.note(&head(&[("x-request-id", "1")]), began);
    assert_eq!(quota.get(), None);
    let full = [
        ("x-ratelimit-limit-requests", "500"),
        ("x-ratelimit-remaining-requests", "499"),
        ("x-ratelimit-reset-requests", "120ms"),
        ("x-ratelimit-limit-tokens", "200000"),
        ("x-ratelimit-remaining-tokens", "0"),
    ];
    quota.note(&head(&full), began);
    let said = shared.get().unwrap();
    assert_eq!(said.requests, Some(Limit { limit: 500, remaining: 499, reset: Some("120ms".into()) }));
    assert_eq!(said.tokens, Some(Limit { limit: 200_000, remaining: 0, reset: None }));
    let odd = [("x-ratelimit-limit-requests", "many"), ("x-ratelimit-remaining-requests", "-1")];
    for silent in [head(&odd), HeaderMap::new()] {
        quota.note(&silent, began + Duration::from_secs(1));
        assert_eq!(quota.get().as_ref(), Some(&said), "what cannot be read takes nothing away");
    }
}
