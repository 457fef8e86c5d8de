//! A small plot writer: lines and bars as SVG texts on a light ground, axes labelled. Knows nothing of what is drawn.

use std::fmt::Write;

use crate::Plot;
use crate::figures::shown;
use crate::summary::size;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
/// Room of the axes: left, right, top, bottom.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 55.0;
/// Colours that are told apart with any colour vision (Okabe and Ito).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const TICKS: u8 = 5;

/// A named line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Line {
    /// A level line from 0 to `to`.
    pub(crate) fn level(name: &str, at: f64, to: f64) -> Self {
        Self { name: name.to_owned(), points: vec![(0.0, at), (to, at)] }
    }
}

/// A named bar; bars of one colour belong together.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    name: String,
    value: f64,
    colour: usize,
}

impl Bar {
    pub(crate) fn new(name: String, value: f64, colour: usize) -> Self {
        Self { name, value, colour }
    }
}

/// From values to the page.
struct Frame {
    x_max: f64,
    /// Smallest and largest value of the vertical axis.
    y: (f64, f64),
    svg: String,
}

impl Frame {
    fn new(title: &str, x_max: f64, y: (f64, f64)) -> Self {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"12\" fill=\"#222222\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
        );
        let mut frame = Self { x_max: x_max.max(f64::MIN_POSITIVE), y, svg };
        frame.text(LEFT, 22.0, "start", "font-size=\"15\"", title);
        frame
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + value / self.x_max * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let (least, most) = self.y;
        HEIGHT - BOTTOM - (value - least).max(0.0) / (most - least) * (HEIGHT - TOP - BOTTOM)
    }

    fn add(&mut self, element: &str) {
        self.svg.push_str(element);
        self.svg.push('\n');
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, more: &str, text: &str) {
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
        self.add(&format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {more}>{escaped}</text>"));
    }

    fn rule(&mut self, from: (f64, f64), to: (f64, f64), style: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.add(&format!("<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" {style}/>"));
    }

    /// The vertical axis with its grid and name.
    fn y_axis(&mut self, name: &str) {
        for tick in 0..=TICKS {
            let value = self.y.0 + (self.y.1 - self.y.0) * f64::from(tick) / f64::from(TICKS);
            let y = self.y(value);
            self.rule((LEFT, y), (WIDTH - RIGHT, y), "stroke=\"#dddddd\"");
            self.text(LEFT - 6.0, y + 4.0, "end", "", &shown(value));
        }
        let middle = f64::midpoint(TOP, HEIGHT - BOTTOM);
        self.text(16.0, middle, "middle", &format!("transform=\"rotate(-90 16 {middle:.1})\""), name);
    }

    fn x_axis(&mut self, name: &str) {
        for tick in 0..=TICKS {
            let value = self.x_max * f64::from(tick) / f64::from(TICKS);
            let x = self.x(value);
            self.text(x, HEIGHT - BOTTOM + 18.0, "middle", "", &shown(value));
        }
        let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
        self.text(middle, HEIGHT - 12.0, "middle", "", name);
    }

    fn end(mut self, name: &str, title: &str) -> Plot {
        self.rule((LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM), "stroke=\"#222222\"");
        self.svg.push_str("</svg>\n");
        Plot { name: name.to_owned(), title: title.to_owned(), svg: self.svg }
    }
}

fn colour(at: usize) -> &'static str {
    COLOURS.get(at % COLOURS.len()).copied().unwrap_or("#000000")
}

/// The next of 1, 2, 5 times a power of ten at or above `value`.
fn rounded_up(value: f64) -> f64 {
    let power = 10f64.powf(value.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|round| *round >= value).unwrap_or(value)
}

/// Lines over common axes; the horizontal one begins at 0, the vertical one at `least`.
pub(crate) fn lines(name: &str, title: &str, axes: [&str; 2], least: f64, drawn: &[Line]) -> Plot {
    let points = || drawn.iter().flat_map(|line| &line.points);
    let x_max = points().map(|point| point.0).fold(0.0, f64::max);
    let y_max = rounded_up(points().map(|point| point.1).fold(0.0, f64::max));
    let mut frame = Frame::new(title, x_max, (least, y_max));
    frame.y_axis(axes[1]);
    frame.x_axis(axes[0]);
    for (at, line) in drawn.iter().enumerate() {
        let mut path = String::new();
        for (x, y) in &line.points {
            let command = if path.is_empty() { 'M' } else { 'L' };
            // Writing to a text cannot fail.
            write!(path, "{command}{:.1} {:.1} ", frame.x(*x), frame.y(*y)).unwrap_or_default();
        }
        frame.add(&format!("<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>", colour(at)));
        let y = TOP + 10.0 + 18.0 * size(at);
        let x = WIDTH - RIGHT + 12.0;
        frame.rule((x, y - 4.0), (x + 18.0, y - 4.0), &format!("stroke=\"{}\" stroke-width=\"3\"", colour(at)));
        frame.text(x + 24.0, y, "start", "", &line.name);
    }
    frame.end(name, title)
}

/// Horizontal bars with their values, and a mark that they are held to.
pub(crate) fn bars(name: &str, title: &str, axis: &str, drawn: &[Bar], mark: Option<(f64, &str)>) -> Plot {
    let finite = |value: f64| if value.is_finite() { value } else { 0.0 };
    let x_max = rounded_up(drawn.iter().map(|bar| finite(bar.value)).fold(0.0, f64::max));
    let mut frame = Frame::new(title, x_max, (0.0, 1.0));
    frame.x_axis(axis);
    let each = (HEIGHT - TOP - BOTTOM) / size(drawn.len()).max(1.0);
    // Names stand where lines have their legend.
    for (at, bar) in drawn.iter().enumerate() {
        let y = TOP + each * size(at);
        let (from, to) = (frame.x(0.0), frame.x(finite(bar.value)));
        frame.add(&format!(
            "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
            y + each * 0.15,
            (to - from).max(1.0),
            each * 0.7,
            colour(bar.colour)
        ));
        frame.text(LEFT - 6.0, y + each * 0.65, "end", "font-size=\"10\"", &shown(bar.value));
        frame.text(WIDTH - RIGHT + 12.0, y + each * 0.65, "start", "", &bar.name);
    }
    if let Some((at, name)) = mark {
        let x = frame.x(at);
        frame.rule((x, TOP), (x, HEIGHT - BOTTOM), "stroke=\"#222222\" stroke-dasharray=\"4 3\"");
        frame.text(x + 4.0, TOP - 4.0, "start", "font-size=\"11\"", name);
    }
    frame.end(name, title)
}
