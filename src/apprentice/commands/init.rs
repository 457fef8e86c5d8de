//! `apprentice init`: a configuration to begin with, by what a person answers, by flags, or by the defaults. Never replaces a file.

mod questions;
mod text;

use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;

use capture::Distillable;

use crate::Outcome;
use crate::cli::Init;
use crate::output::{self, print_line};
use crate::settings::Settings;
use questions::Question;

/// Asks, writes, and says what comes next.
pub(crate) fn init(arguments: &Init) -> Outcome {
    let path = &arguments.path;
    // Said before anybody has answered five questions for nothing.
    if path.try_exists()? {
        return Err(format!("{} is there already: choose another name or remove the file", path.display()).into());
    }
    let asks = !arguments.yes && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let values = if asks {
        print_line("Five questions; Enter takes what stands in [ ]. All of it can be changed later in the file.")?;
        questions::answered(|question| given(arguments, question), &mut |text| output::ask(text), &mut print_line)?
    } else {
        questions::taken(|question| given(arguments, question))?
    };
    let text = values.iter().try_fold(text::COMMENTED.to_owned(), |text, value| text::put(&text, value))?;
    let settings = Settings::parse(&text)?;
    write(path, &text)?;
    for line in next(path, &settings) {
        print_line(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What the command line says to a question.
fn given(arguments: &Init, question: &Question) -> Option<String> {
    let Init { teacher, model, key_env, distillable, base, listen, .. } = arguments;
    let answer = match question.flag {
        "teacher" => teacher,
        "model" => model,
        "key-env" => key_env,
        "distillable" => distillable,
        "base" => base,
        _ => listen,
    };
    answer.clone()
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| {
        format!("cannot write {}: {error}; choose another name or remove the file", path.display())
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

/// What to do with it.
fn next(path: &Path, settings: &Settings) -> Vec<String> {
    let mut lines = vec![format!("{} written.", path.display())];
    if !settings.student.enabled {
        lines.push(
            "No student yet: put a Gemma 3 folder under models/, name it in [student] base and set enabled = true; until then requests are passed on and kept."
                .to_owned(),
        );
    }
    if settings.teacher.distillable == Distillable::Unknown {
        lines.push(
            "Nothing is learnt until [teacher] distillable says \"yes\": read the teacher's terms first.".to_owned(),
        );
    }
    let config =
        if path == Path::new("apprentice.toml") { String::new() } else { format!(" --config {}", path.display()) };
    lines.push(format!("Next:\n  apprentice doctor{config}\n  apprentice serve{config}"));
    lines.push(format!(
        "Clients keep their code but for one line:\n  base_url = \"http://{}/v1\"",
        reached(settings.proxy.listen)
    ));
    lines
}

/// The address as clients on this machine write it.
fn reached(listen: SocketAddr) -> SocketAddr {
    let ip = if listen.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { listen.ip() };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests;
