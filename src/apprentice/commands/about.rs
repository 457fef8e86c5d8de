//! `apprentice completions`, `man` and `version`: what the program says of itself. To standard output, for whoever installs it.

use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::Outcome;
use crate::app;
use crate::cli::Arguments;
use crate::output::print_line;

/// The name that everything goes by.
const NAME: &str = "apprentice";

pub(crate) fn completions(shell: clap_complete::Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), NAME, &mut script);
    print_line(String::from_utf8(script)?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// The page of the program, or of the command that `names` lead to.
pub(crate) fn manual(names: &[String]) -> Outcome {
    let mut command = Arguments::command();
    // Commands learn their whole names.
    command.build();
    for name in names {
        let found = command.find_subcommand(name).cloned();
        command = found.ok_or_else(|| format!("`{}` has no command `{name}`: see its --help", command.get_name()))?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    print_line(String::from_utf8(page)?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// Every page, for whoever packs them.
pub(crate) fn manuals(folder: &Path) -> Outcome {
    // What else this program writes is its user's alone; manuals are for everybody.
    rustix::process::umask(rustix::fs::Mode::WGRP | rustix::fs::Mode::WOTH);
    fs_err::create_dir_all(folder)?;
    let written = clap_mangen::generate_to(Arguments::command(), folder);
    written.map_err(|error| format!("the manual pages cannot be written into {}: {error}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn version(verbose: bool) -> Outcome {
    print_line(&format!("{NAME} {}", env!("CARGO_PKG_VERSION")))?;
    if verbose {
        let features = [("cuda", train::CUDA), ("otlp", cfg!(feature = "otlp"))];
        let features: Vec<&str> = features.into_iter().filter(|(_, built)| *built).map(|(name, _)| name).collect();
        let kernel = app::kernel().map_or_else(|problem| problem, |kernel| student::kernel_name(kernel).to_owned());
        for (what, is) in [
            (
                "commit",
                option_env!("APPRENTICE_COMMIT").unwrap_or("not recorded: no release build in a checkout").to_owned(),
            ),
            ("target", format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)),
            ("features", if features.is_empty() { "none".to_owned() } else { features.join(", ") }),
            ("ONNX Runtime", format!("{} is wanted", student::library::WANTED)),
            ("student formats", gemma::GraphFormat::ALL.map(gemma::GraphFormat::name).join(", ")),
            ("kernel here", kernel),
        ] {
            print_line(&format!("{what:<16} {is}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
