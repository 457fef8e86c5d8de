//! The plots of a report, as SVG.

use std::fmt::Write;

use crate::funnel::Funnel;
use crate::report::Histogram;

const WIDTH: f64 = 720.0;
const LABELS: f64 = 220.0;
const ROW: f64 = 22.0;
const HEIGHT: f64 = 140.0;

/// A bar for every step of the funnel: what left it over what came; a mark where the published share would be.
pub(super) fn funnel(funnel: &Funnel) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts and places")]
    let number = |count: u64| count as f64;
    let most = funnel.steps.iter().map(|step| step.came).max().unwrap_or(1).max(1);
    let scale = (WIDTH - LABELS - 110.0) / number(most);
    let mut body = String::new();
    for (at, step) in funnel.steps.iter().enumerate() {
        let y = number(at as u64) * ROW;
        let (came, left) = (number(step.came) * scale, number(step.left) * scale);
        write!(
            body,
            r#"<text x="{x}" y="{t}" text-anchor="end">{name}</text><rect class="came" x="{l}" y="{y}" width="{came:.1}" height="16"/><rect class="left" x="{l}" y="{y}" width="{left:.1}" height="16"/><text x="{e:.1}" y="{t}">{a} of {b}</text>"#,
            x = LABELS - 8.0,
            t = y + 13.0,
            name = escaped(&step.name),
            l = LABELS,
            e = LABELS + came + 6.0,
            a = step.left,
            b = step.came,
        )
        .unwrap_or_default();
        if let Some(published) = step.published {
            let x = LABELS + came * published;
            write!(body, r#"<line class="published" x1="{x:.1}" x2="{x:.1}" y1="{y}" y2="{}"/>"#, y + 16.0)
                .unwrap_or_default();
        }
    }
    let height = number(funnel.steps.len() as u64) * ROW;
    format!(r#"<svg viewBox="0 0 {WIDTH} {height}" role="img">{body}</svg>"#)
}

/// Bars of equal ranges, with both ends named.
pub(super) fn histogram(histogram: &Histogram) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts and places")]
    let number = |count: u64| count as f64;
    let most = number(histogram.counts.iter().copied().max().unwrap_or(1).max(1));
    let width = WIDTH / number(histogram.counts.len().max(1) as u64);
    let mut body = String::new();
    for (at, count) in histogram.counts.iter().enumerate() {
        let height = number(*count) / most * (HEIGHT - 30.0);
        let (x, y) = (number(at as u64) * width, HEIGHT - 20.0 - height);
        write!(body, r#"<rect class="left" x="{x:.1}" y="{y:.1}" width="{:.1}" height="{height:.1}"><title>{count}</title></rect>"#, width - 2.0)
            .unwrap_or_default();
    }
    write!(
        body,
        r#"<text x="0" y="{HEIGHT}">0</text><text x="{WIDTH}" y="{HEIGHT}" text-anchor="end">{:.3}</text>"#,
        histogram.most
    )
    .unwrap_or_default();
    format!(r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{body}</svg>"#)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
