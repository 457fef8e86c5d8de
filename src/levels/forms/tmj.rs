//! Tiled's JSON.

use serde::Deserialize;
use serde_json::{Value, json};

use super::tiled::{Layer, Object, PARTS_MAX, TILES, TiledMap, unpacked};
use crate::LevelsError;

const FORM: &str = "TMJ";

#[derive(Deserialize)]
struct File {
    width: i64,
    height: i64,
    tilewidth: i64,
    tileheight: i64,
    #[serde(default)]
    orientation: Option<String>,
    #[serde(default)]
    infinite: bool,
    #[serde(default)]
    layers: Vec<LayerFile>,
    #[serde(default)]
    tilesets: Vec<Tileset>,
    #[serde(default)]
    properties: Vec<Property>,
}

#[derive(Deserialize)]
struct Property {
    name: String,
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize)]
struct Tileset {
    firstgid: u32,
    source: Option<String>,
    #[serde(default)]
    tilecount: u32,
    #[serde(default)]
    tiles: Vec<Tile>,
}

#[derive(Deserialize)]
struct Tile {
    id: u32,
    #[serde(alias = "class")]
    r#type: Option<String>,
}

#[derive(Deserialize)]
struct LayerFile {
    #[serde(default)]
    name: String,
    r#type: String,
    data: Option<Data>,
    #[serde(default)]
    compression: String,
    #[serde(default)]
    objects: Vec<ObjectFile>,
    /// Of a group. How deep they lie is bounded by the JSON reader.
    #[serde(default)]
    layers: Vec<Self>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Data {
    Numbers(Vec<u32>),
    Packed(String),
}

#[derive(Deserialize)]
struct ObjectFile {
    #[serde(default)]
    name: String,
    #[serde(default, alias = "class")]
    r#type: String,
    #[serde(default)]
    x: f64,
    #[serde(default)]
    y: f64,
    template: Option<String>,
}

/// Reads a map.
pub(super) fn read(text: &str) -> Result<TiledMap, LevelsError> {
    let file: File =
        serde_json::from_str(text).map_err(|error| LevelsError::Syntax { form: FORM, problem: error.to_string() })?;
    let wrong = |problem: &str| Err(LevelsError::content(FORM, "the map", problem));
    if file.orientation.is_some_and(|orientation| orientation != "orthogonal") {
        return wrong("only orthogonal maps have the cells of a level");
    }
    if file.infinite {
        return wrong("an infinite map has no size; switch `infinite` off and save it again");
    }
    super::layout::sides(FORM, file.width, file.height)?;
    let mut map = TiledMap {
        width: file.width,
        height: file.height,
        tile_width: file.tilewidth,
        tile_height: file.tileheight,
        ..TiledMap::default()
    };
    file.tilesets.into_iter().try_for_each(|tileset| add_tileset(tileset, &mut map))?;
    file.layers.into_iter().try_for_each(|layer| add_layer(layer, &mut map))?;
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    map.properties = file.properties.into_iter().map(|Property { name, value }| (name, text(value))).collect();
    Ok(map)
}

fn add_tileset(tileset: Tileset, map: &mut TiledMap) -> Result<(), LevelsError> {
    let Tileset { firstgid, source, tilecount, tiles } = tileset;
    if let Some(source) = source {
        let problem = format!("the tileset is in another file, `{source}`; embed it in the map and save it again");
        return Err(LevelsError::content(FORM, format!("the tileset from {firstgid}"), problem));
    }
    let most = tiles.iter().map(|tile| tile.id).max().unwrap_or(0).max(tilecount.saturating_sub(1));
    map.tile_max = map.tile_max.max(firstgid.saturating_add(most));
    let class = |tile: Tile| Some((firstgid.saturating_add(tile.id), tile.r#type.filter(|class| !class.is_empty())?));
    map.classes.extend(tiles.into_iter().filter_map(class));
    Ok(())
}

fn add_layer(layer: LayerFile, map: &mut TiledMap) -> Result<(), LevelsError> {
    let LayerFile { name, r#type, data, compression, objects, layers } = layer;
    let wrong = |problem: String| LevelsError::content(FORM, format!("layer `{name}`"), problem);
    match r#type.as_str() {
        "tilelayer" => {
            let gids = match data {
                None => return Err(wrong("no data".to_owned())),
                Some(Data::Numbers(gids)) if gids.len() > PARTS_MAX => {
                    return Err(wrong(format!("more than {PARTS_MAX} tiles")));
                }
                Some(Data::Numbers(gids)) => gids,
                Some(Data::Packed(text)) => unpacked(&text, &compression).map_err(wrong)?,
            };
            map.layers.push(Layer::Tiles { name, gids });
        }
        "objectgroup" => {
            let objects = objects.into_iter().map(|object| match object.template {
                Some(template) => Err(wrong(format!(
                    "the object's template is another file, `{template}`; detach it and save the map again"
                ))),
                None => Ok(Object { class: object.r#type, name: object.name, x: object.x, y: object.y }),
            });
            let objects = objects.collect::<Result<_, _>>()?;
            map.layers.push(Layer::Objects { name, objects });
        }
        "group" => layers.into_iter().try_for_each(|layer| add_layer(layer, map))?,
        // Pictures have no cells.
        _ => {}
    }
    Ok(())
}

/// Writes a map.
pub(super) fn write(map: &TiledMap) -> Result<String, LevelsError> {
    let TiledMap { width, height, tile_width, tile_height, .. } = map;
    let layers: Vec<Value> = (1..).zip(&map.layers).map(|(id, layer)| written(id, layer, map)).collect();
    let tiles: Vec<Value> = (0..).zip(TILES).map(|(id, class): (u32, _)| json!({"id": id, "type": class})).collect();
    let property = |(name, value): &(String, String)| match value.parse::<i64>() {
        Ok(value) => json!({"name": name, "type": "int", "value": value}),
        Err(_) => json!({"name": name, "type": "string", "value": value}),
    };
    let objects = |layer: &Layer| if let Layer::Objects { objects, .. } = layer { objects.len() } else { 0 };
    let file = json!({
        "type": "map", "version": "1.10", "tiledversion": "1.10.2", "orientation": "orthogonal", "renderorder": "right-down",
        "width": width, "height": height, "tilewidth": tile_width, "tileheight": tile_height, "infinite": false,
        "layers": layers, "nextlayerid": layers.len() + 1, "nextobjectid": map.layers.iter().map(objects).sum::<usize>() + 1,
        "properties": map.properties.iter().map(property).collect::<Vec<_>>(),
        "tilesets": [{
            "firstgid": 1, "name": "levels", "tilewidth": tile_width, "tileheight": tile_height, "tilecount": TILES.len(),
            "columns": 0, "margin": 0, "spacing": 0, "tiles": tiles,
        }],
    });
    Ok(serde_json::to_string(&file)?)
}

fn written(id: usize, layer: &Layer, map: &TiledMap) -> Value {
    let common = |name: &str, kind: &str| json!({"id": id, "name": name, "type": kind, "visible": true, "opacity": 1, "x": 0, "y": 0});
    let mut value = match layer {
        Layer::Tiles { name, .. } => common(name, "tilelayer"),
        Layer::Objects { name, .. } => common(name, "objectgroup"),
    };
    match layer {
        Layer::Tiles { gids, .. } => {
            value["width"] = json!(map.width);
            value["height"] = json!(map.height);
            value["data"] = json!(gids);
        }
        Layer::Objects { objects, .. } => {
            let object = |(id, object): (usize, &Object)| {
                let Object { class, name, x, y } = object;
                json!({
                    "id": id, "name": name, "type": class, "x": x, "y": y, "width": 0, "height": 0, "rotation": 0, "point": true,
                    "visible": true,
                })
            };
            value["draworder"] = json!("topdown");
            value["objects"] = (1..).zip(objects).map(object).collect();
        }
    }
    value
}
