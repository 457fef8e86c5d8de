//! `apprentice levels`: levels checked, converted, drawn. A file that cannot be read is said, and the others are gone on with.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use levels::forms::{Legend, Options};
use levels::repair::{RepairPolicy, repair};
use levels::{Context, Finding, Form, LevelRules, Map, check};
use serde_json::json;

use crate::cli::levels::{LevelsAction, Reading};
use crate::output::{eprint_line, print_line};
use crate::{Outcome, app};

/// Bytes of a file that are read, at most: more than any level has.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Does `action` with every file.
pub(crate) fn levels(action: LevelsAction) -> Outcome {
    match action {
        LevelsAction::Check { reading, repair } => {
            each(&reading, |file, form, options| checked(file, form, options, repair))
        }
        LevelsAction::Convert { reading, to, out } | LevelsAction::Draw { reading, to, out } => {
            each(&reading, |file, form, options| written(file, form, options, to, out.as_deref()))
        }
    }
}

type Done = Result<bool, app::Error>;

/// Fails when one of the files does.
fn each(reading: &Reading, one: impl Fn(&Path, Form, &Options) -> Done) -> Outcome {
    let rules = LevelRules { base: reading.base.try_into()?, connectivity: reading.connectivity.try_into()? };
    let legend = match &reading.legend {
        Some(path) => Legend::parse(&read(path)?)?,
        None => Legend::default(),
    };
    let options = Options { rules, legend };
    let mut all = true;
    for file in &reading.files {
        let named = || file.file_name().and_then(|name| Form::of_file(name.to_str()?));
        let done = match reading.from.or_else(named) {
            Some(form) => one(file, form, &options),
            None => Err("its name tells no form; say --from jac, ascii, tmx, tmj or ldtk".into()),
        };
        match done {
            Ok(sound) => all &= sound,
            Err(error) => {
                eprint_line(&format!("apprentice: {}: {error}", file.display()));
                all = false;
            }
        }
    }
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(path: &Path) -> Result<String, app::Error> {
    let bytes = std::fs::metadata(path)?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(format!("{bytes} bytes; a level has at most {FILE_BYTES_MAX}").into());
    }
    Ok(std::fs::read_to_string(path)?)
}

/// One JSON line of findings; whether there is no error among them.
fn checked(file: &Path, form: Form, options: &Options, mend: bool) -> Done {
    let text = read(file)?;
    let (findings, repairs) = match form.read(&text, options) {
        Ok(mut map) => {
            let repairs = if mend { repair(&mut map, RepairPolicy::ALL) } else { Vec::new() };
            (check(&map, options.rules, Context::default()), repairs)
        }
        Err(error) => (vec![Finding::Schema(error.to_string())], Vec::new()),
    };
    let is_valid = !findings.iter().any(Finding::is_error);
    let repairs: Vec<String> = repairs.iter().map(ToString::to_string).collect();
    let line = json!({"file": file.display().to_string(), "valid": is_valid, "findings": findings, "repairs": repairs});
    print_line(&line.to_string())?;
    Ok(is_valid)
}

/// Writes the level in another form and says where.
fn written(file: &Path, form: Form, options: &Options, to: Form, out: Option<&Path>) -> Done {
    let map: Map = form.read(&read(file)?, options)?;
    let findings = check(&map, options.rules, Context::default());
    let bytes = to.write(&map, &findings, options)?;
    let path = target(file, to, out);
    if path == file {
        return Err("it would be written over itself; name another folder with --out".into());
    }
    if let Some(folder) = out {
        fs_err::create_dir_all(folder)?;
    }
    files::replace(&path, &bytes)?;
    print_line(&path.display().to_string())?;
    Ok(true)
}

fn target(file: &Path, to: Form, out: Option<&Path>) -> PathBuf {
    let beside = file.with_extension(to.extension());
    match (out, beside.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => beside,
    }
}
