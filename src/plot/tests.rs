use crate::*;

fn line(points: &[(f64, f64)]) -> Line {
    Line { dots: true, ..Line::new("held <out>", points.to_vec()) }
}

/// Where the dots are, from the top.
fn heights(plot: &Plot) -> Vec<f64> {
    let dots = plot.svg.lines().filter(|line| line.starts_with("<circle cx"));
    dots.map(|dot| dot.split("cy=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap()).collect()
}

fn drawn(points: &[(f64, f64)]) -> Plot {
    curves("c", "loss & more", ["step", "nats"], &[line(points)], Some(((2.0, points[1].1), "kept")))
}

#[test]
fn values_that_span_decades_stand_on_a_logarithmic_axis() {
    let plot = drawn(&[(1.0, 10.0), (2.0, 1.0), (3.0, 0.1), (4.0, 0.01)]);
    let heights = heights(&plot);
    let gaps: Vec<f64> = heights.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (gap - gaps[0]).abs() < 0.2 && *gap > 50.0), "{gaps:?}");
    for text in [">nats (log)<", ">0.01<", ">0.5<", ">10<", ">step<", ">kept<", ">loss &amp; more<", ">held &lt;out><"]
    {
        assert!(plot.svg.contains(text), "{text}: {}", plot.svg);
    }
}

#[test]
fn values_within_a_decade_stand_on_an_even_axis_from_zero() {
    let plot = drawn(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]);
    let heights = heights(&plot);
    assert!((heights[1] - heights[0] - (heights[2] - heights[1])).abs() < 0.2, "{heights:?}");
    assert!(plot.svg.contains(">nats<") && plot.svg.contains(">0<"), "{}", plot.svg);
    // A zero has no logarithm.
    assert!(drawn(&[(1.0, 3.0), (2.0, 0.0)]).svg.contains(">nats<"));
}

#[test]
fn long_names_of_bars_have_room() {
    let width = |name: &str| -> f64 {
        let plot = bars("b", "title", "x", &[Bar::new(name.to_owned(), 1.0, 0)], None);
        let view = plot.svg.split("viewBox=\"0 0 ").nth(1).unwrap();
        view.split(' ').next().unwrap().parse().unwrap()
    };
    assert!((width("short") - WIDTH).abs() < 0.1);
    assert!(width(&"x".repeat(80)) > WIDTH - RIGHT + 80.0 * 6.0);
}

#[test]
fn what_is_no_number_is_left_out() {
    for points in [&[(1.0, f64::NAN), (2.0, 1.0)][..], &[(1.0, f64::INFINITY), (2.0, f64::NAN)]] {
        let plot = drawn(points);
        let path = plot.svg.lines().find(|line| line.starts_with("<path")).unwrap();
        assert!(!path.contains("NaN") && !path.contains("inf"), "{path}");
    }
    assert_eq!(heights(&drawn(&[(1.0, f64::NAN), (2.0, 1.0)])).len(), 1);
    assert!(curves("c", "nothing", ["x", "y"], &[], None).svg.ends_with("</svg>\n"));
}

#[test]
fn a_reader_who_prefers_the_dark_gets_a_dark_ground_and_light_text() {
    let svg = drawn(&[(1.0, 3.0), (2.0, 2.0)]).svg;
    assert!(svg.contains("prefers-color-scheme: dark") && svg.contains("class=\"ground\""));
}

#[test]
fn more_lines_than_colours_are_told_apart_and_named_within_the_drawing() {
    let many: Vec<Line> =
        (0..30).map(|n| Line::new(format!("line {n}"), vec![(0.0, 1.0), (1.0, f64::from(n))])).collect();
    let svg = curves("c", "many", ["x", "y"], &many, None).svg;
    let styles: std::collections::BTreeSet<&str> = svg
        .lines()
        .filter(|line| line.starts_with("<path"))
        .map(|line| line.split("fill=\"none\"").nth(1).unwrap())
        .collect();
    assert_eq!(styles.len(), 24, "six colours in four dashes");
    let last = svg.lines().find(|line| line.contains(">line 29<")).unwrap();
    let y: f64 = last.split(" y=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
    assert!(y < HEIGHT, "{y}");
}
