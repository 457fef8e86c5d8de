//! How the practice teacher speaks: what its answers depend on besides what was asked.

/// How the teacher words its answers; `Drifted` is what it does after somebody changed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Style {
    #[default]
    House,
    Drifted,
}

/// What an answer depends on besides what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Voice {
    pub style: Style,
    /// The key of what nobody can learn.
    pub secret: u64,
    /// Which of the wordings; matters to the bard only.
    pub draw: u64,
}
