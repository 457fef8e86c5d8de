//! Who may ask: a bearer token for everything under `/admin`, and no foreign host names.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
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

    /// Whether `offered` is it, in a time that says nothing of how near it is.
    #[must_use]
    pub fn is(&self, offered: &str) -> bool {
        self.0.as_bytes().ct_eq(offered.as_bytes()).into()
    }
}

/// Lets a request with the token through.
pub(crate) async fn with_token(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    match net::bearer(request.headers()) {
        Some(offered) if admin.token.is(offered) => next.run(request).await,
        _ => problem(StatusCode::UNAUTHORIZED, "send the admin token as `Authorization: Bearer TOKEN`").into_response(),
    }
}

/// Refuses foreign host names: a page that rebinds its own name to the loopback address must not reach us.
pub async fn with_own_host(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(header::HOST).iter().map(|value| value.to_str().unwrap_or_default());
    if hosts.all(|host| admin.hosts.admits(host)) {
        next.run(request).await
    } else {
        let problem = problem(
            StatusCode::MISDIRECTED_REQUEST,
            "reach the admin listener by its address, or add the name to admin.hosts",
        );
        problem.into_response()
    }
}
