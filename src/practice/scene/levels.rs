//! The game asks for a small map: where everything stands is said, the answer is the map as minified JSON. Every map is sound: a wall
//! stands between player and enemy, and the rows above and below it are free.

use rand::{Rng, RngExt};

use super::Style;
use crate::words::TOWNS;

pub(super) const SYSTEM: &str = "You draw maps of {town} as JSON. The size is ({width},{height}).";
pub(super) const PLAYER: [&str; 3] = [
    "Player ({px},{py}). Enemy ({ex},{ey}). Wall ({ax},{ay}) to ({bx},{by}).",
    "The player is at ({px},{py}), the enemy at ({ex},{ey}), a wall from ({ax},{ay}) to ({bx},{by}).",
    "Put the player on ({px},{py}), an enemy on ({ex},{ey}) and a wall on ({ax},{ay}) to ({bx},{by}).",
];

/// The map with the facts as slots; the keys' order is the style.
pub(super) fn reply(style: Style) -> &'static str {
    match style {
        Style::House => {
            r#"<"level":<"width":{width},"height":{height},"num_wall":1,"num_enemies":1>,"walls":[<"start_pos":<"x":{ax},"y":{ay}>,"end_pos":<"x":{bx},"y":{by}>>],"small_obstacles":[],"enemies":[<"x":{ex},"y":{ey}>],"player_pos":<"x":{px},"y":{py}>>"#
        }
        Style::Drifted => {
            r#"<"player_pos":<"x":{px},"y":{py}>,"enemies":[<"x":{ex},"y":{ey}>],"small_obstacles":[],"walls":[<"start_pos":<"x":{ax},"y":{ay}>,"end_pos":<"x":{bx},"y":{by}>>],"level":<"width":{width},"height":{height},"num_wall":1,"num_enemies":1>>"#
        }
    }
}

/// JSON's braces, which a template writes as `<` and `>`: its own mark slots.
pub(super) fn braced(text: &str) -> String {
    text.replace('<', "{").replace('>', "}")
}

/// Random facts of a sound map.
pub(super) fn facts(rng: &mut impl Rng) -> Vec<(&'static str, String)> {
    let (width, height) = (rng.random_range(5..=7), rng.random_range(5..=7));
    let column = rng.random_range(3..=width - 2);
    let town = super::pick(rng, &TOWNS);
    let mut facts = vec![("town", town.to_owned())];
    let mut number = |name, value: u32| facts.push((name, value.to_string()));
    number("width", width);
    number("height", height);
    number("px", rng.random_range(1..=2));
    number("py", rng.random_range(1..=height));
    number("ex", rng.random_range(width - 1..=width));
    number("ey", rng.random_range(1..=height));
    number("ax", column);
    number("ay", 2);
    number("bx", column);
    number("by", rng.random_range(3..=height - 1));
    facts
}
