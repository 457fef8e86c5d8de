//! The documents say what is so: their commands run, their links lead somewhere, and what they name is there.
//!
//! - [`markdown`]: documents taken apart; [`shell`]: lines for a shell;
//! - [`commands`]: every command of a document; [`place`]: the place that they are run in;
//! - [`errors`]: what the program's errors say.

mod commands;
mod errors;
mod markdown;
mod place;
mod shell;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use harness::program::World;
use harness::script;
use harness::teacher::ScriptedTeacher;

use super::clients;
use crate::PROGRAM;
use markdown::{Document, all, guides, has, read, root};
use place::{ASKED, Place};

/// Names in `docs/reference/`: the first column, without its marks.
fn listed(reference: &str) -> BTreeSet<String> {
    let cells = read(&format!("docs/reference/{reference}.md"));
    let named = cells.text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    named.map(str::to_owned).collect()
}

#[track_caller]
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_command_of_the_documents_works() {
    let guides = guides();
    let problems: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = guides.iter().map(|document| scope.spawn(move || commands::problems(document))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_none(&problems);
}

#[test]
fn every_link_leads_somewhere_and_every_document_is_in_the_index() {
    let mut problems = Vec::new();
    for document in all() {
        let folder = Path::new(&document.name).parent().unwrap().to_owned();
        for link in document.links().into_iter().filter(|link| !link.text.contains("://")) {
            let (path, anchor) = link.text.split_once('#').unwrap_or((link.text.as_str(), ""));
            let target = if path.is_empty() { root().join(&document.name) } else { root().join(&folder).join(path) };
            if !has(&target) {
                problems.push(format!("{}: {} is not there", link.at, link.text));
            } else if !anchor.is_empty() {
                let text = std::fs::read_to_string(&target).unwrap();
                if !(Document { name: path.to_owned(), text }).anchors().contains(anchor) {
                    problems.push(format!("{}: {path} has no heading #{anchor}", link.at));
                }
            }
        }
    }
    let index: Vec<String> = read("docs/README.md").links().into_iter().map(|link| link.text).collect();
    for document in guides() {
        let name = document.name.strip_prefix("docs/").unwrap_or("README.md");
        if name != "README.md" && !index.iter().any(|link| link.split('#').next() == Some(name)) {
            problems.push(format!("docs/README.md does not lead to {name}"));
        }
    }
    assert_none(&problems);
}

#[test]
fn files_that_the_documents_name_are_there() {
    let folders = ["deploy/", "docs/", "policies/", "seeds/", "src/", "tests/"];
    let is_path = |text: &str| folders.iter().any(|folder| text.starts_with(folder)) && !text.contains(['{', '*', ' ']);
    let spans = guides().iter().flat_map(Document::spans).collect::<Vec<_>>();
    let named: Vec<_> = spans.iter().filter(|span| is_path(&span.text)).collect();
    assert!(named.len() > 50, "{}", named.len());
    let missing = named.iter().filter(|span| !has(&span.text));
    assert_none(&missing.map(|span| format!("{}: {} is not there", span.at, span.text)).collect::<Vec<_>>());
}

/// Names that look like metrics and are none: a field of a request's metadata.
const NO_METRICS: [&str; 1] = ["apprentice_site"];

#[test]
fn metrics_that_the_documents_name_exist() {
    let known = listed("metrics");
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut problems = Vec::new();
    for document in guides() {
        for word in document.text.split(|letter: char| !is_word(letter)) {
            let is_metric = word.starts_with("apprentice_") && !NO_METRICS.contains(&word);
            if is_metric && !known.contains(word) {
                problems.push(format!("{}: no metric is named {word}", document.name));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn keys_that_the_documents_name_exist() {
    let known = listed("configuration");
    let sections: BTreeSet<&str> = known.iter().filter_map(|key| key.split('.').next()).collect();
    let is_key = |text: &str| {
        text.split('.').count() > 1
            && text
                .split('.')
                .all(|part| !part.is_empty() && part.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'))
            && sections.contains(text.split('.').next().unwrap())
    };
    let table = |key: &str| known.iter().any(|known| known.starts_with(&format!("{key}.")));
    let spans = guides().iter().flat_map(Document::spans).collect::<Vec<_>>();
    let keys = spans.iter().map(|span| (span, span.text.split(" = ").next().unwrap_or_default()));
    let keys: Vec<_> = keys.filter(|(_, key)| is_key(key)).collect();
    assert!(keys.len() > 80, "{}", keys.len());
    let wrong = keys.iter().filter(|(_, key)| !known.contains(*key) && !table(key));
    assert_none(&wrong.map(|(span, key)| format!("{}: there is no key {key}", span.at)).collect::<Vec<_>>());
}

/// What stands behind the word `reason` is one of the reasons.
#[test]
fn reasons_that_the_documents_name_exist() {
    let known = listed("reasons");
    let mut problems = Vec::new();
    let mut seen = 0;
    for document in guides() {
        for (number, line) in (1..).zip(document.text.lines()) {
            let behind = |word: &'static str| line.split(word).skip(1);
            let named = behind("reason `").chain(behind("reasons `")).flat_map(|rest| {
                // A list: each name between its marks, as long as a comma and a mark follow.
                let mut names = Vec::new();
                let mut rest = rest;
                while let Some((name, after)) = rest.split_once('`') {
                    names.push(name);
                    let Some(next) = after.strip_prefix(", `") else { break };
                    rest = next;
                }
                names
            });
            let said = behind("`x-apprentice-reason: ").filter_map(|rest| rest.split('`').next());
            for name in named.chain(said) {
                seen += 1;
                if !known.contains(name) {
                    problems.push(format!("{}:{number}: there is no reason {name}", document.name));
                }
            }
        }
    }
    assert!(seen > 8, "{seen}");
    assert_none(&problems);
}

#[test]
fn configurations_of_the_documents_are_taken() {
    let known = listed("configuration");
    let mut problems = Vec::new();
    let mut seen = 0;
    for document in guides() {
        for block in document.blocks("toml") {
            let table: toml::Table = match block.text.parse() {
                Ok(table) => table,
                Err(error) => {
                    problems.push(format!("{}:{}: {error}", document.name, block.line));
                    continue;
                }
            };
            let is_section =
                |name: &String| name == "sites" || known.iter().any(|key| key.split('.').next() == Some(name.as_str()));
            // A training job is no configuration.
            if table.contains_key("method") {
                continue;
            }
            seen += 1;
            if let Some(other) = table.keys().find(|name| !is_section(name)) {
                problems.push(format!("{}:{}: there is no section [{other}]", document.name, block.line));
                continue;
            }
            let mut world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
            world.merge(&block.text);
            let exit = world.run(&["rules", "--config", world.config().to_str().unwrap()]);
            if exit.code != Some(0) {
                problems.push(format!("{}:{}: {}", document.name, block.line, exit.stderr));
            }
        }
    }
    assert!(seen > 8, "{seen}");
    assert_none(&problems);
}

#[test]
fn the_faq_knows_every_message_and_no_other() {
    let faq = read("docs/faq.md");
    let said: BTreeSet<String> = faq
        .first_cells("## Messages")
        .iter()
        .map(|cell| errors::plain(cell))
        .filter(|cell| cell != "message")
        .collect();
    let texts = errors::texts();
    assert!(texts.len() > 200, "the sources are not read: {}", texts.len());
    let unknown = texts.iter().filter(|(_, text)| !said.contains(text));
    let mut problems: Vec<String> =
        unknown.map(|(file, text)| format!("docs/faq.md does not say what to do about `{text}` ({file})")).collect();
    let real: BTreeSet<&String> = texts.iter().map(|(_, text)| text).collect();
    let stale = said.iter().filter(|cell| !real.contains(cell) && !cell.starts_with("---"));
    problems.extend(stale.map(|cell| format!("docs/faq.md: nothing says `{cell}` any more")));
    assert_none(&problems);
}

#[test]
fn the_faq_knows_every_code_that_clients_are_told() {
    let faq = read("docs/faq.md").first_cells("## What clients are told").join(" ");
    let mut problems = Vec::new();
    let mut seen = 0;
    // Practice's teacher is another program's server, as far as clients can tell.
    for (file, text) in errors::sources().into_iter().filter(|(file, _)| !file.starts_with("src/practice/")) {
        for (maker, skipped) in [("ApiError::invalid(", 0), ("ApiError::limited(", 0), ("ApiError::upstream(", 1)] {
            for call in text.split(maker).skip(1) {
                let argument = call.split(',').nth(skipped).unwrap_or_default().trim_start();
                let Some(code) = errors::literal(argument) else { continue };
                seen += 1;
                if !faq.contains(&format!("`{code}`")) {
                    problems.push(format!("docs/faq.md does not say what to do about the code {code} ({file})"));
                }
            }
        }
    }
    assert!(seen > 12, "{seen}");
    assert_none(&problems);
}

#[test]
fn every_command_has_a_row_in_the_readme_and_every_alert_one_in_operations() {
    let world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    let help = world.run(&["--help"]).stdout;
    let listed = help.split("Commands:").nth(1).unwrap().split("\n\n").next().unwrap();
    let names: Vec<&str> = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    assert!(names.len() > 20, "{help}");
    let rows = read("README.md").first_cells("## Commands").join("\n");
    let words: BTreeSet<&str> = rows.split(|letter: char| letter != '-' && !letter.is_alphanumeric()).collect();
    let own = ["help", ""];
    let missing = names.iter().filter(|name| !own.contains(name) && !words.contains(*name));
    let mut problems: Vec<String> = missing.map(|name| format!("README.md has no row for `{name}`")).collect();
    let alerts = std::fs::read_to_string(root().join("deploy/prometheus/alerts.yml")).unwrap();
    let rows = read("docs/operations.md").first_cells("## Monitoring").join(" ");
    let named: BTreeSet<&str> = alerts.split("- alert: ").skip(1).filter_map(|rest| rest.lines().next()).collect();
    let spoken_of: BTreeSet<&str> = rows.split('`').collect();
    let silent = named.iter().filter(|name| !spoken_of.contains(*name));
    problems.extend(silent.map(|name| format!("docs/operations.md has no row for {name}")));
    assert_none(&problems);
}

/// The proxy goes on writing while it is copied.
#[test]
fn a_backup_that_is_taken_as_operations_says_is_whole() {
    let operations = read("docs/operations.md");
    let mut place = Place::for_document(&operations.text);
    let blocks = operations.blocks("sh");
    let backup = blocks.iter().find(|block| block.text.contains("backup/ledger")).unwrap();
    commands::run_block(&backup.text, &mut place).unwrap();
    assert_eq!(place.running().chat("shopkeeper", ASKED).status(), 200);
    let found = place.here("FOUND-SITE");
    place.stop();
    let dir = place.world.dir.path().to_owned();
    std::fs::rename(dir.join("data"), dir.join("lost")).unwrap();
    std::fs::rename(dir.join("backup"), dir.join("data")).unwrap();

    let proxy = place.running();
    assert_eq!(proxy.metric("apprentice_handover_log_damaged_total", &[]), 0.0);
    assert_eq!(proxy.site("shopkeeper")["state"], "student");
    let answer = proxy.chat("shopkeeper", ASKED);
    assert_eq!(answer.header("x-apprentice-route"), "student", "{answer:?}");
    assert!(proxy.admin("GET", "/admin/found-sites", "").text().contains(&found));
    let kept = proxy.admin("GET", "/admin/capture", "").json();
    assert!(kept["sites"]["shopkeeper"]["exchanges"].as_u64() >= Some(1), "{kept}");
    commands::run_block("apprentice capture verify", &mut place).unwrap();
}

/// Runs a document's programs with `command`, which is given the file that one is put into.
fn programs(language: &str, ending: &str, prepare: impl Fn(&Path), command: impl Fn(&Path) -> Command) {
    let teacher = ScriptedTeacher::start(|_| script::says("Good day."));
    let world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    prepare(world.dir.path());
    let mut seen = 0;
    for document in guides() {
        for block in document.blocks(language) {
            seen += 1;
            let path = world.dir.path().join(format!("program-{seen}.{ending}"));
            std::fs::write(&path, block.text.replace("127.0.0.1:8080", &proxy.proxy.to_string())).unwrap();
            let ran = command(&path).env("OPENAI_API_KEY", "unused").output().unwrap();
            let said = String::from_utf8_lossy(&ran.stderr);
            assert!(ran.status.success(), "{}:{}: {said}", document.name, block.line);
            let says = String::from_utf8_lossy(&ran.stdout);
            let expected = if block.text.contains("create(") { "Good day.\n" } else { "" };
            assert_eq!(says, expected, "{}:{}", document.name, block.line);
        }
    }
    assert!(seen > 0, "the documents have no program in {language}");
}

#[test]
fn programs_in_python_of_the_documents_work() {
    let Some(folder) = clients::client(&format!("openai-python-{}", clients::PYTHON_VERSION)) else { return };
    let command = |path: &Path| {
        let mut command = Command::new("python3");
        command.arg(path).env("PYTHONPATH", &folder);
        command
    };
    programs("python", "py", |_| {}, command);
}

#[test]
fn programs_in_javascript_of_the_documents_work() {
    let Some(folder) = clients::client(&format!("openai-node-{}", clients::NODE_VERSION)) else { return };
    let modules =
        |dir: &Path| std::os::unix::fs::symlink(folder.join("node_modules"), dir.join("node_modules")).unwrap();
    let command = |path: &Path| {
        let mut command = Command::new("node");
        command.arg(path);
        command
    };
    programs("js", "mjs", modules, command);
}
