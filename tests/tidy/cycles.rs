//! Whether the files of one member import each other in a circle, by their `crate::` and `super::` paths. A parent's
//! `mod child;` is no import, nor is what goes through the member's root file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The module of a file below its member's folder: `a/b.rs` is `a::b`; the root files are `lib` and `main`.
pub(crate) fn module(file: &Path) -> String {
    let name = file.with_extension("").to_string_lossy().replace('/', "::");
    name.strip_suffix("::mod").map_or_else(|| name.clone(), str::to_owned)
}

/// The modules of `files` (name -> text) that lie on a circle; empty when there is none.
pub(crate) fn ring(files: &BTreeMap<String, String>) -> Vec<String> {
    let reexports = files.get("lib").or_else(|| files.get("main")).map(|text| reexports(text)).unwrap_or_default();
    let edges: BTreeMap<&str, BTreeSet<String>> = files
        .iter()
        .filter(|(name, _)| !is_root(name))
        .map(|(name, text)| (name.as_str(), imports(name, text, files, &reexports)))
        .collect();
    let reaches_itself = |start: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![start.to_owned()]);
        while let Some(at) = open.pop() {
            for next in edges.get(at.as_str()).into_iter().flatten() {
                if next == start {
                    return true;
                }
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        false
    };
    edges.keys().filter(|name| reaches_itself(name)).map(|name| (*name).to_owned()).collect()
}

fn is_root(name: &str) -> bool {
    name == "lib" || name == "main"
}

/// The modules that `name` imports, its own children and ancestors apart.
fn imports(
    name: &str,
    text: &str,
    files: &BTreeMap<String, String>,
    reexports: &BTreeMap<String, String>,
) -> BTreeSet<String> {
    let parent = name.rsplit_once("::").map_or("", |(parent, _)| parent);
    let mut paths = Vec::new();
    for line in statements(text) {
        paths.extend(expanded(&line, "crate::"));
        let above = if parent.is_empty() { String::new() } else { format!("{parent}::") };
        paths.extend(expanded(&line, "super::").into_iter().map(|path| format!("{above}{path}")));
    }
    let target = |path: &String| {
        let longest = files.keys().filter(|file| !is_root(file)).filter(|file| within(path, file));
        let direct = longest.max_by_key(|file| file.len()).cloned();
        direct.or_else(|| reexports.get(path.split("::").next()?).filter(|file| files.contains_key(*file)).cloned())
    };
    let other = |file: &String| file != name && !within(file, name) && !within(name, file);
    paths.iter().filter_map(target).filter(other).collect()
}

/// Whether `path` lies in `module` or is it.
fn within(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The code of `text` without comments and test modules, one statement an item.
fn statements(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join(" ").split(';').map(str::to_owned).collect()
}

/// Every path after `prefix` in a statement, lists in braces taken apart one level deep.
fn expanded(statement: &str, prefix: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for rest in statement.split(prefix).skip(1) {
        let head: String = rest.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect();
        let after = rest.strip_prefix(head.as_str()).unwrap_or_default();
        match after.strip_prefix('{').and_then(|list| list.split_once('}')) {
            Some((list, _)) => {
                let names = list.split(',').map(|name| name.split_whitespace().next().unwrap_or_default());
                paths.extend(names.filter(|name| !name.is_empty()).map(|name| format!("{head}{name}")));
            }
            None => paths.push(head.trim_end_matches(':').to_owned()),
        }
    }
    paths
}

/// What the root file gives out under its own name: name -> module.
fn reexports(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for statement in statements(text) {
        let Some((_, rest)) = statement.split_once("use ").filter(|(before, _)| before.trim().starts_with("pub"))
        else {
            continue;
        };
        let rest = rest.trim().trim_start_matches("crate::").trim_start_matches("self::");
        for path in expanded(&format!("^{rest}"), "^") {
            if let Some((module, name)) = path.rsplit_once("::") {
                found.insert(name.to_owned(), module.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
fn files(texts: &[(&str, &str)]) -> BTreeMap<String, String> {
    texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn a_circle_is_found_through_paths_lists_and_the_roots_names() {
    let straight = [("lib", "mod a; mod b; pub use b::B;"), ("a", "use crate::B;"), ("b", "// crate::a\nstruct B;")];
    assert_eq!(ring(&files(&straight)), Vec::<String>::new());
    let by_name = [("lib", "pub use b::B;"), ("a", "use crate::B;"), ("b", "fn f() { crate::a::g() }")];
    assert_eq!(ring(&files(&by_name)), ["a", "b"]);
    let by_list = [("lib", ""), ("a", "use crate::{b, c::C};"), ("b", ""), ("c", "use super::a;")];
    assert_eq!(ring(&files(&by_list)), ["a", "c"]);
    let family = [("lib", ""), ("a", "mod b; use b::B;"), ("a::b", "use super::X; use crate::a::Y;")];
    assert_eq!(ring(&files(&family)), Vec::<String>::new());
}
