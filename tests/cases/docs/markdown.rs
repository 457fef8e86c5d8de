//! Documents as they are written: blocks of code, code in prose, headings, links. Knows the part of Markdown that they use.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The repository's folder.
pub(super) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Whether the repository has `path`.
pub(super) fn has(path: impl AsRef<Path>) -> bool {
    root().join(path).try_exists().unwrap()
}

/// One document.
pub(super) struct Document {
    /// Its path in the repository.
    pub(super) name: String,
    pub(super) text: String,
}

/// A block of code.
pub(super) struct Block {
    pub(super) language: String,
    /// The line of its first line of code, from 1 on.
    pub(super) line: usize,
    pub(super) text: String,
}

/// Something in a document, with its place in words.
pub(super) struct Found {
    pub(super) at: String,
    pub(super) text: String,
}

/// README, CONTRIBUTING and everything below `docs/`.
pub(super) fn all() -> Vec<Document> {
    let mut names = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    let mut open = vec![root().join("docs")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                names.push(path.strip_prefix(root()).unwrap().display().to_string());
            }
        }
    }
    names.sort();
    names.iter().map(|name| read(name)).collect()
}

/// What people read to use the program: README and `docs/*.md`.
pub(super) fn guides() -> Vec<Document> {
    let is_guide = |document: &Document| {
        document.name == "README.md" || Path::new(&document.name).parent() == Some(Path::new("docs"))
    };
    all().into_iter().filter(is_guide).collect()
}

pub(super) fn read(name: &str) -> Document {
    let text = std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    Document { name: name.to_owned(), text }
}

impl Document {
    /// The blocks of code, and each line of prose with its number.
    fn parts(&self) -> (Vec<Block>, Vec<(usize, &str)>) {
        let (mut blocks, mut prose, mut inside) = (Vec::new(), Vec::new(), None::<Block>);
        for (number, line) in (1..).zip(self.text.lines()) {
            match (line.trim_start().strip_prefix("```"), inside.take()) {
                (Some(_), Some(block)) => blocks.push(block),
                (Some(language), None) => {
                    inside = Some(Block { language: language.to_owned(), line: number + 1, text: String::new() });
                }
                (None, Some(mut block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                    inside = Some(block);
                }
                (None, None) => prose.push((number, line)),
            }
        }
        assert!(inside.is_none(), "{}: a block of code has no end", self.name);
        (blocks, prose)
    }

    pub(super) fn blocks(&self, language: &str) -> Vec<Block> {
        self.parts().0.into_iter().filter(|block| block.language == language).collect()
    }

    /// Code in prose, without its marks.
    pub(super) fn spans(&self) -> Vec<Found> {
        self.split_prose().0
    }

    /// Targets of links, pictures too.
    pub(super) fn links(&self) -> Vec<Found> {
        let (_, prose) = self.split_prose();
        let targets = |line: &Found| {
            let behind = line.text.split("](").skip(1);
            let target = |rest: &str| rest.split_once(')').map(|(target, _)| target.to_owned());
            behind.filter_map(target).map(|text| Found { at: line.at.clone(), text }).collect::<Vec<_>>()
        };
        prose.iter().flat_map(targets).collect()
    }

    /// Paragraphs, items of lists and rows of tables, each with the number of its first line.
    fn paragraphs(&self) -> Vec<(usize, String)> {
        let mut paragraphs: Vec<(usize, String)> = Vec::new();
        let mut last = 0;
        for (number, line) in self.parts().1 {
            let goes_on = number == last + 1 && !line.trim().is_empty() && !line.starts_with(['|', '-', '#']);
            match paragraphs.last_mut().filter(|_| goes_on) {
                Some((_, text)) => *text = format!("{text}\n{line}"),
                None => paragraphs.push((number, line.to_owned())),
            }
            last = number;
        }
        paragraphs
    }

    /// Code in prose, and each paragraph without it.
    fn split_prose(&self) -> (Vec<Found>, Vec<Found>) {
        let (mut spans, mut bare) = (Vec::new(), Vec::new());
        for (number, paragraph) in self.paragraphs() {
            let (at, mut rest, mut left) = (format!("{}:{number}", self.name), paragraph.as_str(), String::new());
            while let Some((before, marked)) = rest.split_once('`') {
                left.push_str(before);
                let marks = 1 + marked.len() - marked.trim_start_matches('`').len();
                let mark = "`".repeat(marks);
                let Some((code, behind)) = marked.get(marks - 1..).and_then(|rest| rest.split_once(&mark)) else {
                    panic!("{at}: code in prose has no end: {paragraph}");
                };
                spans.push(Found { at: at.clone(), text: code.trim().to_owned() });
                rest = behind;
            }
            left.push_str(rest);
            bare.push(Found { at, text: left });
        }
        (spans, bare)
    }

    /// What a link's `#...` may say: headings as GitHub and others name them.
    pub(super) fn anchors(&self) -> BTreeSet<String> {
        let mut anchors = BTreeSet::new();
        for (_, line) in self.parts().1 {
            let heading = line.trim_start_matches('#');
            if heading.len() == line.len() || !heading.starts_with(' ') {
                continue;
            }
            let letter = |letter: char| match letter {
                ' ' => Some('-'),
                '-' | '_' => Some(letter),
                _ => letter.is_alphanumeric().then(|| letter.to_ascii_lowercase()),
            };
            let anchor: String = heading.trim().chars().filter_map(letter).collect();
            let number = (0..).map(|at| if at == 0 { anchor.clone() } else { format!("{anchor}-{at}") });
            let free = number.into_iter().find(|name| !anchors.contains(name)).unwrap();
            anchors.insert(free);
        }
        anchors
    }

    /// The first cells of tables under the heading `heading` and those below it.
    pub(super) fn first_cells(&self, heading: &str) -> Vec<String> {
        let deep = |line: &str| line.len() - line.trim_start_matches('#').len();
        let lines: Vec<&str> = self.parts().1.into_iter().map(|(_, line)| line).collect();
        let from = lines.iter().position(|line| *line == heading);
        let from = from.unwrap_or_else(|| panic!("{} has no heading `{heading}`", self.name));
        let ends = |line: &&str| (1..=deep(heading)).contains(&deep(line));
        let within = lines[from + 1..].iter().take_while(|line| !ends(line));
        let cell = |line: &&str| Some(line.strip_prefix("| ")?.split(" | ").next()?.to_owned());
        within.filter_map(cell).collect()
    }
}
