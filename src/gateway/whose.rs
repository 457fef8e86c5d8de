//! Whose request it is, where the configuration or the prompt has to tell: the rules of `callsite`, then what was found.

use std::sync::Arc;

use callsite::{By, Claims, Content, MatchRules, SiteId};
use fingerprint::{Finder, Shape};
use http::HeaderMap;
use wire::{Api, Request};

/// How call sites are told apart.
pub struct Callsites {
    /// The operator's own rules.
    pub rules: MatchRules,
    /// What goes to the teacher in place of a model that is the alias of a call site; without it the alias goes, as it came.
    pub alias_model: Option<String>,
    pub finder: Arc<Finder>,
}

impl Callsites {
    /// The call site of a request, for one that does not say it outright. `may_remember`: its texts may help to find sites.
    pub(crate) fn unnamed(
        &self,
        headers: &HeaderMap,
        api: Api,
        request: &Request<'_>,
        (may_remember, now_ms): (bool, u64),
    ) -> (SiteId, By) {
        // Nothing is read of a prompt that nobody asks about.
        if self.rules.is_empty() && !self.finder.discovers() {
            return (SiteId::default_site(), By::Default);
        }
        let opening = request.opening();
        if !self.rules.is_empty() {
            let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
            let (tools, schema) = (request.tool_names(), request.schema_name());
            let content =
                Content { header: &header, tools: &tools, schema: schema.as_deref(), system: &opening.system };
            if let Some(site) = self.rules.site(&content) {
                return (site, By::Rule);
            }
        }
        let shape = shape(api, request);
        let found = self.finder.look_up(shape, &opening.system, &opening.user, may_remember, now_ms);
        found.map_or_else(|| (SiteId::default_site(), By::Default), |site| (site, By::Fingerprint))
    }

    /// The found site that a request is of; it is neither counted nor remembered.
    pub(crate) fn found(&self, api: Api, request: &Request<'_>) -> Option<SiteId> {
        let opening = request.opening();
        self.finder.site_of(shape(api, request), &opening.system, &opening.user)
    }

    /// What goes to the teacher: the client's bytes, but for the alias that the operator wants replaced.
    pub(crate) fn outgoing(&self, body: &[u8], request: &Request<'_>) -> Option<(Vec<u8>, String)> {
        let model = self.alias_model.as_ref().filter(|_| callsite::identify::is_alias(&request.model))?;
        request.with_model(body, model).map(|body| (body, model.clone()))
    }
}

fn shape(api: Api, request: &Request<'_>) -> Shape {
    Shape::new(api.label(), &request.model, request.format(), request.json("tools"))
}

/// What a request says outright.
pub(crate) fn claims<'a>(
    path: Option<&'a str>,
    headers: &'a HeaderMap,
    key: Option<&'a SiteId>,
    request: Option<&'a Request<'_>>,
) -> Claims<'a> {
    static NONE: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    Claims {
        path,
        header: headers.get("x-apprentice-site").and_then(|value| value.to_str().ok()),
        metadata: request.map_or(&NONE, |request| &request.metadata),
        stored_prompt: request.and_then(|request| request.stored_prompt.as_deref()),
        key,
        model: request.map_or("", |request| request.model.as_str()),
    }
}
