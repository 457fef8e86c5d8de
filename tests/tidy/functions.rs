//! How long functions are, by rustfmt's indentation: a function ends at the brace under its `fn`.

/// The name and the number of lines of every function in `text`, its attributes and documents apart.
pub(crate) fn lengths(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let end = format!("{}}}", " ".repeat(indent));
        // A body on one line has no brace of its own line.
        if line.trim_end().ends_with('}') || line.trim_end().ends_with(';') {
            continue;
        }
        if let Some(length) = lines[at..].iter().position(|line| *line == end) {
            found.push((name.to_owned(), length + 1));
        }
    }
    found
}

/// The name of the function that begins on `line`.
fn name(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("fn ")?;
    let modifiers = ["pub", "pub(crate)", "pub(super)", "async", "const", "unsafe"];
    if !before.split_whitespace().all(|word| modifiers.contains(&word)) {
        return None;
    }
    rest.split(['(', '<']).next().filter(|name| !name.is_empty())
}

#[test]
fn a_function_is_measured_from_its_name_to_its_brace() {
    let text = "struct A;\nimpl A {\n    pub(crate) async fn long<T>(\n        x: T,\n    ) {\n        let y = |z| {\n            z\n        };\n    }\n\n    fn one() -> u8 { 1 }\n}\n";
    assert_eq!(lengths(text), [("long".to_owned(), 7)]);
}
