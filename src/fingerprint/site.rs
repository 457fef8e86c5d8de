//! A found call site, as it is kept.

use callsite::SiteId;
use serde::{Deserialize, Serialize};

use crate::template::{Slot, Template};

/// Prompts that are shown of a site, and characters of each text.
pub(crate) const SAMPLES: usize = 3;
const SAMPLE_CHARS_MAX: usize = 600;

/// What a person has said of a found call site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing yet.
    #[default]
    Found,
    /// That it is one: it has a name of theirs and gives its place to no other.
    Named,
    /// That it is none: its requests are those of `default`.
    Ignored,
}

/// A prompt of a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    pub system: String,
    pub user: String,
}

impl Sample {
    pub(crate) fn new(system: &str, user: &str) -> Self {
        let short = |text: &str| text.chars().take(SAMPLE_CHARS_MAX).collect();
        Self { system: short(system), user: short(user) }
    }
}

/// A call site that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundSite {
    pub name: SiteId,
    /// Under these its exchanges were kept before.
    #[serde(default)]
    pub former: Vec<SiteId>,
    #[serde(default)]
    pub standing: Standing,
    /// More than one after a merge.
    pub templates: Vec<Template>,
    /// Its own texts are told apart further.
    #[serde(default)]
    pub fine: bool,
    /// How often a person has changed what belongs to it: evidence from before says nothing.
    #[serde(default)]
    pub revision: u32,
    /// Requests, and when the first and the last came (Unix time).
    #[serde(default)]
    pub requests: u64,
    pub first_ms: u64,
    pub last_ms: u64,
    /// Of the first template; none where the site's exchanges are not kept.
    #[serde(default)]
    pub samples: Vec<Sample>,
    /// Its samples were erased; new prompts take their place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wants_samples: bool,
}

/// A found call site, as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FoundView {
    pub site: SiteId,
    pub standing: Standing,
    /// Whether its requests are told from those of `default`.
    pub active: bool,
    pub former: Vec<SiteId>,
    pub requests: u64,
    pub first_ms: u64,
    pub last_ms: u64,
    pub revision: u32,
    pub templates: Vec<TemplateView>,
    pub samples: Vec<Sample>,
    pub slots: Vec<Slot>,
}

/// A template, as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TemplateView {
    pub system: String,
    pub user: String,
}

impl FoundSite {
    /// Whether prompts of it are remembered like those of no site.
    pub(crate) fn wants_prompts(&self) -> bool {
        self.fine || self.wants_samples
    }

    pub(crate) fn view(&self, active: bool) -> FoundView {
        let samples: Vec<_> = self.samples.iter().map(|sample| (sample.system.clone(), sample.user.clone())).collect();
        let template = |template: &Template| {
            let (system, user) = template.shown();
            TemplateView { system, user }
        };
        FoundView {
            site: self.name.clone(),
            standing: self.standing,
            active,
            former: self.former.clone(),
            requests: self.requests,
            first_ms: self.first_ms,
            last_ms: self.last_ms,
            revision: self.revision,
            templates: self.templates.iter().map(template).collect(),
            samples: self.samples.clone(),
            slots: self.templates.first().map(|template| template.slots(&samples)).unwrap_or_default(),
        }
    }
}
