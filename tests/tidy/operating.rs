//! What operators look at, `deploy/grafana` and `deploy/prometheus`, against the table of metrics.

use std::collections::BTreeSet;

use telemetry::{Described, REFERENCE};

use super::{read, root};

/// Every expression with the texts that are shown beside it.
fn shown() -> Vec<(String, Vec<String>)> {
    let dashboard: serde_json::Value =
        serde_json::from_str(&read(&root().join("deploy/grafana/apprentice.json"))).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut shown: Vec<_> =
        targets.map(|target| (text(&target["expr"]), vec![text(&target["legendFormat"])])).collect();
    for rule in read(&root().join("deploy/prometheus/alerts.yml")).split("- alert: ").skip(1) {
        let after = |key: &str| rule.lines().find_map(|line| line.trim().strip_prefix(key)).unwrap().to_owned();
        shown.push((after("expr: "), vec![after("summary: ").replace("$labels.", "")]));
    }
    shown
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// The metrics that `expression` reads, each with the text of its selector.
fn read_by(expression: &str) -> Vec<(&'static Described, &str)> {
    let mut found = Vec::new();
    let starts = ["apprentice_", "gen_ai_"].into_iter().flat_map(|prefix| expression.match_indices(prefix));
    for (before, rest) in starts.map(|(at, _)| expression.split_at(at)) {
        if before.ends_with(is_word) {
            continue;
        }
        let (name, rest) = rest.split_at(rest.find(|letter| !is_word(letter)).unwrap_or(rest.len()));
        // Labels have such names, too.
        if REFERENCE.iter().any(|row| row.labels.contains(&name)) {
            continue;
        }
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
        let named = |row: &&Described| match row.kind {
            "histogram" => Some(row.full_name().as_str()) == of_histogram,
            _ => row.full_name() == name,
        };
        let row = REFERENCE.iter().find(named).unwrap_or_else(|| panic!("no metric is named {name}: {expression}"));
        let selector = rest.strip_prefix('{').map_or("", |rest| rest.split('}').next().unwrap());
        found.push((row, selector));
    }
    assert!(!found.is_empty(), "{expression} reads nothing");
    found
}

/// The names before `=`, `!=`, `=~` in a selector.
fn selected(selector: &str) -> Vec<String> {
    let outside: String = selector.split('"').step_by(2).collect();
    let names = outside.split(',').map(|part| part.chars().take_while(|letter| is_word(*letter)).collect());
    names.filter(|name: &String| !name.is_empty()).collect()
}

/// The names in the parentheses behind `by`, `on` and `group_left`.
fn grouped(expression: &str) -> BTreeSet<String> {
    let behind = ["by (", "on (", "group_left ("].into_iter().flat_map(|word| expression.split(word).skip(1));
    let inside = behind.map(|rest| rest.split(')').next().unwrap());
    inside.flat_map(|list| list.split(',')).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

#[test]
fn panels_and_alerts_read_metrics_and_labels_that_exist() {
    let shown = shown();
    assert!(shown.len() > 50, "the files are not read");
    for (expression, texts) in shown {
        let read = read_by(&expression);
        let mut labels: BTreeSet<&str> = BTreeSet::from(["le"]);
        for (row, selector) in read {
            for name in selected(selector) {
                assert!(row.labels.contains(&name.as_str()), "{} has no label {name}: {expression}", row.name);
            }
            labels.extend(row.labels);
        }
        for name in grouped(&expression) {
            assert!(labels.contains(name.as_str()), "no metric has the label {name}: {expression}");
        }
        // An aggregate has the labels that it is made by, and no others.
        let kept = |name: &str| !expression.starts_with("sum") || grouped(&expression).contains(name);
        for name in texts.iter().flat_map(|text| text.split("{{").skip(1)) {
            let name = name.split("}}").next().unwrap().trim();
            assert!(labels.contains(name) && kept(name), "{name} is not known beside {expression}");
        }
    }
}

#[test]
fn every_metric_is_on_a_panel_or_wakes_somebody() {
    let shown = shown();
    let read: BTreeSet<&str> =
        shown.iter().flat_map(|(expression, _)| read_by(expression)).map(|(row, _)| row.name).collect();
    let unseen: Vec<&str> = REFERENCE.iter().map(|row| row.name).filter(|name| !read.contains(name)).collect();
    assert!(unseen.is_empty(), "neither deploy/grafana nor deploy/prometheus shows {unseen:?}");
}
