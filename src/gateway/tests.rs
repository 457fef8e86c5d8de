use capture::Distillable;
use http::{HeaderMap, HeaderValue};

use crate::activity::Activity;
use crate::{GatewayError, Listeners, Teacher, teacher};

#[test]
fn the_teachers_base_url_takes_the_place_of_v1() {
    let url = |base: &str, path: &str, query: Option<&str>| {
        Teacher::new(base, None, None, Distillable::Yes).unwrap().url(path, query).unwrap().to_string()
    };
    assert_eq!(
        url("https://api.openai.com/v1", "/v1/chat/completions", None),
        "https://api.openai.com/v1/chat/completions"
    );
    assert_eq!(url("http://h:1/a/v2/", "/v1/models", Some("x=1")), "http://h:1/a/v2/models?x=1");
    assert_eq!(url("http://h:1", "/v1/models", None), "http://h:1/models");
}

#[test]
fn a_wrong_base_url_says_what_a_right_one_looks_like() {
    for bad in ["api.openai.com/v1", "ftp://x/v1", "https://", "not a url"] {
        let error = Teacher::new(bad, None, None, Distillable::Yes).err().unwrap();
        assert!(error.to_string().contains("looks like https://"), "{error}");
    }
}

#[test]
fn headers_of_one_connection_and_our_own_stay_here() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("connection", "x-hop, close"),
        ("x-hop", "1"),
        ("transfer-encoding", "chunked"),
        ("host", "h"),
        ("x-apprentice-site", "shop"),
        ("authorization", "Bearer k"),
        ("x-stainless-lang", "python"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let out = teacher::outgoing_headers(&headers);
    let mut left: Vec<&str> = out.keys().map(http::HeaderName::as_str).collect();
    left.sort_unstable();
    assert_eq!(left, ["authorization", "x-stainless-lang"]);
}

#[test]
fn a_taken_port_is_named_even_when_it_could_be_shared() {
    let held = Listeners::bind("127.0.0.1:0".parse().unwrap(), 2).unwrap();
    let error = Listeners::bind(held.address(), 2).unwrap_err();
    assert!(matches!(error, GatewayError::Listen { .. }));
    assert!(error.to_string().contains(&held.address().to_string()), "{error}");
}

#[test]
fn activity_is_the_mean_over_the_window_and_forgets() {
    let activity = Activity::default();
    (0..30).for_each(|n| activity.begin(1000 + n % 3));
    assert!((activity.requests_per_s(1003, 3) - 10.0).abs() < 1e-9);
    assert!((activity.requests_per_s(1003, 30) - 1.0).abs() < 1e-9);
    // The same buckets, ten minutes later.
    assert!(activity.requests_per_s(1603, 3).abs() < 1e-9);
}
