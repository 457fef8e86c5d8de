//! A level as a picture, with what is wrong with it: cells of findings framed, errors red, warnings orange; in SVG the findings as text below.

use super::raster::Raster;
use super::tmx::escaped;
use crate::LevelsError;
use crate::canonical;
use crate::finding::Finding;
use crate::grid::{Cell, Cells, Grid};
use crate::map::Map;
use crate::rules::LevelRules;

/// Pixels along a cell, around the map, and of a line of text.
const CELL: usize = 20;
const MARGIN: usize = 10;
const LINE: usize = 16;
/// Findings that are told in the legend.
const TOLD_MAX: usize = 40;

type Colour = [u8; 3];
const PAPER: Colour = [255, 255, 255];
const FLOOR: Colour = [236, 228, 208];
const WALL: Colour = [90, 70, 50];
const OBSTACLE: Colour = [140, 123, 90];
const ENEMY: Colour = [176, 48, 48];
const PLAYER: Colour = [40, 96, 176];
const ERROR: Colour = [230, 0, 0];
const WARNING: Colour = [240, 140, 0];

/// Something in one cell.
struct Mark {
    cell: Cell,
    colour: Colour,
    shape: Shape,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Full,
    Disc,
    Frame,
}

/// What is drawn, from below to above; what stands outside cannot be.
fn marks(map: &Map, findings: &[Finding], grid: &Grid) -> Vec<Mark> {
    let mark = |colour, shape| move |cell| Mark { cell, colour, shape };
    let mut obstacles = Cells::default();
    map.small_obstacles.iter().filter_map(|at| grid.cell(*at)).for_each(|cell| {
        obstacles.insert(cell);
    });
    let blocked = canonical::blocked(map, grid);
    let colour = |cell: Cell| match (blocked.has(cell), obstacles.has(cell)) {
        (_, true) => OBSTACLE,
        (true, false) => WALL,
        (false, false) => FLOOR,
    };
    let mut marks: Vec<Mark> = grid.iter().map(|cell| mark(colour(cell), Shape::Full)(cell)).collect();
    marks.extend(map.enemies.iter().filter_map(|at| grid.cell(*at)).map(mark(ENEMY, Shape::Disc)));
    marks.extend(grid.cell(map.player_pos).map(mark(PLAYER, Shape::Disc)));
    // Warnings first: where both are in a cell, the error is seen.
    for is_error in [false, true] {
        let told = findings.iter().filter(|finding| finding.is_error() == is_error);
        let cells = told.flat_map(Finding::cells).filter_map(|at| grid.cell(at));
        marks.extend(cells.map(mark(if is_error { ERROR } else { WARNING }, Shape::Frame)));
    }
    marks
}

fn grid_of(map: &Map, rules: LevelRules, form: &'static str) -> Result<Grid, LevelsError> {
    let problem = || format!("{} x {} cells, each side must be 3 to 64", map.level.width, map.level.height);
    Grid::of(&map.level, rules).ok_or_else(|| LevelsError::NotOnGrid { form, problem: problem() })
}

/// The picture as SVG, with a legend of findings.
pub(super) fn svg(map: &Map, findings: &[Finding], rules: LevelRules) -> Result<String, LevelsError> {
    let grid = grid_of(map, rules, "SVG")?;
    let told = &findings[..findings.len().min(TOLD_MAX)];
    let mut lines: Vec<(Colour, String)> =
        told.iter().map(|finding| (if finding.is_error() { ERROR } else { WARNING }, finding.to_string())).collect();
    if findings.len() > told.len() {
        lines.push((WARNING, format!("and {} more findings", findings.len() - told.len())));
    }
    let widest = lines.iter().map(|(_, line)| line.chars().count() * LINE / 2).max().unwrap_or(0);
    let width = (grid.width * CELL).max(widest) + 2 * MARGIN;
    let top = grid.height * CELL + 2 * MARGIN;
    let height = top + lines.len() * LINE;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"monospace\" font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n",
        hex(PAPER)
    );
    for Mark { cell: (x, y), colour, shape } in marks(map, findings, &grid) {
        let (left, top, colour) = (MARGIN + x * CELL, MARGIN + y * CELL, hex(colour));
        text.push_str(&match shape {
            Shape::Full => format!("<rect x=\"{left}\" y=\"{top}\" width=\"{CELL}\" height=\"{CELL}\" fill=\"{colour}\" stroke=\"#d8ceb4\"/>\n"),
            Shape::Disc => {
                let (x, y, radius) = (left + CELL / 2, top + CELL / 2, CELL / 3);
                format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{colour}\"/>\n")
            }
            Shape::Frame => {
                let (left, top, side) = (left + 1, top + 1, CELL - 2);
                format!("<rect x=\"{left}\" y=\"{top}\" width=\"{side}\" height=\"{side}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"3\"/>\n")
            }
        });
    }
    for (place, (colour, line)) in lines.iter().enumerate() {
        let (y, colour, line) = (top + place * LINE + LINE / 2, hex(*colour), escaped(line));
        text.push_str(&format!("<text x=\"{MARGIN}\" y=\"{y}\" fill=\"{colour}\">{line}</text>\n"));
    }
    text.push_str("</svg>\n");
    Ok(text)
}

fn hex([red, green, blue]: Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The picture as PNG, findings framed.
pub(super) fn png(map: &Map, findings: &[Finding], rules: LevelRules) -> Result<Vec<u8>, LevelsError> {
    let grid = grid_of(map, rules, "PNG")?;
    let mut raster = Raster::new(grid.width * CELL + 2 * MARGIN, grid.height * CELL + 2 * MARGIN, PAPER);
    for Mark { cell: (x, y), colour, shape } in marks(map, findings, &grid) {
        let (left, top) = (MARGIN + x * CELL, MARGIN + y * CELL);
        match shape {
            Shape::Full => raster.fill((left, top), (CELL - 1, CELL - 1), colour),
            Shape::Disc => raster.disc((left + CELL / 2, top + CELL / 2), CELL / 3, colour),
            Shape::Frame => raster.frame((left, top), (CELL, CELL), 3, colour),
        }
    }
    raster.encode()
}
