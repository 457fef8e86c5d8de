//! Tiled's XML. Read with a tree that follows no reference and knows no entities: tilesets in other files are an error that names them.

use roxmltree::{Document, Node, ParsingOptions};

use super::tiled::{Layer, Object, PARTS_MAX, TILES, TiledMap, unpacked};
use crate::LevelsError;

const FORM: &str = "TMX";
/// Elements that are read, at most: one a cell and object, and some around them.
const NODES_MAX: u32 = 65_536;
/// Groups in groups, at most.
const DEPTH_MAX: usize = 16;

/// Reads a map.
pub(super) fn read(text: &str) -> Result<TiledMap, LevelsError> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| LevelsError::Syntax { form: FORM, problem: error.to_string() })?;
    let root = document.root_element();
    let wrong = |node: Node<'_, '_>, problem: String| {
        let at = document.text_pos_at(node.range().start);
        LevelsError::content(
            FORM,
            format!("<{}> at line {}, column {}", node.tag_name().name(), at.row, at.col),
            problem,
        )
    };
    if !root.has_tag_name("map") {
        return Err(wrong(root, "the root must be <map>".to_owned()));
    }
    if root.attribute("orientation").is_some_and(|orientation| orientation != "orthogonal") {
        return Err(wrong(root, "only orthogonal maps have the cells of a level".to_owned()));
    }
    if root.attribute("infinite").is_some_and(|infinite| infinite != "0") {
        return Err(wrong(root, "an infinite map has no size; switch `infinite` off and save it again".to_owned()));
    }
    let mut map = TiledMap {
        width: number(root, "width").map_err(|problem| wrong(root, problem))?,
        height: number(root, "height").map_err(|problem| wrong(root, problem))?,
        tile_width: number(root, "tilewidth").map_err(|problem| wrong(root, problem))?,
        tile_height: number(root, "tileheight").map_err(|problem| wrong(root, problem))?,
        ..TiledMap::default()
    };
    super::layout::sides(FORM, map.width, map.height)?;
    for node in root.children().filter(Node::is_element) {
        element(node, &mut map, 0).map_err(|(node, problem)| wrong(node, problem))?;
    }
    Ok(map)
}

type Read<'a, 'i, T> = Result<T, (Node<'a, 'i>, String)>;

/// One element of the map or of a group.
fn element<'a, 'i>(node: Node<'a, 'i>, map: &mut TiledMap, depth: usize) -> Read<'a, 'i, ()> {
    match node.tag_name().name() {
        "tileset" => tileset(node, map),
        "layer" => {
            let data = node
                .children()
                .find(|child| child.has_tag_name("data"))
                .ok_or_else(|| (node, "no <data>".to_owned()))?;
            let gids = data_of(data).map_err(|problem| (data, problem))?;
            map.layers.push(Layer::Tiles { name: name(node), gids });
            Ok(())
        }
        "objectgroup" => {
            let objects = node.children().filter(|child| child.has_tag_name("object")).map(object);
            map.layers.push(Layer::Objects { name: name(node), objects: objects.collect::<Read<'a, 'i, _>>()? });
            Ok(())
        }
        "group" if depth >= DEPTH_MAX => Err((node, format!("more than {DEPTH_MAX} groups in groups"))),
        "group" => node.children().filter(Node::is_element).try_for_each(|child| element(child, map, depth + 1)),
        "properties" if depth == 0 => {
            let property = |child: Node<'_, '_>| {
                Some((
                    child.attribute("name")?.to_owned(),
                    child.attribute("value").or_else(|| child.text())?.to_owned(),
                ))
            };
            map.properties.extend(node.children().filter_map(property));
            Ok(())
        }
        // Pictures, colours, editor settings: no cells.
        _ => Ok(()),
    }
}

fn tileset<'a, 'i>(node: Node<'a, 'i>, map: &mut TiledMap) -> Read<'a, 'i, ()> {
    if let Some(source) = node.attribute("source") {
        return Err((
            node,
            format!("the tileset is in another file, `{source}`; embed it in the map and save it again"),
        ));
    }
    let at = |problem| (node, problem);
    let first = u32::try_from(number(node, "firstgid").map_err(at)?).map_err(|error| at(error.to_string()))?;
    let tiles = node.attribute("tilecount").map_or(Ok(0), |_| number(node, "tilecount")).map_err(at)?;
    let mut most = u32::try_from(tiles).map_err(|error| at(error.to_string()))?.saturating_sub(1);
    for tile in node.children().filter(|child| child.has_tag_name("tile")) {
        let id = number(tile, "id").and_then(|id| u32::try_from(id).map_err(|error| error.to_string()));
        let id = id.map_err(|problem| (tile, problem))?;
        most = most.max(id);
        if let Some(class) = class(tile) {
            map.classes.push((first.saturating_add(id), class.to_owned()));
        }
    }
    map.tile_max = map.tile_max.max(first.saturating_add(most));
    Ok(())
}

fn class<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    node.attribute("class").or_else(|| node.attribute("type"))
}

fn name(node: Node<'_, '_>) -> String {
    node.attribute("name").unwrap_or_default().to_owned()
}

fn number(node: Node<'_, '_>, name: &str) -> Result<i64, String> {
    let text = node.attribute(name).ok_or_else(|| format!("no attribute `{name}`"))?;
    text.trim().parse().map_err(|_| format!("{name} = `{text}` is no whole number"))
}

fn object<'a, 'i>(node: Node<'a, 'i>) -> Read<'a, 'i, Object> {
    if let Some(template) = node.attribute("template") {
        return Err((
            node,
            format!("the object's template is another file, `{template}`; detach it and save the map again"),
        ));
    }
    let place = |name: &str| {
        let text = node.attribute(name).unwrap_or("0");
        text.trim().parse::<f64>().map_err(|_| (node, format!("{name} = `{text}` is no number")))
    };
    Ok(Object { class: class(node).unwrap_or_default().to_owned(), name: name(node), x: place("x")?, y: place("y")? })
}

/// The numbers of a layer: CSV, base64, or one element a tile.
fn data_of(data: Node<'_, '_>) -> Result<Vec<u32>, String> {
    let text = data.text().unwrap_or_default();
    match data.attribute("encoding") {
        Some("csv") => csv(text),
        Some("base64") => unpacked(text, data.attribute("compression").unwrap_or_default()),
        Some(other) => Err(format!("the encoding `{other}` is not read; save it as CSV")),
        None => data
            .children()
            .filter(|child| child.has_tag_name("tile"))
            .map(|tile| {
                tile.attribute("gid").unwrap_or("0").parse().map_err(|_| "a tile's gid is no number".to_owned())
            })
            .collect(),
    }
}

fn csv(text: &str) -> Result<Vec<u32>, String> {
    let mut gids = Vec::new();
    for (at, number) in text.split(',').map(str::trim).enumerate() {
        if at >= PARTS_MAX {
            return Err(format!("more than {PARTS_MAX} tiles"));
        }
        gids.push(number.parse().map_err(|_| format!("tile {} is `{}`, no number", at + 1, number.escape_default()))?);
    }
    Ok(gids)
}

/// Writes a map.
pub(super) fn write(map: &TiledMap) -> String {
    let TiledMap { width, height, tile_width, tile_height, .. } = map;
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<map version=\"1.10\" orientation=\"orthogonal\" renderorder=\"right-down\" width=\"{width}\" height=\"{height}\" tilewidth=\"{tile_width}\" tileheight=\"{tile_height}\" infinite=\"0\">\n"
    );
    if !map.properties.is_empty() {
        text.push_str(" <properties>\n");
        for (name, value) in &map.properties {
            text.push_str(&format!("  <property name=\"{}\" value=\"{}\"/>\n", escaped(name), escaped(value)));
        }
        text.push_str(" </properties>\n");
    }
    let tiles: String =
        TILES.iter().enumerate().map(|(id, class)| format!("  <tile id=\"{id}\" type=\"{class}\"/>\n")).collect();
    let count = TILES.len();
    text.push_str(&format!(
        " <tileset firstgid=\"1\" name=\"levels\" tilewidth=\"{tile_width}\" tileheight=\"{tile_height}\" tilecount=\"{count}\" columns=\"0\">\n{tiles} </tileset>\n"
    ));
    for (id, layer) in (1..).zip(&map.layers) {
        text.push_str(&written(id, layer, map));
    }
    text.push_str("</map>\n");
    text
}

fn written(id: usize, layer: &Layer, map: &TiledMap) -> String {
    let TiledMap { width, height, .. } = map;
    match layer {
        Layer::Tiles { name, gids } => {
            let row = usize::try_from(*width).unwrap_or(1).max(1);
            let rows: Vec<String> =
                gids.chunks(row).map(|row| row.iter().map(u32::to_string).collect::<Vec<_>>().join(",")).collect();
            let (name, rows) = (escaped(name), rows.join(",\n"));
            format!(
                " <layer id=\"{id}\" name=\"{name}\" width=\"{width}\" height=\"{height}\">\n  <data encoding=\"csv\">\n{rows}\n</data>\n </layer>\n"
            )
        }
        Layer::Objects { name, objects } => {
            let lines: String = (1..)
                .zip(objects)
                .map(|(id, Object { class, name, x, y })| {
                    let (class, name) = (escaped(class), escaped(name));
                    format!(
                        "  <object id=\"{id}\" name=\"{name}\" type=\"{class}\" x=\"{x}\" y=\"{y}\"><point/></object>\n"
                    )
                })
                .collect();
            format!(" <objectgroup id=\"{id}\" name=\"{}\">\n{lines} </objectgroup>\n", escaped(name))
        }
    }
}

/// `text` as it may stand in XML, control characters apart, which XML cannot say.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' | '\r' => safe.push_str(&format!("&#{};", u32::from(letter))),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}
