//! Who may ask: a bearer token for everything under `/admin`, and no foreign host names.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use crate::Admin;
use crate::problem::problem;

/// The bearer token; never shown.
#[derive(Clone)]
pub struct Token(Arc<str>);

impl Token {
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self(token.into())
    }

    fn is(&self, offered: &str) -> bool {
        self.0.as_bytes().ct_eq(offered.as_bytes()).into()
    }
}

/// Lets a request with the token through.
pub(crate) async fn with_token(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let offered = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match offered.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(offered) if admin.token.is(offered) => next.run(request).await,
        _ => problem(StatusCode::UNAUTHORIZED, "send the admin token as `Authorization: Bearer TOKEN`").into_response(),
    }
}

/// Refuses host names: a page that rebinds its own name to the loopback address must not reach us.
/// Addresses, `localhost` and names without a dot (containers, hosts of one network) pass.
pub(crate) async fn with_own_host(request: Request, next: Next) -> Response {
    if host_is_own(request.headers()) {
        next.run(request).await
    } else {
        problem(StatusCode::MISDIRECTED_REQUEST, "reach the admin listener by its address, not by a name")
            .into_response()
    }
}

fn host_is_own(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|value| value.to_str().ok()) else { return true };
    let name = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.parse::<IpAddr>().is_ok() || !name.contains('.')
}
