//! Letters in rows, top down, as in the Video Game Level Corpus; a legend says what they are: `{"tiles": {"X": ["solid"], ...}}`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::layout::{Facts, Layout, sides};
use crate::LevelsError;
use crate::grid::{Cell, Cells};

const FORM: &str = "ASCII";

/// What a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Floor,
    Wall,
    Obstacle,
    Enemy,
    Player,
}

impl Kind {
    /// By a word that people use for it; letter case does not matter.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Some(match word.trim().to_lowercase().as_str() {
            "passable" | "empty" | "floor" | "ground" => Self::Floor,
            "solid" | "wall" | "walls" => Self::Wall,
            "obstacle" | "obstacles" | "small_obstacle" => Self::Obstacle,
            "enemy" | "enemies" => Self::Enemy,
            "player" | "spawn" | "start" => Self::Player,
            _ => return None,
        })
    }
}

/// What each letter is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Legend(BTreeMap<char, Kind>);

impl Default for Legend {
    /// Jac's letters, with obstacles told apart from walls.
    fn default() -> Self {
        let letters =
            [('.', Kind::Floor), ('B', Kind::Wall), ('o', Kind::Obstacle), ('E', Kind::Enemy), ('P', Kind::Player)];
        Self(letters.into_iter().collect())
    }
}

impl Legend {
    /// Reads a legend; of a tile's words the one that says most counts (a player before an enemy, an obstacle before a wall, before floor),
    /// words that say nothing here are passed over.
    ///
    /// # Errors
    /// When it is no legend, a tile is not one letter, or none of its words is known.
    pub fn parse(text: &str) -> Result<Self, LevelsError> {
        #[derive(Deserialize)]
        struct File {
            tiles: BTreeMap<String, Vec<String>>,
        }
        let file: File = serde_json::from_str(text)
            .map_err(|error| LevelsError::Syntax { form: "a legend", problem: error.to_string() })?;
        let mut letters = BTreeMap::new();
        for (tile, words) in file.tiles {
            let wrong = |problem: String| LevelsError::content("a legend", format!("tile `{tile}`"), problem);
            let mut one = tile.chars();
            let (Some(letter), None) = (one.next(), one.next()) else {
                return Err(wrong("a tile is one letter".to_owned()));
            };
            // VGLC calls the stuff that floors and walls are made of "ground": with "solid" beside it, it is a wall.
            let kind = words.iter().filter_map(|word| Kind::named(word)).max();
            let kind =
                kind.ok_or_else(|| wrong(format!("none of {words:?} is passable, solid, obstacle, enemy or player")))?;
            letters.insert(letter, kind);
        }
        Ok(Self(letters))
    }

    fn letter(&self, kind: Kind) -> Result<char, LevelsError> {
        let found = self.0.iter().find(|(_, known)| **known == kind).map(|(letter, _)| *letter);
        found.ok_or_else(|| LevelsError::content("a legend", "tiles", format!("no letter for {kind:?}")))
    }
}

/// Reads rows of letters; empty lines around them do not count.
pub(super) fn read(text: &str, legend: &Legend) -> Result<Layout, LevelsError> {
    let lines: Vec<&str> = text.trim_matches(['\n', '\r']).lines().collect();
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let side = |side: usize| i64::try_from(side).unwrap_or(i64::MAX);
    let (width, height) = sides("ASCII", side(width), side(lines.len()))?;
    let (mut walls, mut obstacles) = (Cells::default(), Cells::default());
    let (mut enemies, mut players) = (Vec::new(), Vec::new());
    for (y, line) in lines.iter().enumerate() {
        let place = |x: usize| format!("line {}, column {}", y + 1, x + 1);
        if line.chars().count() != width {
            let problem = format!("the line ends; the longest has {width} letters");
            return Err(LevelsError::content(FORM, place(line.chars().count()), problem));
        }
        for (x, letter) in line.chars().enumerate() {
            let kind = legend.0.get(&letter).ok_or_else(|| {
                let known: String = legend.0.keys().collect();
                LevelsError::content(
                    FORM,
                    place(x),
                    format!("unknown tile `{}`; the legend has `{known}`", letter.escape_default()),
                )
            })?;
            match kind {
                Kind::Floor => {}
                Kind::Wall => drop(walls.insert((x, y))),
                Kind::Obstacle => drop(obstacles.insert((x, y))),
                Kind::Enemy => enemies.push((x, y)),
                Kind::Player => players.push((x, y)),
            }
        }
    }
    let player = only(&players)?;
    Ok(Layout { width, height, walls, obstacles, enemies, player, facts: Facts::default() })
}

/// The one player.
pub(crate) fn only(players: &[Cell]) -> Result<Cell, LevelsError> {
    match players {
        [player] => Ok(*player),
        others => Err(LevelsError::Players { players: others.len() }),
    }
}

/// Writes rows of letters.
pub(super) fn write(layout: &Layout, legend: &Legend) -> Result<String, LevelsError> {
    let mut text = String::new();
    for y in 0..layout.height {
        for x in 0..layout.width {
            let cell = (x, y);
            let stands = layout.enemies.iter().filter(|at| **at == cell).map(|_| Kind::Enemy);
            let here = [
                (layout.player == cell).then_some(Kind::Player),
                layout.obstacles.has(cell).then_some(Kind::Obstacle),
                layout.walls.has(cell).then_some(Kind::Wall),
            ];
            let kinds: Vec<Kind> = here.into_iter().flatten().chain(stands).collect();
            if let [one, other, ..] = kinds.as_slice() {
                let problem = format!("{one:?} and {other:?} in one cell, a letter can only be one");
                return Err(LevelsError::content(FORM, format!("row {}, column {}", y + 1, x + 1), problem));
            }
            text.push(legend.letter(kinds.first().copied().unwrap_or(Kind::Floor))?);
        }
        text.push('\n');
    }
    Ok(text)
}
