//! What a model said, held against what it was asked: a level, or a map with all its findings. Pure; total over any text.

use std::collections::BTreeSet;

use ::levels::canonical::MapHash;
use ::levels::{Context, Finding, Level, LevelRules, Map, Request};
use serde_json::Value;

use crate::item::Check;

/// Findings that a retry is told.
const TOLD_MAX: usize = 8;

/// The first whole JSON object in `text`: models put fences and words around it.
pub(super) fn first_object(text: &str) -> Option<&str> {
    let mut from = 0;
    // Every brace may begin it; few do not, and a text of braces alone must not be read again from each.
    for _ in 0..16 {
        let start = from + text.get(from..)?.find('{')?;
        let rest = text.get(start..)?;
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<serde::de::IgnoredAny>();
        if let Some(Ok(_)) = values.next() {
            return rest.get(..values.byte_offset());
        }
        from = start + 1;
    }
    None
}

/// The level in `text`, with what was checked: `asked.walls` and `asked.enemies` are the most that may be.
pub(super) fn level(text: &str, asked: &Request) -> (Option<Level>, Vec<Check>) {
    let read = first_object(text).ok_or_else(|| "no JSON object".to_owned());
    let read = read.and_then(|json| serde_json::from_str::<Level>(json).map_err(|error| error.to_string()));
    let mut level = match read {
        Ok(level) => level,
        Err(problem) => return (None, vec![Check::plain("level-json", false).because(problem)]),
    };
    level.extra.clear();
    let said = format!("{} x {} cells", level.width, level.height);
    let count = |name: &str, value: i64, most: i64| {
        let detail = format!("{value}, 1 to {most} were asked for");
        Check::plain(name, (1..=most).contains(&value)).because(detail)
    };
    let found = level.difficulty.map_or_else(|| "none".to_owned(), |difficulty| difficulty.to_string());
    let checks = vec![
        Check::plain("level-json", true),
        Check::plain("level-size", (level.width, level.height) == (asked.width, asked.height)).because(said),
        count("level-walls", level.num_wall, asked.walls),
        count("level-enemies", level.num_enemies, asked.enemies),
        Check::plain("level-difficulty", level.difficulty == Some(asked.difficulty)).because(found),
        Check::plain("level-time", level.time.is_none_or(|time| time > 0)),
    ];
    (Some(level), checks)
}

/// One try at a map.
pub(super) struct Found {
    pub(super) map: Option<Map>,
    pub(super) checks: Vec<Check>,
    /// Without an error, and of the level that was asked for.
    pub(super) is_valid: bool,
    /// What another try is told.
    pub(super) told: Vec<String>,
}

/// The map in `text`: every finding is a check, warnings as passed ones. A map that was kept before is no new one.
pub(super) fn map(text: &str, level: &Level, rules: LevelRules, seen: &BTreeSet<MapHash>) -> Found {
    let json = first_object(text).unwrap_or(text);
    let asked = Request {
        width: level.width,
        height: level.height,
        walls: level.num_wall,
        enemies: level.num_enemies,
        difficulty: level.difficulty.unwrap_or(0),
    };
    let (map, findings) = ::levels::check_text(json, rules, Context { previous: Some(seen), request: Some(asked) });
    let mut checks: Vec<Check> = findings.iter().map(check).collect();
    let mut told: Vec<String> = findings.iter().filter(|finding| finding.is_error()).map(Finding::to_string).collect();
    if let Some(map) = &map {
        let same = same_level(&map.level, level);
        checks.insert(0, Check::plain("map-json", true));
        checks.push(Check::plain("map-of-level", same));
        if !same {
            told.push("the map's \"level\" is not the level that was asked for".to_owned());
        }
    }
    told.truncate(TOLD_MAX);
    let is_valid = map.is_some() && told.is_empty();
    Found { map, checks, is_valid, told }
}

fn check(finding: &Finding) -> Check {
    // A repeated map is sound, and teaches nothing.
    let pass = !finding.is_error() && *finding != Finding::Repeated;
    let values = finding.values();
    Check {
        name: finding.rule().to_owned(),
        pass,
        value: values.map(|(value, _)| value),
        limit: values.map(|(_, limit)| limit),
        bound: None,
        detail: Some(finding.to_string()),
    }
}

/// Whether a map's level is the one that was asked for, in what decides over the map.
fn same_level(found: &Level, asked: &Level) -> bool {
    let facts = |level: &Level| (level.width, level.height, level.num_wall, level.num_enemies, level.difficulty);
    facts(found) == facts(asked) && found.name == asked.name
}

/// The maps of another run's examples; answers that are none are left out.
pub(super) fn known_map(text: &str) -> Option<Map> {
    first_object(text).and_then(|json| Map::parse(json).ok())
}

/// Whether a value of an item is a map.
pub(super) fn of_item(parsed: &Value) -> Option<Map> {
    serde_json::from_value(parsed.clone()).ok()
}
