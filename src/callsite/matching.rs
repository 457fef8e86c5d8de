//! Call sites by rules of the operator's: a tool, the name of a schema, a pattern of the system text, another product's header.

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::SiteId;

/// One rule, as it is configured: everything that it says must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchRule {
    /// The call site; without it the header's value names it.
    pub site: Option<SiteId>,
    /// The name of one of the request's tools.
    pub tool: Option<String>,
    /// The name of the answer's JSON schema.
    pub schema: Option<String>,
    /// A regular expression that the system text contains.
    pub system: Option<String>,
    /// A header that the request has, such as `Helicone-Prompt-Id`.
    pub header: Option<String>,
    /// What that header says.
    pub value: Option<String>,
}

/// Why a rule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    #[error("it says nothing that a request must have: name a tool, schema, system or header")]
    Empty,
    #[error("it names no site, and no header whose value is one")]
    NoSite,
    #[error("`value` belongs to a `header`")]
    Value,
    #[error("`default` is the site of what belongs to no other")]
    Default,
    #[error("`system`: {0}")]
    Pattern(String),
}

/// What of a request the rules look at.
pub struct Content<'a> {
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
    pub tools: &'a [String],
    pub schema: Option<&'a str>,
    pub system: &'a str,
}

/// All rules, ready for use, in their order.
#[derive(Clone, Debug, Default)]
pub struct MatchRules(Vec<(MatchRule, Option<Regex>)>);

impl MatchRules {
    /// # Errors
    /// The number of the rule that cannot be used, from 1, and why.
    pub fn new(rules: &[MatchRule]) -> Result<Self, (usize, BadRule)> {
        let ready = rules
            .iter()
            .enumerate()
            .map(|(at, rule)| rule.ready().map(|pattern| (rule.clone(), pattern)).map_err(|problem| (at + 1, problem)));
        ready.collect::<Result<_, _>>().map(Self)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The call site of the first rule that holds.
    #[must_use]
    pub fn site(&self, content: &Content<'_>) -> Option<SiteId> {
        self.0.iter().find_map(|(rule, pattern)| rule.site_of(pattern.as_ref(), content))
    }
}

impl MatchRule {
    fn ready(&self) -> Result<Option<Regex>, BadRule> {
        let Self { site, tool, schema, system, header, value } = self;
        if [tool, schema, system, header].iter().all(|part| part.is_none()) {
            return Err(BadRule::Empty);
        }
        if value.is_some() && header.is_none() {
            return Err(BadRule::Value);
        }
        match site {
            Some(site) if site.is_default() => return Err(BadRule::Default),
            None if header.is_none() || value.is_some() => return Err(BadRule::NoSite),
            Some(_) | None => {}
        }
        let pattern = system.as_deref().map(Regex::new).transpose();
        pattern.map_err(|error| BadRule::Pattern(error.to_string()))
    }

    fn site_of(&self, pattern: Option<&Regex>, content: &Content<'_>) -> Option<SiteId> {
        let said = self.header.as_deref().map(|name| (content.header)(name));
        let holds = self.tool.as_ref().is_none_or(|tool| content.tools.contains(tool))
            && self.schema.as_deref().is_none_or(|schema| content.schema == Some(schema))
            && pattern.is_none_or(|pattern| pattern.is_match(content.system))
            && said.is_none_or(|said| said.is_some() && (self.value.is_none() || said == self.value.as_deref()));
        if !holds {
            return None;
        }
        // A header of another product that cannot name a site is not an error.
        self.site.clone().or_else(|| SiteId::new(said.flatten()?).ok().filter(|site| !site.is_default()))
    }
}
