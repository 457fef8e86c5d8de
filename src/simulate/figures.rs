//! What a simulation hands back: figures with their goals, tables for reading, plots. Data only.

use plot::Plot;
pub(crate) use plot::shown;
use serde::Serialize;

/// One figure of a benchmark's file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub name: String,
    /// `None` where the figure is not finite (it never happened in half of the runs).
    pub value: Option<f64>,
    pub unit: String,
    /// Shares and means: their 95 % interval. Times: 10 % and 90 % of the runs.
    pub range: [Option<f64>; 2],
    pub goal: Option<f64>,
    /// Whether the goal is met; true where there is none.
    pub ok: bool,
}

/// Which side of a goal is good.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    None,
    AtMost(f64),
    AtLeast(f64),
}

impl Row {
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &str, range: (f64, f64), goal: Goal) -> Self {
        let (ok, goal) = match goal {
            Goal::None => (true, None),
            Goal::AtMost(goal) => (value <= goal, Some(goal)),
            Goal::AtLeast(goal) => (value >= goal, Some(goal)),
        };
        let finite = |value: f64| value.is_finite().then_some(value);
        let range = [finite(range.0), finite(range.1)];
        Self { name: name.into(), value: finite(value), unit: unit.to_owned(), range, goal, ok }
    }
}

/// A table for a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub title: String,
    /// What was done, in a sentence or two.
    pub about: String,
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(title: &str, about: impl Into<String>, head: &[&str]) -> Self {
        let head = head.iter().map(|name| (*name).to_owned()).collect();
        Self { title: title.to_owned(), about: about.into(), head, rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

/// Everything a simulation found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    pub rows: Vec<Row>,
    pub tables: Vec<Table>,
    pub plots: Vec<Plot>,
}

impl Report {
    /// What missed its goal, a line each.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        let line = |row: &Row| {
            let number = |value: Option<f64>| shown(value.unwrap_or(f64::NAN));
            format!("{}: {} {}, goal {}", row.name, number(row.value), row.unit, number(row.goal))
        };
        self.rows.iter().filter(|row| !row.ok).map(line).collect()
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.tables.extend(other.tables);
        self.plots.extend(other.plots);
    }
}
