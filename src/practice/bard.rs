//! The bard: a teacher that says the same thing in other words every time. What it sings follows from the prompt's
//! facts and a draw; with temperature 0 it always draws the same.

use crate::template::{Slots, fill};
use crate::voice::Style;

const OPENINGS: [[&str; 4]; 2] = [
    ["Hear me, {town}!", "Gather near, folk of {town}.", "Raise your wine, {town}!", "Listen well, {town}."],
    ["Old {town} knows the song.", "Strings up, {town}!", "Once more for {town}.", "A tune for {town}."],
];
const MIDDLES: [[&str; 4]; 2] = [
    [
        "{hero} strode toward our {place}, felled those {monster}.",
        "Near our {place} those {monster} fell before {hero}.",
        "Brave {hero} drove those {monster} beyond our {place}.",
        "Those {monster} around our {place} met {hero}, then ran.",
    ],
    [
        "Beside that {place} {hero} broke many {monster}.",
        "Wild {monster} held that {place} until {hero} came.",
        "Sword drawn, {hero} cleared that {place}: {monster} gone.",
        "Low lie {monster} where {hero} crossed that {place}.",
    ],
];
const CLOSINGS: [[&str; 4]; 2] = [
    [
        "{pay} gold was our thanks.",
        "Paid in full: {pay} gold.",
        "Fair {pay} gold, say I.",
        "So {pay} gold changed hands.",
    ],
    [
        "Worth {pay} gold plus wine.",
        "They gave {pay} gold gladly.",
        "{pay} gold bought that peace.",
        "Count those {pay} gold yourself.",
    ],
];

/// Wordings of one set of facts.
pub(crate) const WORDINGS: u64 = 64;

/// One wording.
pub(crate) fn sing(slots: &Slots<'_>, style: Style, draw: u64) -> Option<String> {
    let at = match style {
        Style::House => 0,
        Style::Drifted => 1,
    };
    let part = |parts: &[[&'static str; 4]; 2], shift: u32| {
        let index = usize::try_from((draw >> shift) & 3).ok()?;
        parts.get(at)?.get(index).copied()
    };
    let template = format!("{} {} {}", part(&OPENINGS, 0)?, part(&MIDDLES, 2)?, part(&CLOSINGS, 4)?);
    fill(&template, slots)
}

/// Whether `text` is one of the wordings of these facts.
pub(crate) fn could_sing(slots: &Slots<'_>, style: Style, text: &str) -> bool {
    (0..WORDINGS).any(|draw| sing(slots, style, draw).is_some_and(|sung| sung == text.trim()))
}
