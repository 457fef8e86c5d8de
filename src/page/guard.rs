//! What every request to the page must show, and what every answer forbids.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Form;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use crate::Page;
use crate::layout;
use crate::session::Signed;

/// Only what this host sent, no script in the document, in nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// How long a form may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Lets through who is signed in, with who that is; sends others to the form for it.
pub(crate) async fn signed_in(State(page): State<Page>, mut request: Request, next: Next) -> Response {
    match page.sessions.of(request.headers(), (page.admin.clock)()) {
        Some(signed) => {
            request.extensions_mut().insert(signed);
            next.run(request).await
        }
        None if request.method() == Method::GET => Redirect::to("/sign-in").into_response(),
        None => layout::problem(None, StatusCode::FORBIDDEN, "You are not signed in, or no longer."),
    }
}

/// Adds what browsers are to forbid.
pub(crate) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The fields of a form that this page made for who sends it.
pub(crate) struct Sent {
    pub(crate) signed: Signed,
    fields: BTreeMap<String, String>,
}

impl Sent {
    /// What a field says, if anything.
    pub(crate) fn said(&self, name: &str) -> Option<String> {
        self.fields.get(name).map(|value| value.trim()).filter(|value| !value.is_empty()).map(str::to_owned)
    }
}

impl FromRequest<Page> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, page: &Page) -> Result<Self, Response> {
        let refused = |status, why: &str| layout::problem(None, status, why);
        let signed = request.extensions().get::<Signed>().cloned();
        let signed = signed.ok_or_else(|| refused(StatusCode::FORBIDDEN, "You are not signed in."))?;
        if !is_from_here(request.headers()) {
            return Err(refused(StatusCode::FORBIDDEN, "This form was sent by another site."));
        }
        let fields = fields(request, page).await?;
        let token = fields.get("form_token").map(String::as_str).unwrap_or_default();
        // Hashes compare in a time that says nothing of their content.
        if blake3::hash(token.as_bytes()) != blake3::hash(signed.form_token.as_bytes()) {
            return Err(refused(
                StatusCode::FORBIDDEN,
                "This form is not one of yours. Open the page again and repeat what you did.",
            ));
        }
        Ok(Self { signed, fields })
    }
}

/// What a form says, whole and in its time.
pub(crate) async fn fields(request: Request, page: &Page) -> Result<BTreeMap<String, String>, Response> {
    let refused = |status, why: &str| layout::problem(None, status, why);
    match tokio::time::timeout(BODY_TIME, Form::from_request(request, page)).await {
        Ok(Ok(Form(fields))) => Ok(fields),
        Ok(Err(error)) => Err(refused(error.status(), &error.body_text())),
        Err(_) => Err(refused(StatusCode::REQUEST_TIMEOUT, "The form did not arrive in its time.")),
    }
}

/// Whether a browser says that a form comes from a page of this host; programs that say nothing of it are none.
pub(crate) fn is_from_here(headers: &HeaderMap) -> bool {
    let said = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = said(header::HOST).unwrap_or_default();
    let origin =
        said(header::ORIGIN).is_none_or(|origin| origin.split_once("://").is_some_and(|(_, from)| from == host));
    origin
        && said(header::HeaderName::from_static("sec-fetch-site"))
            .is_none_or(|site| ["same-origin", "none"].contains(&site))
}
