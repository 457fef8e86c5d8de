//! The forms that levels are written in: which there are, and one way to read and write any.
//!
//! - `layout`: a level as its cells, what every form can say; `ascii`: letters with a legend; `tiled`: what TMX and TMJ share, `tmx`, `tmj`;
//!   `ldtk`; `picture`: SVG and PNG with findings drawn in.

pub mod ascii;
pub mod layout;
mod ldtk;
pub mod picture;
mod raster;
mod tiled;
mod tmj;
mod tmx;

pub use ascii::Legend;
pub use layout::Layout;

use crate::LevelsError;
use crate::finding::Finding;
use crate::map::{self, Map};
use crate::rules::LevelRules;

/// A form of levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Jac's JSON, the only form that keeps everything.
    Jac,
    Ascii,
    Tmx,
    Tmj,
    Ldtk,
    Svg,
    Png,
}

/// How a level is read or written, beside its form.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub rules: LevelRules,
    /// The letters of ASCII maps.
    pub legend: Legend,
}

impl Form {
    /// The form that a file of this name most likely has.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Jac),
            "txt" => Some(Self::Ascii),
            "ldtk" | "ldtkl" => Some(Self::Ldtk),
            other => other.parse().ok(),
        }
    }

    /// The extension of its files.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jac => "json",
            Self::Ascii => "txt",
            Self::Tmx => "tmx",
            Self::Tmj => "tmj",
            Self::Ldtk => "ldtk",
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }

    /// Reads a level.
    ///
    /// # Errors
    /// What is wrong with the text and where; pictures are not read.
    pub fn read(self, text: &str, options: &Options) -> Result<Map, LevelsError> {
        let text = map::within(text)?;
        let layout = match self {
            Self::Jac => return Map::parse(text),
            Self::Ascii => ascii::read(text, &options.legend)?,
            Self::Tmx => tiled::layout(&tmx::read(text)?, "TMX")?,
            Self::Tmj => tiled::layout(&tmj::read(text)?, "TMJ")?,
            Self::Ldtk => ldtk::read(text)?,
            Self::Svg => return Err(LevelsError::WriteOnly("SVG")),
            Self::Png => return Err(LevelsError::WriteOnly("PNG")),
        };
        layout.into_map(options.rules)
    }

    /// Writes a level; pictures show `findings`.
    ///
    /// # Errors
    /// When the form cannot say what the map says: a size that is not permitted, two things in one cell of ASCII.
    pub fn write(self, map: &Map, findings: &[Finding], options: &Options) -> Result<Vec<u8>, LevelsError> {
        let layout = |form| {
            Layout::of(map, options.rules).ok_or_else(|| LevelsError::NotOnGrid {
                form,
                problem: format!("{} x {} cells, or somebody stands outside", map.level.width, map.level.height),
            })
        };
        Ok(match self {
            Self::Jac => map.to_json()?.into_bytes(),
            Self::Ascii => ascii::write(&layout("ASCII")?, &options.legend)?.into_bytes(),
            Self::Tmx => tmx::write(&tiled::tiled(&layout("TMX")?)).into_bytes(),
            Self::Tmj => tmj::write(&tiled::tiled(&layout("TMJ")?))?.into_bytes(),
            Self::Ldtk => ldtk::write(&layout("LDtk")?)?.into_bytes(),
            Self::Svg => picture::svg(map, findings, options.rules)?.into_bytes(),
            Self::Png => picture::png(map, findings, options.rules)?,
        })
    }
}

impl std::str::FromStr for Form {
    type Err = LevelsError;

    fn from_str(name: &str) -> Result<Self, LevelsError> {
        Ok(match name {
            "jac" => Self::Jac,
            "ascii" => Self::Ascii,
            "tmx" => Self::Tmx,
            "tmj" => Self::Tmj,
            "ldtk" => Self::Ldtk,
            "svg" => Self::Svg,
            "png" => Self::Png,
            other => return Err(LevelsError::UnknownForm(other.to_owned())),
        })
    }
}
