//! Before the first start: a configuration to begin with, and a dry run of one.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use capture::Distillable;

use crate::settings::Settings;
use crate::{Outcome, app, print};

/// `apprentice init`
pub(crate) fn init(path: &Path) -> Outcome {
    let mut file =
        OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
            format!("cannot write {}: {error}; choose another name or remove the file", path.display())
        })?;
    file.write_all(include_bytes!("../policies/default.toml"))?;
    print(&format!("{} written.", path.display()));
    print(
        "Next: read [teacher] in it (may its answers be learnt from?), then `apprentice check` and `apprentice serve`.",
    );
    Ok(ExitCode::SUCCESS)
}

/// `apprentice check`
pub(crate) fn check(path: &Path) -> Outcome {
    let settings = Settings::load(path)?;
    let mut fine = true;
    let mut line = |what: &str, found: Result<String, String>| match found {
        Ok(found) => print(&format!("ok    {what}: {found}")),
        Err(problem) => {
            fine = false;
            print(&format!("FAIL  {what}: {problem}"));
        }
    };
    line("configuration", Ok(path.display().to_string()));
    line(
        "teacher",
        app::teacher(&settings).map(|_| settings.teacher.base_url.clone()).map_err(|error| error.to_string()),
    );
    if settings.student.enabled {
        line("base model", app::base(&settings).map(|config| format!("{} parameters", config.parameters())));
        line("ONNX Runtime", app::library(&settings).map(|path| path.display().to_string()));
    }
    match settings.teacher.distillable {
        Distillable::Yes => print("ok    terms: the teacher's answers may be learnt from"),
        Distillable::No => print("note  terms: teacher.distillable is no, nothing is learnt"),
        Distillable::Unknown => {
            print("note  terms: teacher.distillable is unknown: exchanges are kept, nothing is learnt from them")
        }
    }
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
