//! Game levels of Jac's `Map` form: are they playable, how good is a set of them, and how else are they written?
//!
//! - [`map`]: the objects and their JSON; [`rules`]: what of it is a matter of convention;
//! - [`validate`]: every finding of a map (E1 to E15, W1 to W7), [`fast`]: only whether it has an error; [`repair`]: what is mended
//!   and said; [`prior_art`]: the rule that earlier systems used, for comparison;
//! - [`grid`], [`paths`]: cells as bits, and walks over them; [`canonical`]: when two maps are one;
//! - [`metrics`]: novelty, diversity, control, expressive range, patterns, parity with a teacher;
//! - [`forms`]: readers and writers of ASCII, Tiled (TMX, TMJ), LDtk; pictures.
//!
//! Pure: texts in, texts and bytes out; no I/O, no clock; where chance is needed it is an argument. Everything that is read comes from
//! a model or a stranger: no text panics, and memory is bounded by its length.

pub mod canonical;
mod error;
pub mod fast;
pub mod finding;
pub mod forms;
pub mod grid;
pub mod map;
pub mod metrics;
pub mod paths;
pub mod prior_art;
pub mod repair;
pub mod rules;
pub mod validate;

pub use error::LevelsError;
pub use fast::is_valid;
pub use finding::Finding;
pub use forms::Form;
pub use map::{Level, Map, Name, Position, Wall};
pub use rules::{Connectivity, CoordinateBase, LevelRules};
pub use validate::{Context, Request, check, check_text};

#[cfg(test)]
mod tests;
