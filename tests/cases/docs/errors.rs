//! What the program's errors say, as the sources have it.

use std::path::PathBuf;

use super::markdown::root;

/// The production sources below `src/`.
pub(super) fn sources() -> Vec<(String, String)> {
    let (mut found, mut open) = (Vec::new(), vec![root().join("src")]);
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path: PathBuf = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                let is_other = ["tests", "examples"].contains(&name.as_str());
                open.extend((!is_other).then_some(path));
            } else if name.ends_with(".rs") && name != "tests.rs" {
                let relative = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((relative, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The texts of every error that says something by itself, with `…` for what is filled in; each with its file.
pub(super) fn texts() -> Vec<(String, String)> {
    let says_something = |text: &String| text.split(|letter: char| !letter.is_alphabetic()).any(|word| word.len() > 2);
    let mut found = Vec::new();
    for (file, text) in sources() {
        let attributes = text.split("#[error(").skip(1);
        let literals = attributes.filter_map(|rest| literal(rest.trim_start()));
        found.extend(literals.map(|said| plain(&said)).filter(says_something).map(|said| (file.clone(), said)));
    }
    found
}

/// The string literal that `source` begins with.
pub(super) fn literal(source: &str) -> Option<String> {
    let mut letters = source.strip_prefix('"')?.chars();
    let mut said = String::new();
    loop {
        match letters.next()? {
            '"' => return Some(said),
            '\\' => match letters.next()? {
                // A line that goes on: its break and what it is indented by are not said.
                '\n' => letters = letters.as_str().trim_start().chars(),
                'n' => said.push('\n'),
                other => said.push(other),
            },
            letter => said.push(letter),
        }
    }
}

/// A text by its words: what is filled in is `…`, marks of code and the width of gaps do not count.
pub(super) fn plain(text: &str) -> String {
    let (mut said, mut inside) = (String::new(), false);
    for letter in text.chars() {
        match letter {
            '{' => inside = true,
            '}' => {
                inside = false;
                said.push('…');
            }
            '`' => {}
            _ if inside => {}
            _ => said.push(letter),
        }
    }
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}
