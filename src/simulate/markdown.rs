//! Reports as text: for a terminal, and as a document. Formats what it is given and nothing else.

use crate::figures::{Report, Row, Table, shown};

/// The tables for a terminal.
#[must_use]
pub fn text(report: &Report) -> String {
    let goals = goals(report);
    let tables = report.tables.iter().chain(std::iter::once(&goals));
    tables.map(plain).collect::<Vec<_>>().join("\n")
}

/// The document: `head` below the title, the goals, the tables, the plots by the links that `link` gives them.
#[must_use]
pub fn markdown(title: &str, head: &str, report: &Report, link: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = format!("# {title}\n\n{head}\n");
    for table in std::iter::once(&goals(report)).chain(&report.tables) {
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        out.push_str(&format!("\n## {}\n\n{}\n\n{}", table.title, table.about, row(&table.head)));
        out.push_str(&format!("|{}\n", "---|".repeat(table.head.len())));
        table.rows.iter().for_each(|cells| out.push_str(&row(cells)));
    }
    for plot in &report.plots {
        if let Some(link) = link(&plot.name) {
            out.push_str(&format!("\n![{}]({link})\n", plot.title));
        }
    }
    out
}

/// The figures that have a goal.
fn goals(report: &Report) -> Table {
    let about = "Every figure that has a goal. Range: the 95 % interval of shares and means, 10 % and 90 % of the runs for times.";
    let mut table = Table::new("Goals", about, &["figure", "value", "range", "unit", "goal", "reached"]);
    for row in report.rows.iter().filter(|row| row.goal.is_some()) {
        let Row { name, value, unit, range, goal, ok } = row;
        let number = |value: Option<f64>| shown(value.unwrap_or(f64::NAN));
        let reached = if *ok { "yes" } else { "NO" };
        let range = format!("{} .. {}", number(range[0]), number(range[1]));
        table.push([name.clone(), number(*value), range, unit.clone(), number(*goal), reached.to_owned()]);
    }
    table
}

fn plain(table: &Table) -> String {
    let lines = || std::iter::once(&table.head).chain(&table.rows);
    let width = |column: usize| lines().filter_map(|cells| cells.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..table.head.len()).map(|column| width(column).unwrap_or(0)).collect();
    let line = |cells: &Vec<String>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    let body: String = lines().map(line).collect();
    format!("{}\n{}\n\n{body}", table.title, table.about)
}
