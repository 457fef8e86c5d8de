//! `apprentice check`: reads a configuration and what it names, changes nothing.

use std::path::Path;
use std::process::ExitCode;

use callsite::SiteId;

use crate::commands::findings;
use crate::finding::{Finding, State};
use crate::output::print_line;
use crate::settings::Settings;
use crate::{Outcome, app};

/// Says of each part whether it would work.
pub(crate) fn check(path: &Path) -> Outcome {
    let settings = Settings::load(path)?;
    let mut found = vec![Finding::ok("configuration", path.display().to_string())];
    found.extend(findings::of_teacher(&settings));
    found.extend(findings::of_base(&settings));
    found.extend(findings::of_library(&settings));
    for Finding { name, state, said, .. } in &found {
        let word = match state {
            State::Ok => "ok",
            State::Warn => "note",
            State::Fail => "FAIL",
        };
        print_line(&format!("{word:<5} {name}: {said}"))?;
    }
    explain(&settings)?;
    let fine = found.iter().all(|finding| finding.state != State::Fail);
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says in words what moves the traffic, once for every policy that differs.
fn explain(settings: &Settings) -> Result<(), app::Error> {
    let rules = settings.rules(&std::collections::BTreeMap::new())?;
    let other = SiteId::new("any-other-site")?;
    let default = rules.of(&other);
    let differs = |site: &&SiteId| rules.of(site).policy != default.policy;
    let own = rules.configured().filter(differs).map(|site| (site.to_string(), rules.of(site)));
    for (name, rules) in own.chain([("every other site".to_owned(), default.clone())]) {
        print_line(&format!("\n{name}:"))?;
        rules.policy.explain().iter().try_for_each(|sentence| print_line(&format!("  - {sentence}")))?;
    }
    Ok(())
}
