//! LDtk's JSON: a project's first level or a level by itself, with an IntGrid layer for what blocks and an entity layer for who stands.

use serde::Deserialize;
use serde_json::{Value, json};

use super::ascii::{Kind, only};
use super::layout::{Facts, Layout, NUMBERS, sides};
use crate::LevelsError;
use crate::grid::{Cell, Cells};
use crate::map::Name;

const FORM: &str = "LDtk";
const TILE: usize = 16;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Project {
    levels: Option<Vec<LevelFile>>,
    #[serde(default)]
    defs: Definitions,
}

#[derive(Default, Deserialize)]
struct Definitions {
    #[serde(default)]
    layers: Vec<LayerDefinition>,
}

#[derive(Deserialize)]
struct LayerDefinition {
    identifier: String,
    #[serde(default, rename = "intGridValues")]
    values: Vec<IntGridValue>,
}

#[derive(Deserialize)]
struct IntGridValue {
    value: i64,
    identifier: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LevelFile {
    #[serde(default)]
    identifier: String,
    layer_instances: Option<Vec<LayerFile>>,
    #[serde(default)]
    field_instances: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    #[serde(rename = "__identifier")]
    identifier: String,
    #[serde(default, rename = "__value")]
    value: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LayerFile {
    #[serde(rename = "__identifier")]
    identifier: String,
    #[serde(rename = "__type")]
    kind: String,
    #[serde(rename = "__cWid")]
    width: i64,
    #[serde(rename = "__cHei")]
    height: i64,
    #[serde(default)]
    int_grid_csv: Vec<i64>,
    #[serde(default)]
    entity_instances: Vec<Entity>,
}

#[derive(Deserialize)]
struct Entity {
    #[serde(rename = "__identifier")]
    identifier: String,
    #[serde(rename = "__grid")]
    grid: [i64; 2],
}

/// Reads the first level.
pub(super) fn read(text: &str) -> Result<Layout, LevelsError> {
    let syntax = |error: serde_json::Error| LevelsError::Syntax { form: FORM, problem: error.to_string() };
    let project: Project = serde_json::from_str(text).map_err(syntax)?;
    let level = match project.levels {
        Some(levels) => {
            levels.into_iter().next().ok_or_else(|| LevelsError::content(FORM, "levels", "there is none"))?
        }
        None => serde_json::from_str(text).map_err(syntax)?,
    };
    let Some(layers) = level.layer_instances else {
        let place = format!("level `{}`", level.identifier);
        return Err(LevelsError::content(
            FORM,
            place,
            "its layers are in another file; give that file, or save the project as one",
        ));
    };
    let first = layers.first().ok_or_else(|| LevelsError::content(FORM, "layerInstances", "there is none"))?;
    let (width, height) = sides(FORM, first.width, first.height)?;
    let (mut walls, mut obstacles) = (Cells::default(), Cells::default());
    let (mut enemies, mut players) = (Vec::new(), Vec::new());
    for layer in &layers {
        if (layer.width, layer.height) != (first.width, first.height) {
            let problem = format!("{} x {} cells, another layer has {width} x {height}", layer.width, layer.height);
            return Err(LevelsError::content(FORM, format!("layer `{}`", layer.identifier), problem));
        }
        match layer.kind.as_str() {
            "IntGrid" => int_grid(layer, &project.defs, (width, height), &mut walls, &mut obstacles)?,
            "Entities" => entities(layer, (width, height), &mut enemies, &mut players)?,
            // Pictures of tiles say nothing of what blocks.
            _ => {}
        }
    }
    let facts = facts(&level.field_instances);
    Ok(Layout { width, height, walls, obstacles, enemies, player: only(&players)?, facts })
}

fn int_grid(
    layer: &LayerFile,
    definitions: &Definitions,
    (width, height): (usize, usize),
    walls: &mut Cells,
    obstacles: &mut Cells,
) -> Result<(), LevelsError> {
    let wrong = |problem: String| LevelsError::content(FORM, format!("layer `{}`", layer.identifier), problem);
    if layer.int_grid_csv.len() != width * height {
        return Err(wrong(format!("{} numbers, the layer has {width} x {height} cells", layer.int_grid_csv.len())));
    }
    let defined = definitions.layers.iter().find(|known| known.identifier == layer.identifier);
    let named = |value: i64| {
        let values = defined.map(|layer| layer.values.as_slice()).unwrap_or_default();
        let word = values.iter().find(|known| known.value == value).and_then(|known| known.identifier.as_deref());
        match (word, value) {
            (Some(word), _) => Kind::named(word),
            (None, 1) => Some(Kind::Wall),
            (None, 2) => Some(Kind::Obstacle),
            _ => None,
        }
    };
    for (at, value) in layer.int_grid_csv.iter().enumerate().filter(|(_, value)| **value != 0) {
        let cell = (at % width, at / width);
        match named(*value) {
            Some(Kind::Wall) => drop(walls.insert(cell)),
            Some(Kind::Obstacle) => drop(obstacles.insert(cell)),
            Some(Kind::Floor) => {}
            _ => {
                return Err(wrong(format!(
                    "column {}, row {}: {value} is no wall, obstacle or floor",
                    cell.0 + 1,
                    cell.1 + 1
                )));
            }
        }
    }
    Ok(())
}

fn entities(
    layer: &LayerFile,
    (width, height): (usize, usize),
    enemies: &mut Vec<Cell>,
    players: &mut Vec<Cell>,
) -> Result<(), LevelsError> {
    for Entity { identifier, grid: [x, y] } in &layer.entity_instances {
        let wrong = |problem: &str| {
            LevelsError::content(
                FORM,
                format!("layer `{}`, entity `{identifier}` at {x}, {y}", layer.identifier),
                problem,
            )
        };
        let inside = |value: i64, size: usize| usize::try_from(value).ok().filter(|place| *place < size);
        let cell = inside(*x, width).zip(inside(*y, height)).ok_or_else(|| wrong("it is outside"))?;
        match Kind::named(identifier) {
            Some(Kind::Enemy) => enemies.push(cell),
            Some(Kind::Player) => players.push(cell),
            _ => return Err(wrong("an entity is a player or an enemy")),
        }
    }
    Ok(())
}

fn facts(fields: &[Field]) -> Facts {
    let of = |name: &str| fields.iter().find(|field| field.identifier == name).map(|field| &field.value);
    let name = of("name").and_then(|name| serde_json::from_value(name.clone()).ok());
    Facts { name, numbers: NUMBERS.into_iter().filter_map(|name| Some((name, of(name)?.as_i64()?))).collect() }
}

/// Writes a project of one level.
pub(super) fn write(layout: &Layout) -> Result<String, LevelsError> {
    let Layout { width, height, walls, obstacles, enemies, player, facts } = layout;
    // Where both lie in one cell the wall is written; the cell is blocked either way.
    let value = |cell: Cell| if walls.has(cell) { 1 } else { i32::from(obstacles.has(cell)) * 2 };
    let csv: Vec<i32> = (0..*height).flat_map(|y| (0..*width).map(move |x| (x, y))).map(value).collect();
    let entity = |identifier: &str, (x, y): Cell| {
        json!({
            "__identifier": identifier, "__grid": [x, y], "__pivot": [0, 0], "__tags": [], "px": [x * TILE, y * TILE],
            "width": TILE, "height": TILE, "fieldInstances": [],
        })
    };
    let mut standing = vec![entity("Player", *player)];
    standing.extend(enemies.iter().map(|cell| entity("Enemy", *cell)));
    let layer = |identifier: &str, kind: &str, csv: &[i32], entities: &[Value]| {
        json!({
            "__identifier": identifier, "__type": kind, "__cWid": width, "__cHei": height, "__gridSize": TILE,
            "intGridCsv": csv, "entityInstances": entities, "gridTiles": [], "autoLayerTiles": [], "visible": true,
        })
    };
    let mut fields: Vec<Value> = facts.numbers.iter().map(|(name, value)| field(name, "Int", &json!(value))).collect();
    match &facts.name {
        Some(Name::Number(name)) => fields.push(field("name", "Int", &json!(name))),
        Some(Name::Text(name)) => fields.push(field("name", "String", &json!(name))),
        None => {}
    }
    let level = json!({
        "identifier": "Level_0", "uid": 0, "worldX": 0, "worldY": 0, "pxWid": width * TILE, "pxHei": height * TILE,
        "fieldInstances": fields,
        "layerInstances": [layer("Entities", "Entities", &[], &standing), layer("Walls", "IntGrid", &csv, &[])],
    });
    let values = json!([{"value": 1, "identifier": "wall", "color": "#5A4632"}, {"value": 2, "identifier": "obstacle", "color": "#8C7B5A"}]);
    let project = json!({
        "__header__": {"fileType": "LDtk Project JSON", "schema": "https://ldtk.io/files/JSON_SCHEMA.json"},
        "jsonVersion": "1.5.3", "defaultGridSize": TILE, "worldLayout": "Free", "externalLevels": false,
        "defs": {
            "layers": [
                {"identifier": "Entities", "__type": "Entities", "gridSize": TILE, "uid": 1},
                {"identifier": "Walls", "__type": "IntGrid", "gridSize": TILE, "uid": 2, "intGridValues": values},
            ],
            "entities": [{"identifier": "Player", "uid": 3}, {"identifier": "Enemy", "uid": 4}],
        },
        "levels": [level],
    });
    Ok(serde_json::to_string(&project)?)
}

fn field(name: &str, kind: &str, value: &Value) -> Value {
    json!({"__identifier": name, "__type": kind, "__value": value})
}
