//! A small plot writer: lines and bars as SVG texts, axes labelled, readable on a light and on a dark ground. Knows nothing
//! of what is drawn, reads and writes nothing.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
/// Room of the axes: left, right, top, bottom.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 55.0;
/// Colours that are told apart with any colour vision (Okabe and Ito).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
/// Lines beyond the colours are told apart by their dashes.
const DASHES: [&str; 4] = ["", "6 3", "2 3", "8 3 2 3"];
const TICKS: u8 = 5;
/// Width of a letter of a name, in the mean.
const LETTER: f64 = 6.4;
/// Height of a name in the legend, where there is room for it.
const LEGEND: f64 = 18.0;
/// Positive values that differ by more than this factor are drawn on a logarithmic axis.
const DECADE: f64 = 10.0;
/// What differs where the reader prefers a dark ground.
const DARK: &str = "@media (prefers-color-scheme: dark) { svg { fill: #dddddd } .ground { fill: #15181c } \
                    .grid { stroke: #3a3f46 } .axis { stroke: #dddddd } }";

/// A drawing as an SVG text.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// File name without its ending.
    pub name: String,
    pub title: String,
    pub svg: String,
}

/// A named line.
#[derive(Clone, Debug)]
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    /// Whether every point is marked by a dot.
    pub dots: bool,
}

impl Line {
    /// A level line from 0 to `to`.
    #[must_use]
    pub fn level(name: &str, at: f64, to: f64) -> Self {
        Self::new(name, vec![(0.0, at), (to, at)])
    }

    /// A line without dots.
    #[must_use]
    pub fn new(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), points, dots: false }
    }
}

/// A named bar; bars of one colour belong together.
#[derive(Clone, Debug)]
pub struct Bar {
    name: String,
    value: f64,
    colour: usize,
}

impl Bar {
    #[must_use]
    pub fn new(name: String, value: f64, colour: usize) -> Self {
        Self { name, value, colour }
    }
}

/// From values to the page.
struct Frame {
    x_max: f64,
    /// Smallest and largest value of the vertical axis.
    y: (f64, f64),
    /// Whether equal heights are equal factors.
    logarithmic: bool,
    svg: String,
}

impl Frame {
    /// `more` room at the right for names.
    fn new(title: &str, x_max: f64, y: (f64, f64), logarithmic: bool, more: f64) -> Self {
        let width = WIDTH + more;
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"12\" fill=\"#222222\">\n<style>{DARK}</style>\n\
             <rect class=\"ground\" width=\"{width}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
        );
        let mut frame = Self { x_max: x_max.max(f64::MIN_POSITIVE), y, logarithmic, svg };
        frame.text(LEFT, 22.0, "start", "font-size=\"15\"", title);
        frame
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + value / self.x_max * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let (least, most) = self.y;
        let share = if self.logarithmic {
            (value.max(least) / least).ln() / (most / least).ln()
        } else {
            (value - least).max(0.0) / (most - least)
        };
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
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

    /// Values that are named on the vertical axis, and how.
    fn y_ticks(&self) -> Vec<(f64, String)> {
        let (least, most) = self.y;
        if !self.logarithmic {
            let value = |tick| least + (most - least) * f64::from(tick) / f64::from(TICKS);
            return (0..=TICKS).map(value).map(|value| (value, shown(value))).collect();
        }
        let steps: &[f64] = if most / least > 1e4 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let (first, last) = (least.log10().floor() as i32, most.log10().ceil() as i32);
        let of_power = |power: i32| steps.iter().map(move |step| (step * 10f64.powi(power), power));
        let all = (first..=last).flat_map(of_power);
        let within = all.filter(|(value, _)| *value >= least * 0.999 && *value <= most * 1.001);
        // As many places as the power of ten needs.
        within.map(|(value, power)| (value, format!("{value:.*}", usize::try_from(-power).unwrap_or(0)))).collect()
    }

    /// The vertical axis with its grid and name.
    fn y_axis(&mut self, name: &str) {
        for (value, text) in self.y_ticks() {
            let y = self.y(value);
            self.rule((LEFT, y), (WIDTH - RIGHT, y), "class=\"grid\" stroke=\"#dddddd\"");
            self.text(LEFT - 6.0, y + 4.0, "end", "", &text);
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
        self.rule((LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM), "class=\"axis\" stroke=\"#222222\"");
        self.svg.push_str("</svg>\n");
        Plot { name: name.to_owned(), title: title.to_owned(), svg: self.svg }
    }
}

fn colour(at: usize) -> &'static str {
    COLOURS.get(at % COLOURS.len()).copied().unwrap_or("#000000")
}

/// A count as a float.
fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A number as an axis or a table shows it; what is not finite is a dash.
#[must_use]
pub fn shown(value: f64) -> String {
    match value {
        value if !value.is_finite() => "-".to_owned(),
        value if value.fract() == 0.0 => format!("{value:.0}"),
        value if value.abs() < 0.01 => format!("{value:.4}"),
        value if value.abs() < 10.0 => format!("{value:.3}"),
        value => format!("{value:.0}"),
    }
}

/// The next of 1, 2, 5 times a power of ten at or below `value`.
fn rounded_down(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [5.0, 2.0, 1.0].into_iter().map(|step| step * power).find(|round| *round <= value).unwrap_or(value)
}

/// The next of 1, 2, 5 times a power of ten at or above `value`.
fn rounded_up(value: f64) -> f64 {
    let power = 10f64.powf(value.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|round| *round >= value).unwrap_or(value)
}

/// Lines over common axes; the horizontal one begins at 0, the vertical one at `least`.
#[must_use]
pub fn lines(name: &str, title: &str, axes: [&str; 2], least: f64, drawn: &[Line]) -> Plot {
    let most = rounded_up(values(drawn).fold(0.0, f64::max));
    over(Frame::new(title, x_max(drawn), (least, most), false, 0.0), axes, drawn).end(name, title)
}

/// Lines whose values may span decades, the vertical axis being logarithmic then; `mark` is a point that is ringed and
/// named.
#[must_use]
pub fn curves(name: &str, title: &str, axes: [&str; 2], drawn: &[Line], mark: Option<((f64, f64), &str)>) -> Plot {
    let (least, most) = values(drawn).fold((f64::INFINITY, 0.0), |(least, most), y| (y.min(least), y.max(most)));
    let logarithmic = least > 0.0 && most > least * DECADE;
    let range = if logarithmic { (rounded_down(least), rounded_up(most)) } else { (0.0, rounded_up(most)) };
    let frame = Frame::new(title, x_max(drawn), range, logarithmic, 0.0);
    let axis = if logarithmic { format!("{} (log)", axes[1]) } else { axes[1].to_owned() };
    let mut frame = over(frame, [axes[0], &axis], drawn);
    if let Some(((x, y), name)) = mark.filter(|((_, y), _)| y.is_finite()) {
        let (x, y) = (frame.x(x), frame.y(y));
        frame.add(&format!(
            "<circle class=\"axis\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"7\" fill=\"none\" stroke=\"#222222\"/>"
        ));
        frame.text(x - 10.0, y - 10.0, "end", "", name);
    }
    frame.end(name, title)
}

fn x_max(drawn: &[Line]) -> f64 {
    drawn.iter().flat_map(|line| &line.points).map(|point| point.0).fold(0.0, f64::max)
}

/// The heights that can be drawn.
fn values(drawn: &[Line]) -> impl Iterator<Item = f64> {
    drawn.iter().flat_map(|line| &line.points).map(|point| point.1).filter(|value| value.is_finite())
}

fn over(mut frame: Frame, axes: [&str; 2], drawn: &[Line]) -> Frame {
    frame.y_axis(axes[1]);
    frame.x_axis(axes[0]);
    let row = ((HEIGHT - TOP - BOTTOM) / number(drawn.len().max(1))).min(LEGEND);
    for (at, line) in drawn.iter().enumerate() {
        let dashes = DASHES.get(at / COLOURS.len() % DASHES.len()).copied().unwrap_or_default();
        let style = format!("stroke=\"{}\" stroke-dasharray=\"{dashes}\"", colour(at));
        let mut path = String::new();
        for (x, y) in line.points.iter().filter(|point| point.1.is_finite()) {
            let command = if path.is_empty() { 'M' } else { 'L' };
            // Writing to a text cannot fail.
            write!(path, "{command}{:.1} {:.1} ", frame.x(*x), frame.y(*y)).unwrap_or_default();
            if line.dots {
                let (x, y) = (frame.x(*x), frame.y(*y));
                frame.add(&format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{}\"/>", colour(at)));
            }
        }
        // Beside lines with dots, those without are their background.
        let width = if line.dots || drawn.iter().all(|line| !line.dots) { 2 } else { 1 };
        frame.add(&format!("<path d=\"{path}\" fill=\"none\" {style} stroke-width=\"{width}\"/>"));
        let (x, y) = (WIDTH - RIGHT + 12.0, TOP + 10.0 + row * number(at));
        frame.rule((x, y - 4.0), (x + 18.0, y - 4.0), &format!("{style} stroke-width=\"3\""));
        frame.text(x + 24.0, y, "start", "", &line.name);
    }
    frame
}

/// Horizontal bars with their values, and a mark that they are held to.
#[must_use]
pub fn bars(name: &str, title: &str, axis: &str, drawn: &[Bar], mark: Option<(f64, &str)>) -> Plot {
    let finite = |value: f64| if value.is_finite() { value } else { 0.0 };
    let x_max = rounded_up(drawn.iter().map(|bar| finite(bar.value)).fold(0.0, f64::max));
    let longest = drawn.iter().map(|bar| bar.name.chars().count()).max().unwrap_or(0);
    let more = (number(longest) * LETTER - RIGHT + 20.0).max(0.0).ceil();
    let mut frame = Frame::new(title, x_max, (0.0, 1.0), false, more);
    frame.x_axis(axis);
    let each = (HEIGHT - TOP - BOTTOM) / number(drawn.len()).max(1.0);
    // Names stand where lines have their legend.
    for (at, bar) in drawn.iter().enumerate() {
        let y = TOP + each * number(at);
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
        frame.rule((x, TOP), (x, HEIGHT - BOTTOM), "class=\"axis\" stroke=\"#222222\" stroke-dasharray=\"4 3\"");
        frame.text(x + 4.0, TOP - 4.0, "start", "font-size=\"11\"", name);
    }
    frame.end(name, title)
}

#[cfg(test)]
mod tests;
