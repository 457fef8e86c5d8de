//! A scene as text: `Player:` and `Character:` lines. Reading is total: what is no scene is none, for a reason.

use serde::{Deserialize, Serialize};
use wire::{Role, Turn};

use super::{CharacterRole, Persona, SpeechAct};

/// Lines of either side, at most.
const TURNS_MAX: usize = 16;
const PLAYER: &str = "Player:";
const CHARACTER: &str = "Character:";

/// One scene: the player speaks first, the character last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scene {
    pub id: String,
    pub persona: String,
    pub role: CharacterRole,
    pub act: SpeechAct,
    /// Pairs of a player's line and its answer.
    pub turns: Vec<(String, String)>,
}

impl Scene {
    /// The scene as a model is shown it.
    #[must_use]
    pub fn text(&self) -> String {
        let line = |(player, character): &(String, String)| format!("{PLAYER} {player}\n{CHARACTER} {character}");
        self.turns.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Everything that the player says.
    #[must_use]
    pub(crate) fn asked(&self) -> String {
        self.turns.iter().map(|(player, _)| player.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// Everything that the character says.
    #[must_use]
    pub(crate) fn answered(&self) -> String {
        self.turns.iter().map(|(_, character)| character.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// The conversation that a student learns: who the character is, then the lines.
    #[must_use]
    pub(crate) fn messages(&self, persona: &Persona) -> Vec<Turn> {
        let lines = self.turns.iter();
        let lines = lines.flat_map(|(player, said)| [Turn::new(Role::User, player), Turn::new(Role::Assistant, said)]);
        std::iter::once(Turn::new(Role::System, persona.system())).chain(lines).collect()
    }
}

/// The pairs of lines of a scene that `name` plays, or why the text is no scene.
pub(crate) fn read(text: &str, name: &str) -> Result<Vec<(String, String)>, &'static str> {
    let own = format!("{name}:");
    let mut lines: Vec<(bool, String)> = Vec::new();
    for line in text.lines().map(|line| line.trim().trim_start_matches(['*', '-', '#', '>', ' '])) {
        let bare = line.replace("**", "");
        let spoken = |label: &str| bare.strip_prefix(label).map(|rest| rest.trim().to_owned());
        if let Some(said) = spoken(PLAYER) {
            lines.push((true, said));
        } else if let Some(said) = spoken(CHARACTER).or_else(|| spoken(&own)) {
            lines.push((false, said));
        } else if let (Some((_, last)), false) = (lines.last_mut(), line.is_empty()) {
            last.push(' ');
            last.push_str(line);
        }
    }
    paired(lines)
}

fn paired(lines: Vec<(bool, String)>) -> Result<Vec<(String, String)>, &'static str> {
    if lines.is_empty() {
        return Err("no-lines");
    }
    if lines.len() > 2 * TURNS_MAX {
        return Err("too-many-lines");
    }
    let mut pairs = Vec::new();
    for pair in lines.chunks(2) {
        match pair {
            [(true, asked), (false, answered)] if !asked.is_empty() && !answered.is_empty() => {
                pairs.push((unquoted(asked).to_owned(), unquoted(answered).to_owned()));
            }
            // A last line of the player's that nobody answered is left out.
            [(true, _)] if !pairs.is_empty() => {}
            _ => return Err("out-of-turn"),
        }
    }
    Ok(pairs)
}

/// Without the quotation marks around the whole line.
fn unquoted(text: &str) -> &str {
    let marks = [('"', '"'), ('“', '”')];
    let inner = marks.iter().find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close));
    inner.filter(|inner| !inner.contains(['"', '”'])).map_or(text, str::trim)
}
