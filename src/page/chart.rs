//! Numbers as drawings, by classes of the style sheet. Every drawing says in words what it shows.

use maud::{Markup, html};
use verify::ReliabilityRow;

use crate::words;

/// Sizes in the drawing's own units.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 120.0;
const MARGIN: f64 = 6.0;

/// A bar for what is proven, a mark for what is needed, from `from` to 1.
pub(crate) fn bullet(proven: Option<f64>, mean: Option<f64>, needed: f64) -> Markup {
    let from = (needed - 0.25).clamp(0.0, 0.75);
    let x = |value: f64| WIDTH * ((value - from) / (1.0 - from)).clamp(0.0, 1.0);
    let said = |value: Option<f64>| value.map_or_else(|| "nothing yet".to_owned(), |value| format!("{value:.3}"));
    let label = format!("Proven {}, measured {}, needed {needed:.3}", said(proven), said(mean));
    let enough = proven.is_some_and(|proven| proven >= needed);
    html! {
        svg.bullet viewBox=(format!("0 0 {WIDTH} 20")) preserveAspectRatio="none" role="img" aria-label=(label) {
            rect.ground width=(WIDTH) height="20" {}
            @if let Some(mean) = mean { rect.mean y="3" width=(x(mean)) height="14" {} }
            @if let Some(proven) = proven { rect.proven.enough[enough] y="6" width=(x(proven)) height="8" {} }
            rect.needed x=(x(needed) - 1.0) width="2" height="20" {}
        }
    }
}

/// Parts of a whole, side by side; each is named below with its share.
pub(crate) fn shares(parts: [(&str, u64); 3]) -> Markup {
    let all: u64 = parts.iter().map(|(_, count)| count).sum();
    #[expect(clippy::cast_precision_loss, reason = "request counts")]
    let share = |count: u64| count as f64 / all.max(1) as f64;
    let said: Vec<String> =
        parts.iter().map(|(name, count)| format!("{name} {}", words::percent(share(*count)))).collect();
    let width = |count: u64| share(count) * WIDTH;
    // Each begins where those before it end.
    let begins = |at: usize| parts.iter().take(at).map(|(_, count)| width(*count)).sum::<f64>();
    html! {
        svg.shares viewBox=(format!("0 0 {WIDTH} 10")) preserveAspectRatio="none" role="img" aria-label=(said.join(", ")) {
            @for (at, (name, count)) in parts.into_iter().enumerate() {
                rect class=(name) x=(format!("{:.2}", begins(at))) width=(format!("{:.2}", width(count))) height="10" {}
            }
        }
        p.legend { @for (said, (name, _)) in said.iter().zip(parts) { span class=(name) { (said) } } }
    }
}

/// Values in their order, each the mean of it and the `window` before it, from 0 to 1, with a line for what is needed.
pub(crate) fn running_mean(values: &[f64], window: usize, needed: f64) -> Markup {
    let mean = |end: usize| {
        let start = end.saturating_sub(window);
        #[expect(clippy::cast_precision_loss, reason = "a window")]
        let count = (end - start) as f64;
        values.get(start..end).unwrap_or_default().iter().sum::<f64>() / count
    };
    let means: Vec<f64> = (1..=values.len()).map(mean).collect();
    let last = means.last().map_or_else(|| "none".to_owned(), |mean| format!("{mean:.3}"));
    let label = format!("Mean quality of {window} audits at a time; the last is {last}, needed is {needed:.3}");
    html! {
        svg.chart viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
            (axes())
            line.needed x1=(MARGIN) x2=(WIDTH - MARGIN) y1=(y(needed)) y2=(y(needed)) {}
            polyline.line points=(points(&means)) {}
        }
    }
}

/// Confidence against correctness: on the diagonal a student is as often right as it is sure.
pub(crate) fn reliability(rows: &[ReliabilityRow]) -> Markup {
    let most = rows.iter().map(|row| row.count).max().unwrap_or(1).max(1);
    let x = |value: f64| MARGIN + value * (WIDTH - 2.0 * MARGIN);
    #[expect(clippy::cast_precision_loss, reason = "a number of answers")]
    let radius = |count: u64| 2.0 + 6.0 * (count as f64 / most as f64).sqrt();
    let said: Vec<String> = rows
        .iter()
        .map(|row| format!("sure {:.2}: right {:.2} of {}", row.mean_confidence, row.good_share, row.count))
        .collect();
    html! {
        svg.chart viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(said.join("; ")) {
            (axes())
            line.needed x1=(x(0.0)) y1=(y(0.0)) x2=(x(1.0)) y2=(y(1.0)) {}
            @for row in rows {
                circle.dot cx=(format!("{:.1}", x(row.mean_confidence))) cy=(format!("{:.1}", y(row.good_share))) r=(format!("{:.1}", radius(row.count))) {}
            }
        }
    }
}

fn axes() -> Markup {
    html! {
        rect.ground width=(WIDTH) height=(HEIGHT) {}
        @for value in [0.0, 0.5, 1.0] {
            line.grid x1=(MARGIN) x2=(WIDTH - MARGIN) y1=(y(value)) y2=(y(value)) {}
            // Above its line, below the uppermost.
            text.tick x=(MARGIN + 2.0) y=(if value < 1.0 { y(value) - 2.0 } else { y(value) + 8.0 }) aria-hidden="true" { (value) }
        }
    }
}

fn y(value: f64) -> f64 {
    HEIGHT - MARGIN - value.clamp(0.0, 1.0) * (HEIGHT - 2.0 * MARGIN)
}

fn points(values: &[f64]) -> String {
    #[expect(clippy::cast_precision_loss, reason = "places on a screen")]
    let step = (WIDTH - 2.0 * MARGIN) / (values.len().saturating_sub(1).max(1) as f64);
    let place = |(at, value): (usize, &f64)| {
        #[expect(clippy::cast_precision_loss, reason = "as above")]
        let x = MARGIN + at as f64 * step;
        format!("{x:.1},{:.1}", y(*value))
    };
    values.iter().enumerate().map(place).collect::<Vec<_>>().join(" ")
}
