//! Draws what it reads: `cargo run -p plot --example drawn < ROWS.json > PLOT.svg`.
//!
//! Lines: `{"title", "axes": [x, y], "least": y, "lines": [{"name", "points": [[x, y], ...]}, ...]}`; bars: `{"title", "axis", "mark": [value, name],
//! "bars": [[name, value, colour], ...]}`.

use std::io::{Read, Write};

use plot::{Bar, Line};
use serde_json::Value;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let rows: Value = serde_json::from_str(&text)?;
    let said = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let title = said(&rows["title"]);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let drawn = if rows["bars"].is_array() {
        let colour = |value: &Value| usize::try_from(value.as_u64().unwrap_or(0)).unwrap_or(0);
        let bar = |row: &Value| Bar::new(said(&row[0]), number(&row[1]), colour(&row[2]));
        let bars: Vec<Bar> = list(&rows["bars"]).iter().map(bar).collect();
        let name = said(&rows["mark"][1]);
        let mark = rows["mark"][0].as_f64().map(|value| (value, name.as_str()));
        plot::bars("drawn", &title, &said(&rows["axis"]), &bars, mark)
    } else {
        let points =
            |row: &Value| list(&row["points"]).iter().map(|point| (number(&point[0]), number(&point[1]))).collect();
        let lines: Vec<Line> =
            list(&rows["lines"]).iter().map(|row| Line::new(said(&row["name"]), points(row))).collect();
        let axes = [said(&rows["axes"][0]), said(&rows["axes"][1])];
        plot::lines("drawn", &title, axes.each_ref().map(String::as_str), rows["least"].as_f64().unwrap_or(0.0), &lines)
    };
    Ok(std::io::stdout().write_all(drawn.svg.as_bytes())?)
}
