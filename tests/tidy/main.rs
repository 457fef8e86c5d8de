//! The house rules that a compiler does not check. Reads the manifests, the sources and `deploy/`, nothing else.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test program fails by panicking")]

mod cycles;
mod functions;
mod operating;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file of production code, at most.
const FILE_LINES_MAX: usize = 400;
/// Lines of a function of production code, at most; clippy counts code lines, this counts all.
const FUNCTION_LINES_MAX: usize = 70;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The tracked Rust sources below `folder`.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn is_test(path: &Path) -> bool {
    let relative = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
    relative.contains("/tests/") || relative.ends_with("tests.rs") || relative.starts_with("tests/")
}

/// Production sources below `folder`.
fn production(folder: &str) -> Vec<PathBuf> {
    sources(folder).into_iter().filter(|path| !is_test(path)).collect()
}

/// The `[dependencies]` of a member's manifest.
fn dependencies(manifest: &Path) -> BTreeSet<String> {
    let text = read(manifest);
    let section = text.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let name = |line: &str| line.split(['.', ' ', '=']).next().map(str::to_owned);
    section.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).filter_map(name).collect()
}

fn members() -> BTreeMap<String, BTreeSet<String>> {
    let mut members = BTreeMap::new();
    for entry in fs::read_dir(root().join("src")).unwrap().map(Result::unwrap) {
        let manifest = entry.path().join("Cargo.toml");
        if manifest.is_file() {
            members.insert(entry.file_name().to_string_lossy().into_owned(), dependencies(&manifest));
        }
    }
    members
}

/// The table of `docs/ARCHITECTURE.md` between its two marks: member -> members it may import.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let text = read(&root().join("docs/ARCHITECTURE.md"));
    let table = text.split("<!-- members -->").nth(1).expect("docs/ARCHITECTURE.md has two <!-- members --> marks");
    let mut found = BTreeMap::new();
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let member = cells[1].trim_matches('`').to_owned();
        let imports =
            cells[2].split_whitespace().filter(|word| *word != "-").map(|word| word.trim_matches('`').to_owned());
        found.insert(member, imports.collect());
    }
    found
}

#[test]
fn members_import_what_the_architecture_says_and_nothing_else() {
    let members = members();
    let names: BTreeSet<&String> = members.keys().collect();
    let real: BTreeMap<String, BTreeSet<String>> = members
        .iter()
        .map(|(member, all)| (member.clone(), all.iter().filter(|name| names.contains(name)).cloned().collect()))
        .collect();
    assert_eq!(real, documented(), "left: manifests, right: docs/ARCHITECTURE.md");
}

#[test]
fn every_arrow_points_to_an_earlier_row() {
    let text = read(&root().join("docs/ARCHITECTURE.md"));
    let table = text.split("<!-- members -->").nth(1).unwrap();
    let order: Vec<String> = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|row| row.split('`').nth(1).unwrap().to_owned())
        .collect();
    let place = |name: &String| order.iter().position(|member| member == name).unwrap();
    for (member, imports) in documented() {
        for import in imports {
            assert!(place(&import) < place(&member), "{member} imports {import}, which stands below it");
        }
    }
}

#[test]
fn heavy_libraries_are_linked_where_they_belong() {
    let only = [
        ("candle-core", &["train"][..]),
        ("candle-nn", &["train"][..]),
        ("monty", &["sandbox"][..]),
        ("monty-alloc", &["sandbox"][..]),
        ("monty-types", &["sandbox"][..]),
        ("ort", &["student"][..]),
        ("sled", &["store"][..]),
        ("axum", &["admin", "page"]),
        ("hyper-rustls", &["teacher"][..]),
        ("rustls-native-certs", &["teacher"][..]),
        ("tokio-rustls", &["net"][..]),
        ("socket2", &["net"][..]),
    ];
    for (member, dependencies) in members() {
        for (library, owners) in only {
            let may = owners.contains(&member.as_str()) || !dependencies.contains(library);
            assert!(may, "{member} links {library}, which is for {owners:?} alone");
        }
    }
    let pure = ["tokio", "hyper", "axum", "sled", "rand", "fs-err", "files"];
    for member in PURE {
        let dependencies = &members()[member];
        let found = pure.iter().find(|library| dependencies.contains(**library));
        assert_eq!(found, None, "{member} is pure");
    }
}

/// Members without I/O, clocks and chance.
const PURE: [&str; 9] = ["wire", "callsite", "fingerprint", "handover", "jobs", "judge", "levels", "rules", "verify"];

#[test]
fn pure_members_read_no_clock_and_no_disk() {
    for member in PURE {
        // A program that measures a member reads the clock; the member does not.
        let own = |path: &PathBuf| !path.to_string_lossy().contains("/examples/");
        for path in production(&format!("src/{member}")).into_iter().filter(own) {
            let text = read(&path);
            for banned in ["Instant::now", "SystemTime", "std::fs", "std::net", "std::env", "rand::rng"] {
                assert!(!text.contains(banned), "{} uses {banned}", path.display());
            }
        }
    }
}

#[test]
fn every_source_file_is_a_module_of_its_member() {
    for path in sources("src") {
        let (stem, dir) = (path.file_stem().unwrap().to_str().unwrap(), path.parent().unwrap());
        if ["lib", "main", "build"].contains(&stem) || path.components().any(|part| part.as_os_str() == "examples") {
            continue;
        }
        let parents = [dir.join("lib.rs"), dir.join("main.rs"), dir.with_extension("rs")];
        let declares =
            |parent: &PathBuf| parent.try_exists().unwrap() && read(parent).contains(&format!("mod {stem};"));
        assert!(parents.iter().any(declares), "{} is compiled into nothing", path.display());
    }
}

#[test]
fn unsafe_code_is_written_where_it_has_to_be() {
    for path in sources("src") {
        let relative = path.strip_prefix(root().join("src")).unwrap().to_string_lossy().into_owned();
        let permitted = ["frozen/", "packed/"].iter().any(|member| relative.starts_with(member));
        assert!(permitted || !read(&path).contains("unsafe_code"), "{relative} permits itself unsafe code");
    }
}

#[test]
fn no_file_is_longer_than_four_hundred_lines() {
    for path in production("src") {
        let lines = read(&path).lines().count();
        assert!(lines <= FILE_LINES_MAX, "{} has {lines} lines", path.display());
    }
}

#[test]
fn no_function_is_longer_than_seventy_lines() {
    for path in production("src") {
        for (name, lines) in functions::lengths(&read(&path)) {
            assert!(lines <= FUNCTION_LINES_MAX, "{}: `{name}` has {lines} lines", path.display());
        }
    }
}

#[test]
fn the_files_of_a_member_do_not_import_each_other_in_circles() {
    for member in members().keys() {
        let folder = root().join("src").join(member);
        let files: BTreeMap<String, String> = production(&format!("src/{member}"))
            .into_iter()
            .map(|path| (cycles::module(path.strip_prefix(&folder).unwrap()), read(&path)))
            .collect();
        let ring = cycles::ring(&files);
        assert!(ring.is_empty(), "{member}: {} import each other in a circle", ring.join(", "));
    }
}

#[test]
fn hypers_server_runs_in_net_alone() {
    for path in production("src") {
        let relative = path.strip_prefix(root().join("src")).unwrap().to_string_lossy().into_owned();
        // The practice teacher is another program's server, as far as the proxy can tell.
        let own = relative.starts_with("net/") || relative.starts_with("practice/");
        assert!(own || !read(&path).contains("hyper::server"), "{relative} runs a server of its own");
    }
}

#[test]
fn the_environment_is_read_in_one_place() {
    for path in production("src") {
        let relative = path.strip_prefix(root().join("src")).unwrap().to_string_lossy().into_owned();
        let own = relative == "apprentice/settings/environment.rs" || relative.contains("/examples/");
        assert!(own || !read(&path).contains("env::var"), "{relative} reads the environment");
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for path in production("src") {
        assert!(read(&path).starts_with("//!"), "{} has no module doc", path.display());
    }
}

#[test]
fn nothing_is_left_unfinished_or_switched_off() {
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("#[ign", "ore"),
        concat!("assert!(tr", "ue)"),
    ];
    for path in sources("src").into_iter().chain(sources("tests")) {
        // A test that another test starts in a process of its own is not switched off.
        let text = read(&path).replace(concat!("#[ign", "ore = \"started by the test above\"]"), "");
        for mark in marks {
            assert!(!text.contains(mark), "{} has {mark}", path.display());
        }
    }
}

#[test]
fn no_variable_of_the_makefile_is_given_two_defaults() {
    let text = read(&root().join("Makefile"));
    let mut given = BTreeSet::new();
    for (name, _) in text.lines().filter_map(|line| line.split_once("?=")) {
        // Make takes the first and is silent about the second.
        assert!(given.insert(name.trim().to_owned()), "{name}is given a default twice");
    }
    assert!(!given.is_empty());
}

#[test]
fn every_metric_is_asserted_somewhere() {
    let table = read(&root().join("src/telemetry/lib.rs"));
    let row = |line: &str| {
        let (kind, rest) = line.trim().split_once(' ')?;
        ["counter", "gauge", "histogram"].contains(&kind).then(|| rest.split('(').next().unwrap().to_owned())
    };
    let names: Vec<String> = table.lines().filter_map(row).collect();
    assert!(names.len() > 20, "the table is not read");
    let tests = sources("src").into_iter().filter(|path| is_test(path)).chain(sources("tests"));
    let texts: Vec<String> = tests.map(|path| read(&path)).collect();
    for name in names {
        let asserted =
            |text: &String| text.contains(&format!(".{name}(")) || text.contains(&format!("apprentice_{name}"));
        assert!(texts.iter().any(asserted), "no test looks at {name}");
    }
}

#[test]
fn practice_is_known_only_to_itself_and_the_program() {
    for path in production("src") {
        let relative = path.strip_prefix(root().join("src")).unwrap().to_string_lossy().into_owned();
        if relative.starts_with("practice/") || relative.starts_with("apprentice/") {
            continue;
        }
        let code: String = read(&path).lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        assert!(!code.to_lowercase().contains("practice"), "{relative} branches on practice");
    }
}
