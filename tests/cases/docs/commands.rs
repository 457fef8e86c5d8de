//! Every command of a document, run or checked so that a wrong one is seen. What is only checked stands in a list with its reason.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use harness::client;
use harness::program::World;

use super::markdown::{Document, has, root};
use super::place::Place;
use super::shell::{self, Token};
use crate::PROGRAM;

/// Commands of the program that would take too long, or need what a test has not. Each is read by the program's own command line, in an
/// empty folder in which it finds nothing to work with.
const READ_ONLY: [(&[&str], &str); 17] = [
    (&["practice"], "plays until the hand-over"),
    (&["serve"], "runs until it is stopped; the place's own proxy is started by the same words"),
    (&["sites", "watch"], "runs until it is stopped; `first_minutes` runs it"),
    (&["simulate", "handover"], "takes minutes"),
    (&["train"], "needs a base, data and time"),
    (&["sweep"], "the same, several times"),
    (&["merge"], "needs a base and an adapter"),
    (&["judge"], "needs a judge"),
    (&["generate", "self-instruct"], "asks for minutes"),
    (&["generate", "bootstrap"], "asks for minutes"),
    (&["generate", "self-grow"], "needs a run, and asks for minutes"),
    (&["generate", "self-play"], "needs a run, and trains"),
    (&["generate", "autoif"], "asks for minutes"),
    (&["export"], "needs a base"),
    (&["generate", "levels"], "asks for minutes"),
    (&["generate", "store"], "needs a finished run; `generating` stores one"),
    (&["generate", "refilter"], "needs a finished run"),
];
/// Programs of others that are not here, or would change this machine.
const FOREIGN: [(&str, &str); 5] = [
    ("sudo", "installs into this machine"),
    ("docker", "needs Docker"),
    ("vllm", "is a server of others"),
    ("llama-server", "is a server of others"),
    ("convert_lora_to_gguf.py", "is a script of llama.cpp's"),
];
/// What every system has; run as it stands.
const PLAIN: [&str; 4] = ["cd", "cp", "mkdir", "sha256sum"];
/// Commands that talk to the running proxy, and must be told where it is.
const TALKS: [&[&str]; 7] = [
    &["sites"],
    &["reload"],
    &["health"],
    &["capture"],
    &["policy", "try"],
    &["dataset", "import"],
    &["generate", "store"],
];
/// Commands that want the folders for themselves.
const ALONE: [&[&str]; 1] = [&["dataset", "export"]];
/// Folders of the repository: a path that begins with one must be there.
const FOLDERS: [&str; 7] = ["deploy/", "docs/", "policies/", "seeds/", "src/", "tests/", "models/practice"];

/// What is wrong with the commands of `document`.
pub(super) fn problems(document: &Document) -> Vec<String> {
    let blocks = document.blocks("sh");
    let mut place = None;
    let mut problems = Vec::new();
    for block in blocks {
        for line in shell::lines(&block.text) {
            if let Err(problem) = check(document, &line, &mut place) {
                problems.push(format!("{} (block at line {}): `{line}`: {problem}", document.name, block.line));
            }
        }
    }
    problems
}

type Checked = Result<(), String>;

/// Runs every line of a block in `place`.
pub(super) fn run_block(block: &str, place: &mut Place) -> Checked {
    shell::lines(block).iter().try_for_each(|line| run(&shell::tokens(line)?, place))
}

fn check(document: &Document, line: &str, place: &mut Option<Place>) -> Checked {
    let tokens = shell::tokens(line)?;
    paths_exist(&tokens)?;
    let commands = shell::commands(&tokens);
    let is_run = |command: &&[Token]| {
        let (_, words) = shell::without_variables(command);
        let name = words.first().map(|word| word.value.as_str()).unwrap_or_default();
        PLAIN.contains(&name) || (own(name) && !is_read_only(&values(&words[1..])))
    };
    if commands.iter().all(is_run) {
        return run(&tokens, place.get_or_insert_with(|| Place::for_document(&document.text)));
    }
    for command in commands {
        let (variables, words) = shell::without_variables(command);
        let all = values(words);
        let [name, arguments @ ..] = all.as_slice() else { return Err("there is no command".into()) };
        match *name {
            "make" => make(arguments)?,
            "cargo" => cargo(arguments)?,
            "curl" => curl(arguments, place.get_or_insert_with(|| Place::for_document(&document.text)))?,
            _ if own(name) && is_read_only(arguments) => read_only(arguments)?,
            _ if FOREIGN.iter().any(|(foreign, _)| foreign == name) => {}
            _ => return Err(format!("nothing says how `{name}` is checked ({} variables before it)", variables.len())),
        }
    }
    Ok(())
}

fn values(words: &[Token]) -> Vec<&str> {
    words.iter().map(|word| word.value.as_str()).collect()
}

/// Whether `name` is the program's.
fn own(name: &str) -> bool {
    ["apprentice", "target/debug/apprentice", "target/release/apprentice"].contains(&name)
}

fn begins(arguments: &[&str], with: &[&str]) -> bool {
    // Options may stand before the subcommand's own action.
    arguments.first() == with.first() && with.iter().all(|word| arguments.contains(word))
}

fn is_read_only(arguments: &[&str]) -> bool {
    let cheap = ["--dry-run", "--help"].iter().any(|word| arguments.contains(word));
    let listed = READ_ONLY.iter().any(|(words, _)| begins(arguments, words));
    let secure = arguments.iter().any(|argument| argument.starts_with("https://"));
    (listed && !(cheap && arguments[0] == "generate")) || secure
}

fn paths_exist(tokens: &[Token]) -> Checked {
    let of_here = |token: &&Token| FOLDERS.iter().any(|folder| token.value.starts_with(folder));
    match tokens.iter().filter(of_here).find(|token| !has(&token.value)) {
        Some(token) => Err(format!("{} is not in the repository", token.value)),
        None => Ok(()),
    }
}

/// Runs a line by the shell, the program's name and the place's own words put in.
fn run(tokens: &[Token], place: &mut Place) -> Checked {
    let mut script = String::new();
    for (command, operator) in parts(tokens) {
        let (variables, words) = shell::without_variables(command);
        let raw = |words: &[Token]| words.iter().map(|word| word.raw.as_str()).collect::<Vec<_>>().join(" ");
        let variables = if variables.is_empty() { String::new() } else { format!("env {} ", raw(variables)) };
        let arguments = values(&words[1..]);
        let is_own = own(&words[0].value);
        let program = if is_own { shell::quoted(PROGRAM) } else { words[0].raw.clone() };
        let mut more = String::new();
        if is_own && TALKS.iter().any(|talks| begins(&arguments, talks)) {
            more = format!(" --admin http://{}", place.running().admin);
        }
        if is_own && ALONE.iter().any(|alone| begins(&arguments, alone)) {
            place.stop();
        }
        let rest = if is_own && ALONE.iter().any(|alone| begins(&arguments, alone)) {
            raw(&words[1..])
        } else {
            place.here(&raw(&words[1..]))
        };
        let begun = if is_own && arguments.first() == Some(&"init") { "rm -f apprentice.toml; " } else { "" };
        write!(script, "{begun}{variables}{program} {rest}{more} {operator} ").unwrap();
    }
    let exit = place.world.shell(&script.replace("set/VERSION", &the_only_folder(&place.world.dir.path().join("set"))));
    // What `init` wrote has made way for the place's own again.
    drop(place.world.config());
    if exit.code == Some(0) {
        Ok(())
    } else {
        Err(format!("{script}\n  ended with {:?}: {}{}", exit.code, exit.stdout, exit.stderr))
    }
}

/// The version of a frozen set.
fn the_only_folder(set: &Path) -> String {
    let entries = std::fs::read_dir(set).into_iter().flatten().map(Result::unwrap);
    let folder = entries.map(|entry| entry.path()).find(|path| path.is_dir());
    folder.map_or_else(|| "set/VERSION".to_owned(), |path| path.display().to_string())
}

/// Commands, each with the operator behind it.
fn parts(tokens: &[Token]) -> Vec<(&[Token], &str)> {
    let mut found = Vec::new();
    let mut rest = tokens;
    for command in shell::commands(tokens) {
        let behind = rest.get(command.len()).map_or("", |operator| operator.value.as_str());
        rest = rest.get(command.len() + 1..).unwrap_or_default();
        found.push((command, behind));
    }
    found
}

/// Has the program read the command line in a folder in which there is nothing: it must find its arguments good, and then nothing to do.
fn read_only(arguments: &[&str]) -> Checked {
    let world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    let mut all = arguments.to_vec();
    match arguments {
        // What would begin at once.
        ["generate", maker, ..] if !["store", "refilter"].contains(maker) => all.push("--dry-run"),
        ["simulate", ..] if !arguments.contains(&"--policy") => all.extend(["--policy", "none.toml"]),
        _ => {}
    }
    let exit = world.run(&all);
    let may =
        if all.contains(&"--dry-run") { exit.code == Some(0) || exit.code == Some(1) } else { exit.code == Some(1) };
    if may { Ok(()) } else { Err(format!("it is not read: {exit:?}")) }
}

/// The makefile has the target, and the variables that are set.
fn make(arguments: &[&str]) -> Checked {
    let made = Command::new("make").arg("-n").args(arguments).current_dir(root()).output().unwrap();
    let text = std::fs::read_to_string(root().join("Makefile")).unwrap();
    let set = arguments.iter().filter_map(|argument| argument.split_once('='));
    let unused = set.map(|(name, _)| name).find(|name| !text.contains(&format!("$({name})")));
    match (made.status.success(), unused) {
        (true, None) => Ok(()),
        (true, Some(name)) => Err(format!("the makefile makes nothing of {name}")),
        (false, _) => Err(String::from_utf8_lossy(&made.stderr).into_owned()),
    }
}

/// Cargo's own command, with features, examples and packages that exist; building is another test's.
fn cargo(arguments: &[&str]) -> Checked {
    let exists = |path: String| has(&path).then_some(()).ok_or_else(|| format!("{path} is missing"));
    let feature = |name: &str| {
        let (member, name) = name.split_once('/').unwrap_or(("apprentice", name));
        let manifest = std::fs::read_to_string(root().join(format!("src/{member}/Cargo.toml"))).unwrap_or_default();
        let features = manifest.split("[features]").nth(1).unwrap_or_default().lines();
        let has = |line: &str| line.split_once(" = ").is_some_and(|(feature, _)| feature == name);
        features.into_iter().any(has).then_some(()).ok_or_else(|| format!("{member} has no feature {name}"))
    };
    let mut rest = arguments.iter().copied();
    if !matches!(rest.next(), Some("build" | "run" | "test")) {
        return Err("cargo is told something that is not checked".into());
    }
    let mut package = "apprentice".to_owned();
    while let Some(argument) = rest.next() {
        match argument {
            "--release" | "--workspace" | "--lib" | "--locked" => {}
            "--features" => feature(rest.next().unwrap_or_default())?,
            "-p" => {
                rest.next().unwrap_or_default().clone_into(&mut package);
                exists(format!("src/{package}/Cargo.toml"))?;
            }
            "--example" => exists(format!("src/{package}/examples/{}.rs", rest.next().unwrap_or_default()))?,
            _ => return Err(format!("cargo's `{argument}` is not checked")),
        }
    }
    Ok(())
}

/// Asks the running proxy what curl would ask it.
fn curl(arguments: &[&str], place: &mut Place) -> Checked {
    let (mut method, mut headers, mut body, mut url) = ("GET".to_owned(), Vec::new(), String::new(), String::new());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut next = || rest.next().map(|value| place.here(value)).ok_or("an option has no value");
        match *argument {
            "-s" | "-i" | "-N" => {}
            "-X" => method = next()?,
            "-H" => headers.push(next()?),
            "-d" => (method, body) = ("POST".to_owned(), next()?),
            _ if argument.starts_with("http://") => url = (*argument).to_owned(),
            _ => return Err(format!("curl's `{argument}` is not checked")),
        }
    }
    let rest = url.strip_prefix("http://").ok_or("it names no address")?;
    let (host, path) = rest.find('/').map(|at| rest.split_at(at)).ok_or("it names no path")?;
    let address = match host {
        "127.0.0.1:8080" => place.running().proxy,
        "127.0.0.1:8081" => place.running().admin,
        _ => return Err(format!("{host} is neither of the listeners")),
    };
    let headers: Vec<(&str, &str)> = headers.iter().filter_map(|header| header.split_once(": ")).collect();
    let answer = client::ask(address, &method, path, &headers, body.as_bytes());
    if answer.status() == 200 { Ok(()) } else { Err(format!("{} {}", answer.status(), answer.text())) }
}
