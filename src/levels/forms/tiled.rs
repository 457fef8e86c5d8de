//! What Tiled's two forms share: layers of tile numbers and of objects, read as a level's cells and written from them.
//!
//! What a tile is, its class in the tileset says; without one, the name of its layer. What cannot be told is an error: a level with a
//! guessed wall is no level.

use super::ascii::{Kind, only};
use super::layout::{Facts, Layout, NUMBERS, sides};
use crate::LevelsError;
use crate::grid::{Cell, Cells};
use crate::map::Name;

/// The top bits of a tile number say how it is turned.
const TURNED: u32 = 0xf000_0000;
/// Pixels along a tile, as written.
pub(super) const TILE: i64 = 16;
/// Layers, tiles of a tileset and objects that are read, at most.
pub(super) const PARTS_MAX: usize = 4096;
/// The tiles of our own tileset, from number 1.
pub(super) const TILES: [&str; 2] = ["wall", "obstacle"];

/// A map of Tiled's, whichever form it was in.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct TiledMap {
    pub(super) width: i64,
    pub(super) height: i64,
    pub(super) tile_width: i64,
    pub(super) tile_height: i64,
    /// Number of a tile -> its class, for tiles that have one, and the highest number that a tileset has.
    pub(super) classes: Vec<(u32, String)>,
    pub(super) tile_max: u32,
    pub(super) layers: Vec<Layer>,
    pub(super) properties: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Layer {
    /// Row by row; 0 is nothing.
    Tiles {
        name: String,
        gids: Vec<u32>,
    },
    Objects {
        name: String,
        objects: Vec<Object>,
    },
}

/// An object: what it is, and its place in pixels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Object {
    pub(super) class: String,
    pub(super) name: String,
    pub(super) x: f64,
    pub(super) y: f64,
}

/// The cells of `map`.
pub(super) fn layout(map: &TiledMap, form: &'static str) -> Result<Layout, LevelsError> {
    let (width, height) = sides(form, map.width, map.height)?;
    let mut found = Found::default();
    for layer in &map.layers {
        match layer {
            Layer::Tiles { name, gids } => {
                let place = format!("layer `{name}`");
                if gids.len() != width * height {
                    let problem = format!("{} tiles, the map has {width} x {height} cells", gids.len());
                    return Err(LevelsError::content(form, place, problem));
                }
                for (at, gid) in gids.iter().enumerate().filter(|(_, gid)| **gid & !TURNED != 0) {
                    let cell = (at % width, at / width);
                    let place = || format!("layer `{name}`, column {}, row {}", cell.0 + 1, cell.1 + 1);
                    found.add(
                        tile(map, name, gid & !TURNED)
                            .map_err(|problem| LevelsError::content(form, place(), problem))?,
                        cell,
                    );
                }
            }
            Layer::Objects { name, objects } => {
                for object in objects {
                    let (kind, cell) = placed(map, object, (width, height))
                        .map_err(|problem| LevelsError::content(form, format!("layer `{name}`"), problem))?;
                    found.add(kind, cell);
                }
            }
        }
    }
    let Found { walls, obstacles, enemies, players } = found;
    Ok(Layout { width, height, walls, obstacles, enemies, player: only(&players)?, facts: facts(&map.properties) })
}

#[derive(Default)]
struct Found {
    walls: Cells,
    obstacles: Cells,
    enemies: Vec<Cell>,
    players: Vec<Cell>,
}

impl Found {
    fn add(&mut self, kind: Kind, cell: Cell) {
        match kind {
            Kind::Floor => {}
            Kind::Wall => drop(self.walls.insert(cell)),
            Kind::Obstacle => drop(self.obstacles.insert(cell)),
            Kind::Enemy => self.enemies.push(cell),
            Kind::Player => self.players.push(cell),
        }
    }
}

/// What tile `gid` is in the layer `layer`.
fn tile(map: &TiledMap, layer: &str, gid: u32) -> Result<Kind, String> {
    if gid > map.tile_max {
        return Err(format!("unknown tile {gid}; the tilesets end at {}", map.tile_max));
    }
    let class = map.classes.iter().find(|(known, _)| *known == gid).map(|(_, class)| class.as_str());
    match class {
        Some(class) => Kind::named(class)
            .ok_or_else(|| format!("tile {gid} has the class `{class}`, not floor, wall, obstacle, enemy or player")),
        None => Kind::named(layer)
            .ok_or_else(|| format!("tile {gid} has no class, and the layer is not called floor, walls or obstacles")),
    }
}

/// What an object is, and its cell.
fn placed(map: &TiledMap, object: &Object, (width, height): (usize, usize)) -> Result<(Kind, Cell), String> {
    let Object { class, name, x, y } = object;
    let kind = Kind::named(class).or_else(|| Kind::named(name));
    let kind =
        kind.ok_or_else(|| format!("the object `{name}` of class `{class}` is no player, enemy, wall or obstacle"))?;
    let cell = |pixels: f64, tile: i64, size: usize| {
        #[expect(clippy::cast_precision_loss, reason = "pixels of a tile, at most 4,096 of them")]
        let place = (pixels / tile.max(1) as f64).floor();
        (0..size).find(|cell| {
            #[expect(clippy::cast_precision_loss, reason = "at most 64")]
            let cell = *cell as f64;
            cell == place
        })
    };
    let (column, row) = (cell(*x, map.tile_width, width), cell(*y, map.tile_height, height));
    let at = column.zip(row).ok_or_else(|| format!("the object `{name}` at {x}, {y} pixels is outside"))?;
    Ok((kind, at))
}

fn facts(properties: &[(String, String)]) -> Facts {
    let of = |name: &str| properties.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let name = of("name").map(|name| name.parse().map_or_else(|_| Name::Text(name.to_owned()), Name::Number));
    let numbers = NUMBERS.into_iter().filter_map(|name| Some((name, of(name)?.parse().ok()?))).collect();
    Facts { name, numbers }
}

/// A map for Tiled from a level's cells: the layers "walls" and "entities".
pub(super) fn tiled(layout: &Layout) -> TiledMap {
    let Layout { width, height, walls, obstacles, enemies, player, facts } = layout;
    let side = |side: usize| i64::try_from(side).unwrap_or(i64::MAX);
    // Where both lie in one cell the wall is written; the cell is blocked either way.
    let gid = |cell: Cell| if walls.has(cell) { 1 } else { u32::from(obstacles.has(cell)) * 2 };
    let gids = (0..*height).flat_map(|y| (0..*width).map(move |x| (x, y))).map(gid).collect();
    #[expect(clippy::cast_precision_loss, reason = "pixels of at most 64 tiles")]
    let pixels = |place: usize| (side(place) * TILE) as f64;
    let object = |class: &str, (x, y): Cell| Object {
        class: class.to_owned(),
        name: class.to_owned(),
        x: pixels(x),
        y: pixels(y),
    };
    let mut objects = vec![object("player", *player)];
    objects.extend(enemies.iter().map(|cell| object("enemy", *cell)));
    let mut properties: Vec<(String, String)> = Vec::new();
    match &facts.name {
        Some(Name::Number(name)) => properties.push(("name".to_owned(), name.to_string())),
        Some(Name::Text(name)) => properties.push(("name".to_owned(), name.clone())),
        None => {}
    }
    properties.extend(facts.numbers.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())));
    TiledMap {
        width: side(*width),
        height: side(*height),
        tile_width: TILE,
        tile_height: TILE,
        classes: (1..).zip(TILES).map(|(gid, class)| (gid, class.to_owned())).collect(),
        tile_max: 2,
        layers: vec![
            Layer::Tiles { name: "walls".to_owned(), gids },
            Layer::Objects { name: "entities".to_owned(), objects },
        ],
        properties,
    }
}

/// Tile numbers written as base64 of little-endian words, packed or not; never more than the largest map has.
pub(super) fn unpacked(text: &str, compression: &str) -> Result<Vec<u32>, String> {
    use std::io::Read;

    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim()).map_err(|error| error.to_string())?;
    let most = PARTS_MAX as u64 * 4 + 1;
    let mut words = Vec::new();
    let read = match compression {
        "" => bytes.as_slice().take(most).read_to_end(&mut words),
        "zlib" => flate2::bufread::ZlibDecoder::new(bytes.as_slice()).take(most).read_to_end(&mut words),
        "gzip" => flate2::bufread::GzDecoder::new(bytes.as_slice()).take(most).read_to_end(&mut words),
        other => return Err(format!("the compression `{other}` is not read; save it as CSV, zlib or gzip")),
    };
    read.map_err(|error| error.to_string())?;
    if words.len() as u64 >= most {
        return Err(format!("more than {PARTS_MAX} tiles"));
    }
    let (whole, rest) = words.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(format!("{} bytes, not four a tile", words.len()));
    }
    Ok(whole.iter().map(|word| u32::from_le_bytes(*word)).collect())
}
