//! `apprentice rules`: what holds for one call site, with everything filled in.

use std::path::Path;
use std::process::ExitCode;

use callsite::SiteId;

use crate::output::print_line;
use crate::settings::Settings;
use crate::{Outcome, app};

/// Prints the site's rules as one JSON object.
pub(crate) fn rules(config: &Path, site: &str) -> Outcome {
    let settings = Settings::load(config)?;
    let site = SiteId::new(site)?;
    let rules = app::rules(&settings)?.of(&site);
    let json = serde_json::json!({
        "site": site,
        "policy": rules.policy,
        "basis": rules.basis,
        "comparison": rules.comparison,
        "verifiers": rules.verifier_settings,
        "max_tokens": rules.max_tokens,
        "capture": rules.capture,
    });
    print_line(&serde_json::to_string_pretty(&json)?)?;
    Ok(ExitCode::SUCCESS)
}
