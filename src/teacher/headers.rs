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
    let mut out = end_to_end(headers);
    out.remove(header::HOST);
    let own: Vec<HeaderName> = out.keys().filter(|name| name.as_str().starts_with("x-apprentice-")).cloned().collect();
    own.iter().for_each(|name| drop(out.remove(name)));
    out
}

/// `headers` without those that belong to one connection, the ones that `Connection` names included.
#[must_use]
pub fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    named.iter().for_each(|name| drop(headers.remove(name)));
    HOP_BY_HOP.iter().for_each(|name| drop(headers.remove(name)));
    headers.remove("keep-alive");
    headers
}
