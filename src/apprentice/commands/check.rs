//! `apprentice check`: reads a configuration and what it names, changes nothing.

use std::path::Path;
use std::process::ExitCode;

use callsite::SiteId;
use capture::Distillable;
use jobs::Backend;

use crate::output::print_line;
use crate::settings::Settings;
use crate::{Outcome, app};

/// Says of each part whether it would work.
pub(crate) fn check(path: &Path) -> Outcome {
    let settings = Settings::load(path)?;
    let mut fine = true;
    let mut line = |what: &str, found: Result<String, String>| match found {
        Ok(found) => print_line(&format!("ok    {what}: {found}")),
        Err(problem) => {
            fine = false;
            print_line(&format!("FAIL  {what}: {problem}"))
        }
    };
    line("configuration", Ok(path.display().to_string()))?;
    line(
        "teacher",
        app::teacher(&settings).map(|_| settings.teacher.base_url.clone()).map_err(|error| error.to_string()),
    )?;
    line("prices", app::prices(&settings).map(|_| prices(&settings)).map_err(|error| error.to_string()))?;
    let is_local = settings.student.backend == Backend::Local;
    if settings.student.enabled && !is_local {
        let (backend, server) = (settings.student.backend.name(), &settings.student.remote);
        line("student's server", Ok(format!("{backend}, {} at {}", server.model, server.url)))?;
    }
    if settings.student.enabled && (is_local || settings.learns()) {
        let base = app::base(&settings);
        line(
            "base model",
            base.as_ref().map(|config| format!("{} parameters", config.parameters())).map_err(Clone::clone),
        )?;
        if let (Ok(config), true) = (&base, is_local) {
            let format = app::format(&settings, config);
            line("number format", app::kernel().map(|_| format!("{} (student.format)", format.name())))?;
        }
    }
    if (settings.student.enabled && is_local) || settings.similarity.encoder.is_some() {
        line("ONNX Runtime", app::library(&settings).map(|path| path.display().to_string()))?;
    }
    match settings.teacher.distillable {
        Distillable::Yes => print_line("ok    terms: the teacher's answers may be learnt from"),
        Distillable::No => print_line("note  terms: teacher.distillable is no, nothing is learnt"),
        Distillable::Unknown => {
            print_line("note  terms: teacher.distillable is unknown: exchanges are kept, nothing is learnt from them")
        }
    }?;
    explain(&settings)?;
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where the teacher's prices come from.
fn prices(settings: &Settings) -> String {
    match (&settings.teacher.price_file, settings.teacher.input_price) {
        (_, Some(_)) => "one for every model".to_owned(),
        (Some(path), None) => path.display().to_string(),
        (None, None) => "the table that is built in".to_owned(),
    }
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
