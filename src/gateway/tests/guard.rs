//! Who may ask at all.

use http::Request;

use crate::Guard;

/// The status of what is refused; 0 where nothing is.
fn refused(guard: &Guard, method: &str, target: &str, headers: &[(&str, &str)]) -> u16 {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    guard.check(&request.body(()).unwrap()).map_or_else(|error| error.status, |()| 0)
}

const CHAT: &str = "/v1/chat/completions";

#[test]
fn programs_ask_as_ever() {
    let own = Guard::default();
    for host in ["127.0.0.1:8080", "localhost", "[::1]:8080", "apprentice:8080"] {
        assert_eq!(refused(&own, "POST", CHAT, &[("host", host)]), 0, "{host}");
    }
    assert_eq!(refused(&own, "GET", "/v1/models/a.b", &[]), 0);
    // Dots within a segment, and a query, are nobody's business.
    assert_eq!(refused(&own, "GET", "/v1/files/..a/b..?path=../x", &[]), 0);
    assert_eq!(refused(&own, "POST", CHAT, &[("sec-fetch-site", "none")]), 0);
}

#[test]
fn foreign_names_and_pages_of_other_sites_are_refused() {
    let own = Guard::default();
    assert_eq!(refused(&own, "POST", CHAT, &[("host", "rebound.evil.example")]), 421);
    assert_eq!(refused(&own, "POST", CHAT, &[("host", "127.0.0.1"), ("host", "evil.example")]), 421);
    assert_eq!(refused(&own, "GET", "http://evil.example/v1/models", &[("host", "127.0.0.1")]), 421);
    for origin in
        ["https://evil.example", "null", "http://localhost.evil.example", "file://", "http://127.0.0.1.evil.example:80"]
    {
        assert_eq!(refused(&own, "POST", CHAT, &[("origin", origin)]), 403, "{origin}");
    }
    for site in ["cross-site", "same-site"] {
        assert_eq!(refused(&own, "GET", CHAT, &[("sec-fetch-site", site)]), 403, "{site}");
    }
    // A page of this machine says so, whatever the browser thinks of two ports.
    for origin in ["http://localhost:3000", "http://127.0.0.1:5173", "https://[::1]:1"] {
        assert_eq!(refused(&own, "POST", CHAT, &[("origin", origin), ("sec-fetch-site", "cross-site")]), 0, "{origin}");
    }
    let open = Guard {
        hosts: net::OwnHosts::new(&["proxy.studio.example".to_owned()]),
        origins: vec!["https://tools.studio.example".to_owned()],
    };
    let headers = [("host", "proxy.studio.example"), ("origin", "https://tools.studio.example")];
    assert_eq!((refused(&own, "POST", CHAT, &headers), refused(&open, "POST", CHAT, &headers)), (421, 0));
}

#[test]
fn no_path_climbs_and_nothing_is_a_tunnel() {
    let own = Guard::default();
    for path in [
        "/v1/../admin/keys",
        "/v1/%2e%2e/x",
        "/v1/%2E./x",
        "/v1/.",
        "/v1/a/..%2fx",
        "/v1/a%5c..%5cx",
        "/s/shop/v1/../x",
    ] {
        assert_eq!(refused(&own, "GET", path, &[]), 400, "{path}");
    }
    assert_eq!(refused(&own, "CONNECT", "/v1/x", &[]), 405);
}
