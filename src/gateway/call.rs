//! What is known of a request of a known API from its arrival to its end. Made once, never changed.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use callsite::{By, SiteId};
use http::request::Parts;
use http::{HeaderMap, header};
use rules::SiteRules;
use uuid::Uuid;
use wire::error::ApiError;
use wire::{Api, Delivery, Request};

use crate::Gateway;
use crate::keys::Key;
use crate::whose::claims;

/// One request.
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
    /// The client's bytes, as they came; only an alias of a call site may have been replaced by a model.
    pub(crate) body: Bytes,
    /// The same unpacked, for reading and keeping.
    pub(crate) text: Bytes,
    /// For the teacher.
    pub(crate) headers: HeaderMap,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    /// The model that the teacher is asked for.
    pub(crate) model: String,
    pub(crate) delivery: Delivery,
    /// Hash of who asks, where the request says it.
    pub(crate) user: Option<u32>,
    /// The client repeats a request: no new evidence.
    pub(crate) retry: bool,
    /// The proxy's own key that it came with.
    pub(crate) key: Option<Arc<Key>>,
    /// Somebody sent the same body a moment ago: no new evidence either.
    pub(crate) repeated: bool,
    /// The exchange may be kept.
    pub(crate) capturable: bool,
}

impl Call {
    /// `began` is when the last byte of the request was read; `parsed` is absent when the body is a JSON object
    /// that is not understood.
    pub(crate) fn new(
        gateway: &Gateway,
        parts: Parts,
        (api, began): (Api, Instant),
        (body, text): (Bytes, Option<Bytes>),
        parsed: Option<&Request<'_>>,
    ) -> Result<Self, ApiError> {
        let (path_site, path) = callsite::split_path(parts.uri.path());
        let at_ms = (gateway.clock)();
        let key = parts.extensions.get::<Arc<Key>>().cloned();
        // What cannot be unpacked cannot be asked whether it may be kept.
        let may_keep = text.as_ref().is_some_and(|text| may_be_kept(&parts, text, parsed));
        let text = text.unwrap_or_else(|| body.clone());
        let claimed = claims(path_site, &parts.headers, key.as_ref().and_then(|key| key.site()), parsed).site();
        let claimed = claimed.map_err(|error| ApiError::invalid("bad_site", error.to_string()))?;
        let (named, by) = claimed.unwrap_or_else(|| match parsed {
            Some(parsed) => {
                let may_remember = may_keep && gateway.rules.of(&SiteId::default_site()).capture;
                gateway.callsites.unnamed(&parts.headers, api, parsed, (may_remember, at_ms))
            }
            None => (SiteId::default_site(), By::Default),
        });
        // By the rules of the site that was named, whether it is admitted or not.
        let rules = gateway.rules.of(&named);
        let capturable = may_keep && rules.capture;
        // A site past the cap is kept, counted and answered like one that was not named.
        let admitted = named.is_default() || gateway.ledger.register(&named);
        let (site, rules) = if admitted {
            (named, rules)
        } else {
            let site = SiteId::default_site();
            let rules = gateway.rules.of(&site);
            (site, rules)
        };
        let retry = parts.headers.get("x-stainless-retry-count").is_some_and(|count| count != "0");
        let mut headers = teacher::headers::outgoing(parts.headers);
        headers.remove(header::CONTENT_LENGTH);
        let repeated = !site.is_default() && gateway.repeats.is_repeat(&site, &text, at_ms);
        let (body, text, model) = for_the_teacher(gateway, &mut headers, (body, text), parsed);
        Ok(Self {
            id: Uuid::now_v7(),
            at_ms,
            began,
            api,
            key,
            capturable,
            site,
            by,
            admitted,
            rules,
            body,
            text,
            headers,
            path: path.to_owned(),
            query: parts.uri.query().map(str::to_owned),
            model,
            user: parsed.and_then(Request::user).map(|user| short_hash(&user)),
            delivery: parsed.map(|parsed| parsed.delivery).unwrap_or_default(),
            repeated,
            retry,
        })
    }
}

impl Call {
    /// What stands for its call site in metrics: requests of a site that has no place are not those of `default`.
    pub(crate) fn label(&self) -> &str {
        if self.admitted { self.site.as_str() } else { telemetry::OTHER }
    }
}

/// The request as the teacher gets it, what that says, and the model that it asks for: where that was the alias of a call site, another.
fn for_the_teacher(
    gateway: &Gateway,
    headers: &mut HeaderMap,
    (body, text): (Bytes, Bytes),
    parsed: Option<&Request<'_>>,
) -> (Bytes, Bytes, String) {
    let Some(parsed) = parsed else { return (body, text, String::new()) };
    match gateway.callsites.outgoing(&text, parsed) {
        Some((replaced, model)) => {
            headers.remove(header::CONTENT_ENCODING);
            let replaced = Bytes::from(replaced);
            (replaced.clone(), replaced, model)
        }
        None => (body, text, parsed.model.clone()),
    }
}

/// Whether an exchange may be kept as far as its request says, by header and body. Whatever cannot be read says no.
fn may_be_kept(parts: &Parts, body: &[u8], parsed: Option<&Request<'_>>) -> bool {
    let mut said = parts.headers.get_all("x-apprentice-capture").iter();
    said.all(|value| value.as_bytes().eq_ignore_ascii_case(b"on"))
        && parsed.map_or_else(|| wire::may_be_kept(body), Request::may_be_kept)
}

/// A hash for telling users and conversations apart; nobody can be found by it.
pub(crate) fn short_hash(text: &str) -> u32 {
    let [a, b, c, d, ..] = *blake3::hash(text.as_bytes()).as_bytes();
    u32::from_le_bytes([a, b, c, d])
}
