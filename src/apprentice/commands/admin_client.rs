//! The admin API of a running proxy, asked from the command line. Knows how to ask; what is asked is its callers'.

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::app;
use crate::cli::AdminAccess;
use crate::settings::environment;

/// Entries of one page.
const PAGE: usize = 1_000;

/// A way to one admin listener.
pub(crate) struct AdminClient {
    admin: String,
    token: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl AdminClient {
    /// # Errors
    /// When there is no token.
    pub(crate) fn new(access: &AdminAccess) -> Result<Self, String> {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { admin: access.admin.clone(), token: token(access)?, client })
    }

    /// The answer as JSON.
    ///
    /// # Errors
    /// When nobody answers, or what the answer says is wrong.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, app::Error> {
        let admin = &self.admin;
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(format!("{admin}{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Full::new(Bytes::from(body)))?;
        let response = self.client.request(request).await.map_err(|error| {
            format!("no answer from {admin}: {error}; is `apprentice serve` running, and is --admin its address?")
        })?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let answer: Value = serde_json::from_slice(&body).unwrap_or_else(|_| String::from_utf8_lossy(&body).into());
        if status.is_success() {
            return Ok(answer);
        }
        Err(format!("{status}: {}", answer["error"]["message"].as_str().unwrap_or("no reason given")).into())
    }

    /// All entries of the hand-over log that can be read back, newest first.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub(crate) async fn entries(&self, site: Option<&str>) -> Result<Vec<Value>, app::Error> {
        let mut entries: Vec<Value> = Vec::new();
        loop {
            let before = entries.last().and_then(|entry| entry["seq"].as_u64());
            let site = site.map(|site| format!("&site={site}")).unwrap_or_default();
            let before = before.map(|before| format!("&before={before}")).unwrap_or_default();
            let page = self.ask(Method::GET, &format!("/admin/audit?limit={PAGE}{site}{before}"), None).await?;
            match page {
                Value::Array(page) if !page.is_empty() => entries.extend(page),
                _ => return Ok(entries),
            }
        }
    }
}

fn token(access: &AdminAccess) -> Result<String, String> {
    if let Some(token) = environment::variable(environment::ADMIN_TOKEN) {
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
