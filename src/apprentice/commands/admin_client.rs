//! The admin API of a running proxy, asked from the command line. Knows how to ask; what is asked is its callers'.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::app;
use crate::cli::{AdminAccess, AdminListener};
use crate::settings::environment;

/// Entries of one page.
const PAGE: usize = 1_000;
/// Bytes of an answer at most: a page of the largest entries is a part of that.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A way to one admin listener.
pub(crate) struct AdminClient {
    admin: String,
    bearer: Option<HeaderValue>,
    client: Client<teacher::Secured, Full<Bytes>>,
}

impl AdminClient {
    /// # Errors
    /// When the address is none, or there is no token.
    pub(crate) fn new(access: &AdminAccess) -> Result<Self, String> {
        let bearer = HeaderValue::try_from(format!("Bearer {}", token(access)?)).map_err(|_| {
            let path = access.token_file.display();
            format!("the admin token must be one line of text: look at {path} or APPRENTICE_ADMIN_TOKEN")
        })?;
        Ok(Self { bearer: Some(bearer), ..Self::without_token(&access.listener)? })
    }

    /// For what is told to everybody.
    ///
    /// # Errors
    /// When the address is none, or the certificates cannot be read.
    pub(crate) fn without_token(listener: &AdminListener) -> Result<Self, String> {
        let admin = listener.admin.trim_end_matches('/').to_owned();
        let address: Option<Uri> = format!("{admin}/").parse().ok();
        let is_web = |address: &Uri| matches!(address.scheme_str(), Some("http" | "https"));
        if address.is_none_or(|address| !is_web(&address) || address.host().is_none_or(str::is_empty)) {
            return Err(format!("--admin {} must be an address like http://127.0.0.1:8081", listener.admin));
        }
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let https = teacher::secured(tcp, listener.ca_file.as_deref()).map_err(|error| error.to_string())?;
        Ok(Self { admin, bearer: None, client: Client::builder(TokioExecutor::new()).build(https) })
    }

    /// The answer as JSON.
    ///
    /// # Errors
    /// When nobody answers, or what the answer says is wrong.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, app::Error> {
        self.send(method, path, body.map(|body| body.to_string()).unwrap_or_default()).await
    }

    /// Posts JSON lines.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub(crate) async fn send_lines(&self, path: &str, lines: String) -> Result<Value, app::Error> {
        self.send(Method::POST, path, lines).await
    }

    /// The answer as it stands, and its headers.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub(crate) async fn ask_text(&self, path: &str) -> Result<(HeaderMap, String), app::Error> {
        let (headers, body) = self.answer(Method::GET, path, String::new()).await?;
        Ok((headers, String::from_utf8_lossy(&body).into_owned()))
    }

    async fn send(&self, method: Method, path: &str, body: String) -> Result<Value, app::Error> {
        let (_, body) = self.answer(method, path, body).await?;
        Ok(json_or_text(&body))
    }

    async fn answer(&self, method: Method, path: &str, body: String) -> Result<(HeaderMap, Bytes), app::Error> {
        let admin = &self.admin;
        let mut request =
            Request::builder().method(method).uri(format!("{admin}{path}")).body(Full::new(Bytes::from(body)))?;
        if let Some(bearer) = &self.bearer {
            request.headers_mut().insert(header::AUTHORIZATION, bearer.clone());
        }
        let response = self.client.request(request).await.map_err(|error| {
            let error = cause(&error);
            format!("no answer from {admin}: {error}; is `apprentice serve` running, and is --admin its address?")
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
        if head.status.is_success() {
            return Ok((head.headers, body));
        }
        let (status, answer) = (head.status, json_or_text(&body));
        Err(format!("{status}: {}", answer["error"]["message"].as_str().unwrap_or("no reason given")).into())
    }

    /// All entries of the hand-over log that can be read back, newest first.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), and when what answers pages is no hand-over log.
    pub(crate) async fn entries(&self, site: Option<&str>) -> Result<Vec<Value>, app::Error> {
        let site = site.map(|site| format!("&site={site}")).unwrap_or_default();
        let (mut entries, mut before): (Vec<Value>, Option<u64>) = (Vec::new(), None);
        loop {
            let older = before.map(|before| format!("&before={before}")).unwrap_or_default();
            let path = format!("/admin/audit?limit={PAGE}{site}{older}");
            let odd = |what: &str| {
                format!("{}{path} gives {what}; is --admin the address of `apprentice serve`?", self.admin)
            };
            let Value::Array(page) = self.ask(Method::GET, &path, None).await? else {
                return Err(odd("no list").into());
            };
            let Some(last) = page.last() else { return Ok(entries) };
            let last = last["seq"].as_u64().ok_or_else(|| odd("an entry without seq"))?;
            // Each page is older than the one before, so this comes to an end.
            if before.is_some_and(|before| last >= before) {
                return Err(odd("entries that are not before it").into());
            }
            before = Some(last);
            entries.extend(page);
        }
    }
}

fn json_or_text(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
}

/// What lies at the bottom of an error.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    error.source().map_or_else(|| error.to_string(), cause)
}

fn token(access: &AdminAccess) -> Result<String, String> {
    if let Some(token) = environment::secret_named(Some(environment::ADMIN_TOKEN))? {
        return Ok(token);
    }
    let path = &access.token_file;
    let read = std::fs::read_to_string(path).map(|token| token.trim().to_owned());
    read.map_err(|error| {
        format!(
            "no admin token: {}: {error}; name the file with --token-file or set APPRENTICE_ADMIN_TOKEN",
            path.display()
        )
    })
}
