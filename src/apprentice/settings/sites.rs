//! From the file's sections to the rules of every call site: defaults, what a site says differently, all checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use callsite::SiteId;
use handover::{Basis, Policy};
use rules::{Rules, SiteRules};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use verify::{VerifierSettings, Verifiers};
use wire::Sampling;

use crate::settings::sections::Site;
use crate::settings::{Settings, problems};

/// What a call site says differently; its other keys are those of [`Site`] and are checked there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Overrides {
    handover: toml::Table,
    verifiers: toml::Table,
    #[serde(flatten)]
    site: toml::Table,
}

/// The rules of every site. `common` is the part of the basis that all sites share: teacher, base, graph format.
pub(crate) fn rules(settings: &Settings, common: &BTreeMap<String, String>) -> Result<Rules, String> {
    let mut sites = BTreeMap::new();
    for (name, overrides) in &settings.sites {
        let site = SiteId::new(name).map_err(|error| format!("sites.{name}: {error}"))?;
        let rules = site_rules(settings, overrides, common).map_err(|problem| format!("sites.{name}.{problem}"))?;
        sites.insert(site, rules);
    }
    Ok(Rules::new(site_rules(settings, &Overrides::default(), common)?, sites))
}

/// What is wrong with the rules of every site, and with those of single sites besides.
pub(crate) fn problems(settings: &Settings) -> Vec<String> {
    let common = Parts::of(settings, &Overrides::default()).err().unwrap_or_default();
    let mut found = common.clone();
    for (name, overrides) in &settings.sites {
        if let Err(error) = SiteId::new(name) {
            found.push(format!("sites.{name}: {error}"));
        }
        let own = Parts::of(settings, overrides).err().unwrap_or_default();
        let own = own.iter().filter(|problem| !common.contains(problem));
        found.extend(own.map(|problem| format!("sites.{name}.{}", problem.strip_prefix("site.").unwrap_or(problem))));
    }
    found
}

/// How long the exchanges of a site are kept, days; of every other site.
pub(crate) struct RetentionDays {
    pub(crate) default: u64,
    pub(crate) sites: BTreeMap<SiteId, u64>,
}

/// How long exchanges are kept.
pub(crate) fn retention(settings: &Settings) -> Result<RetentionDays, String> {
    let default = settings.site.retention_days.unwrap_or(settings.capture.retention_days);
    let mut sites = BTreeMap::new();
    for (name, overrides) in &settings.sites {
        let site: Site = overlaid(&settings.site, &overrides.site)?;
        if let Some(days) = site.retention_days.filter(|days| *days != default) {
            sites.insert(SiteId::new(name).map_err(|error| error.to_string())?, days);
        }
    }
    Ok(RetentionDays { default, sites })
}

/// What a site's rules are made of, checked.
struct Parts {
    policy: Policy,
    verifier_settings: VerifierSettings,
    verifiers: Verifiers,
    site: Site,
}

impl Parts {
    /// All that is wrong otherwise, each with its section and key.
    fn of(settings: &Settings, overrides: &Overrides) -> Result<Self, Vec<String>> {
        let one = |section: &str, error: String| vec![format!("{section}: {error}")];
        let policy: Policy =
            overlaid(&settings.handover, &overrides.handover).map_err(|error| one("handover", error))?;
        let verifier_settings: VerifierSettings =
            overlaid(&settings.verifiers, &overrides.verifiers).map_err(|error| one("verifiers", error))?;
        let site: Site = overlaid(&settings.site, &overrides.site).map_err(|error| one("site", error))?;
        let mut problems: Vec<String> = policy.problems().iter().map(|problem| format!("handover.{problem}")).collect();
        problems.extend(problems::of_site(&site).iter().map(|problem| format!("site.{problem}")));
        match Verifiers::new(&verifier_settings) {
            Ok(verifiers) if problems.is_empty() => Ok(Self { policy, verifier_settings, verifiers, site }),
            made => {
                problems.extend(made.err().map(|error| format!("verifiers: {error}")));
                Err(problems)
            }
        }
    }
}

fn site_rules(
    settings: &Settings,
    overrides: &Overrides,
    common: &BTreeMap<String, String>,
) -> Result<SiteRules, String> {
    let Parts { policy, verifier_settings, verifiers, site } =
        Parts::of(settings, overrides).map_err(|problems| problems.join("; "))?;
    let verifiers = Arc::new(verifiers);
    let sampling = if site.temperature > 0.0 {
        Sampling::Random { temperature: site.temperature, top_p: site.top_p, seed: None }
    } else {
        Sampling::Greedy
    };
    let basis = basis(common, &site, &policy, &verifier_settings)?;
    let measure_on = basis.part(MEASURED_ON);
    let Site { capture, comparison, max_tokens, .. } = site;
    let judge = settings.judge.settings().enabled();
    Ok(SiteRules {
        policy,
        basis,
        measure_on,
        verifier_settings,
        verifiers,
        comparison,
        judge,
        learns: settings.learns(),
        sampling,
        max_tokens,
        capture,
    })
}

/// The names in a basis that the choice of the measure depends on.
const MEASURED_ON: &[&str] = &["teacher", "comparison", "margin", "judge", "similarity"];

/// All that evidence depends on besides the policy, by name.
fn basis(
    common: &BTreeMap<String, String>,
    site: &Site,
    policy: &Policy,
    verifiers: &VerifierSettings,
) -> Result<Basis, String> {
    let text = |value: serde_json::Result<String>| value.map_err(|error| error.to_string());
    let mut basis = common.clone();
    basis.insert("comparison".into(), text(serde_json::to_string(&site.comparison))?);
    basis.insert("margin".into(), format!("{} tolerance {}", policy.margin, policy.tolerance));
    basis.insert("verifiers".into(), text(serde_json::to_string(verifiers))?);
    basis.insert("sampling".into(), format!("temperature {} top_p {}", site.temperature, site.top_p));
    basis.insert("max_tokens".into(), site.max_tokens.to_string());
    basis.insert("confidence_model".into(), verify::confidence::CONFIDENCE_MODEL.into());
    Ok(Basis(basis))
}

/// `base` with the keys of `overrides` in place of its own; an unknown key is an error that names it.
fn overlaid<T: Serialize + DeserializeOwned>(base: &T, overrides: &toml::Table) -> Result<T, String> {
    let mut table = toml::Table::try_from(base).map_err(|error| error.to_string())?;
    table.extend(overrides.clone());
    table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}
