//! Pictures of the first maps that were kept and of the first that fell, their findings drawn in.

use ::levels::forms::Options;
use ::levels::{Context, Form};

use super::{MAP, Settings, answer};
use crate::GenerateError;
use crate::run::Run;

/// The folder below the run's, and how many of either kind.
const FOLDER: &str = "pictures";
const EACH: usize = 20;

/// Draws them. A map whose size is not permitted has no picture.
pub(super) fn draw(run: &Run, settings: &Settings) -> Result<(), GenerateError> {
    let folder = run.folder().join(FOLDER);
    files::create_private_dir(&folder)?;
    let options = Options { rules: settings.rules, ..Options::default() };
    for (kept, name) in [(true, "kept"), (false, "dropped")] {
        let maps = run.items().iter().filter(|item| item.stage == MAP && item.is_kept() == kept);
        let drawn = maps.filter_map(|item| {
            let map = answer::of_item(&item.parsed)?;
            let findings = ::levels::check(&map, settings.rules, Context::default());
            Some((&item.id, Form::Svg.write(&map, &findings, &options).ok()?))
        });
        for (id, picture) in drawn.take(EACH) {
            files::replace(&folder.join(format!("{name}-{id}.svg")), &picture)?;
        }
    }
    Ok(())
}
