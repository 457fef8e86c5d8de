//! What is known of a chat request from its arrival to its end. Made once, never changed.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use callsite::{By, SiteId};
use http::{HeaderMap, header};
use rules::SiteRules;
use uuid::Uuid;
use wire::chat::ChatRequest;
use wire::error::ApiError;
use wire::{Api, Delivery};

use crate::Gateway;
use crate::keys::Key;

/// One chat request.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) id: Uuid,
    pub(crate) at_ms: u64,
    pub(crate) began: Instant,
    pub(crate) api: Api,
    pub(crate) site: SiteId,
    pub(crate) by: By,
    /// Whether the site has a state of its own; otherwise its requests are the teacher's alone.
    pub(crate) admitted: bool,
    pub(crate) rules: Arc<SiteRules>,
    /// The client's bytes, as they came.
    pub(crate) body: Bytes,
    /// For the teacher.
    pub(crate) headers: HeaderMap,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    /// The model that the client asked for.
    pub(crate) model: String,
    pub(crate) delivery: Delivery,
    /// Hash of who asks, where the request says it.
    pub(crate) user: Option<u32>,
    /// The client repeats a request: no new evidence.
    pub(crate) retry: bool,
    /// The proxy's own key that it came with.
    pub(crate) key: Option<Arc<Key>>,
    /// The exchange may be kept.
    pub(crate) capturable: bool,
}

impl Call {
    /// `began` is when the last byte of the request was read; `parsed` is absent when the body is a JSON object
    /// that is not understood.
    pub(crate) fn new(
        gateway: &Gateway,
        parts: &http::request::Parts,
        (api, began): (Api, Instant),
        body: Bytes,
        parsed: Option<&ChatRequest<'_>>,
    ) -> Result<Self, ApiError> {
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let (path_site, path) = callsite::split_path(parts.uri.path());
        let metadata = parsed.map(|parsed| parsed.metadata.clone()).unwrap_or_default();
        let key = parts.extensions.get::<Arc<Key>>().cloned();
        let of_key = key.as_ref().and_then(|key| key.site());
        let named = callsite::identify(path_site, text("x-apprentice-site"), &metadata, of_key);
        let (named, by) = named.map_err(|error| ApiError::invalid("bad_site", error.to_string()))?;
        let capturable = may_be_kept(gateway, &named, parts, &body, parsed);
        // A site past the cap is kept, counted and answered like one that was not named.
        let admitted = named.is_default() || gateway.ledger.register(&named);
        let site = if admitted { named } else { SiteId::default_site() };
        let rules = gateway.rules.of(&site);
        let mut headers = teacher::headers::outgoing(&parts.headers);
        // The copy must be readable; and nothing said is rewritten, so the teacher is asked for plain text.
        headers.remove(header::ACCEPT_ENCODING);
        headers.remove(header::CONTENT_LENGTH);
        Ok(Self {
            id: Uuid::now_v7(),
            at_ms: (gateway.clock)(),
            began,
            api,
            key,
            capturable,
            site,
            by,
            admitted,
            rules,
            body,
            headers,
            path: path.to_owned(),
            query: parts.uri.query().map(str::to_owned),
            model: parsed.map(|parsed| parsed.model.clone()).unwrap_or_default(),
            user: parsed.and_then(ChatRequest::user).map(|user| short_hash(&user)),
            delivery: parsed.map(|parsed| parsed.delivery).unwrap_or_default(),
            retry: text("x-stainless-retry-count").is_some_and(|count| count != "0"),
        })
    }
}

/// Whether an exchange may be kept: by the rules of the site that the client named, by the header, by the body. Whatever cannot be read
/// says no.
fn may_be_kept(
    gateway: &Gateway,
    named: &SiteId,
    parts: &http::request::Parts,
    body: &[u8],
    parsed: Option<&ChatRequest<'_>>,
) -> bool {
    let by_header =
        parts.headers.get_all("x-apprentice-capture").iter().all(|value| value.as_bytes().eq_ignore_ascii_case(b"on"));
    by_header
        && gateway.rules.of(named).capture
        && parsed.map_or_else(|| wire::chat::may_be_kept(body), ChatRequest::may_be_kept)
}

/// A hash for telling users and conversations apart; nobody can be found by it.
pub(crate) fn short_hash(text: &str) -> u32 {
    let [a, b, c, d, ..] = *blake3::hash(text.as_bytes()).as_bytes();
    u32::from_le_bytes([a, b, c, d])
}
