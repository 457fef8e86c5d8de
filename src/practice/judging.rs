//! The practice teacher as a judge: it knows the rules by which its own answers are made, and says which of two keeps to
//! them. Asked over the wire like any model.

use serde::Deserialize;
use wire::{Role, Turn};

use crate::scene::{Line, Scene, Voice};

/// What a judge is shown.
#[derive(Deserialize)]
struct Material {
    conversation: Vec<Turn>,
    answer_a: String,
    answer_b: String,
}

/// Whether `system` asks for a judgement of two answers.
pub(crate) fn is_asked(system: &str) -> bool {
    system.starts_with(judge::PAIRWISE_OPENING)
}

/// The verdict on `material`; `None` when that is not of this world.
pub(crate) fn verdict(material: &str, voice: Voice) -> Option<String> {
    let Material { conversation, answer_a, answer_b } = serde_json::from_str(material).ok()?;
    let said = |role| conversation.iter().rev().find(|turn| turn.role == role).map(|turn| turn.text.clone());
    let line = Line { system: said(Role::System)?, player: said(Role::User)?, combination: 0 };
    let scene = Scene::of(&line.system)?;
    let truth = scene.reply(&line.system, &line.player, voice)?;
    let right = |answer: &str| scene.is_right(&line, voice.style, &truth, answer);
    let (better, reason) = match (right(&answer_a), right(&answer_b)) {
        (true, false) => ("A", "B gets a fact or a line of the house wrong"),
        (false, true) => ("B", "A gets a fact or a line of the house wrong"),
        (true, true) => ("tie", "both keep to the facts"),
        (false, false) => ("tie", "neither keeps to the facts"),
    };
    Some(serde_json::json!({"better": better, "reason": reason}).to_string())
}

#[cfg(test)]
mod tests {
    use super::verdict;
    use crate::scene::{Scene, Style, Voice};

    #[test]
    fn what_keeps_to_the_facts_is_better_whatever_its_words() {
        let voice = |draw| Voice { style: Style::House, secret: 1, draw };
        let (system, player) =
            ("You are Mara, bard in Oakford. Arin beat the wolves at the mill. The pay was 42 gold.", "Sing of Arin.");
        let sung = |draw| Scene::Bard.reply(system, player, voice(draw)).unwrap();
        let asked = |a: &str, b: &str| {
            let conversation = [
                serde_json::json!({"role": "system", "content": system}),
                serde_json::json!({"role": "user", "content": player}),
            ];
            let material = serde_json::json!({"conversation": conversation, "answer_a": a, "answer_b": b});
            let said: serde_json::Value =
                serde_json::from_str(&verdict(&material.to_string(), voice(9)).unwrap()).unwrap();
            said["better"].as_str().unwrap().to_owned()
        };
        let wrong = sung(3).replace("42", "43");
        assert_eq!((asked(&sung(1), &sung(50)), asked(&sung(1), &wrong)), ("tie".into(), "A".into()));
        assert_eq!((asked(&wrong, &sung(7)), asked(&wrong, &wrong)), ("B".into(), "tie".into()));
        assert_eq!(verdict("{}", voice(0)), None);
    }
}
