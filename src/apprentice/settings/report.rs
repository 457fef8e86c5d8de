//! How problems of a configuration are shown: what is wrong, the line it stands in, what may help. Plain letters, also where no terminal is.

use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::settings::reading::Problem;

/// All of them, for a person.
pub(super) fn report(path: &Path, text: &str, problems: &[Problem]) -> String {
    let name = path.display().to_string();
    let count = if problems.len() == 1 { "one problem".to_owned() } else { format!("{} problems", problems.len()) };
    let mut shown = format!("{name}: {count}");
    for problem in problems {
        let mut group = Group::with_title(Level::ERROR.primary_title(&problem.message));
        if let Some(at) = &problem.at {
            let mark = AnnotationKind::Primary.span(at.clone());
            group = group.element(Snippet::source(text).path(&name).annotation(mark));
        }
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(help));
        }
        shown = format!("{shown}\n\n{}", Renderer::plain().render(&[group]));
    }
    shown
}
