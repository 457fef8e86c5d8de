//! Which headers go on to the other side.

use http::header::{self, HeaderMap, HeaderName};

/// Headers that belong to one connection and are not passed on (RFC 9110, section 7.6.1).
const HOP_BY_HOP: &[HeaderName] = &[
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The client's headers as the teacher gets them: without those of the connection and our own.
#[must_use]
pub fn outgoing(headers: HeaderMap) -> HeaderMap {
    without(end_to_end(headers), |name| name == header::HOST || name.as_str().starts_with("x-apprentice-"))
}

/// `headers` without those that belong to one connection, the ones that `Connection` names included.
#[must_use]
pub fn end_to_end(headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    without(headers, |name| HOP_BY_HOP.contains(name) || name == "keep-alive" || named.contains(name))
}

/// Most requests have nothing to leave out: looking through the names costs less than asking for each that might be there.
fn without(mut headers: HeaderMap, is_left_out: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let left_out: Vec<HeaderName> = headers.keys().filter(|name| is_left_out(name)).cloned().collect();
    left_out.iter().for_each(|name| drop(headers.remove(name)));
    headers
}
