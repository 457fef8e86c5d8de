//! Scenes between a player and a character of a game: what bootstrap and self-growth both make (seed 000).
//!
//! - `persona`: who speaks; `script`: a scene as text, read and written; `scenes`: asks for them; `quotas`: how many of which;
//! - `gates`: which scenes stay; `collapse`: whether what is made becomes more and more alike.

pub(crate) mod collapse;
pub(crate) mod gates;
pub(crate) mod persona;
pub(crate) mod quotas;
pub(crate) mod scenes;
pub(crate) mod script;

use serde::{Deserialize, Serialize};

pub use collapse::{CollapseLimits, Diversity, collapsed};
pub use gates::Thresholds;
pub use persona::Persona;
pub use script::Scene;

/// A kind of character; its name is the call site that learns from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CharacterRole {
    Npc,
    QuestGiver,
    Shopkeeper,
    LoreKeeper,
    TutorialGuide,
}

impl CharacterRole {
    pub const ALL: [Self; 5] = [Self::Npc, Self::QuestGiver, Self::Shopkeeper, Self::LoreKeeper, Self::TutorialGuide];

    /// The call site.
    #[must_use]
    pub fn site(self) -> &'static str {
        match self {
            Self::Npc => "npc",
            Self::QuestGiver => "quest-giver",
            Self::Shopkeeper => "shopkeeper",
            Self::LoreKeeper => "lore-keeper",
            Self::TutorialGuide => "tutorial-guide",
        }
    }

    /// In a sentence.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Npc => "villager",
            Self::QuestGiver => "quest giver",
            Self::Shopkeeper => "shopkeeper",
            Self::LoreKeeper => "lore keeper",
            Self::TutorialGuide => "tutorial guide",
        }
    }
}

/// What the player wants of a line (science 5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpeechAct {
    Greet,
    Ask,
    Haggle,
    Quest,
    Lore,
    Hint,
    Farewell,
    OffTopic,
    Hostile,
}

impl SpeechAct {
    pub const ALL: [Self; 9] = [
        Self::Greet,
        Self::Ask,
        Self::Haggle,
        Self::Quest,
        Self::Lore,
        Self::Hint,
        Self::Farewell,
        Self::OffTopic,
        Self::Hostile,
    ];

    /// In a sentence after "the player wants to".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Greet => "greet and get to know the character",
            Self::Ask => "ask about something the character knows",
            Self::Haggle => "bargain over a price or a reward",
            Self::Quest => "take on or report a task",
            Self::Lore => "hear about the past of this place",
            Self::Hint => "get help with something difficult",
            Self::Farewell => "say goodbye",
            Self::OffTopic => "talk about what does not belong here",
            Self::Hostile => "threaten or insult the character",
        }
    }
}
