//! How finely call sites are told apart: a setting.

/// How finely call sites are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// By their templates: what is filled in is a value, however long.
    #[default]
    Templates,
    /// By every text that is said again and again: each character of a game is a call site.
    Texts,
}
