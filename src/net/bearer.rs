//! The token that a request offers.

use http::{HeaderMap, header};

/// What stands behind `Authorization: Bearer`; the scheme's case does not count (RFC 9110, section 11.1).
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
