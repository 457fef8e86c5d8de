//! What the teacher charges, as configured: one price, a file, or the table that is built in.

use std::fs;

use teacher::{Price, Prices};

use crate::app::Error;
use crate::settings::Settings;

/// Checked by a test; the day of each price stands in it.
const BUILT_IN: &str = include_str!("../../../deploy/prices.toml");

/// The prices that savings are counted with.
pub(crate) fn prices(settings: &Settings) -> Result<Prices, Error> {
    let section = &settings.teacher;
    if let (Some(input), Some(output)) = (section.input_price, section.output_price) {
        return Ok(Prices::of_everything(Price { input, output, since: None }));
    }
    let Some(path) = &section.price_file else { return Ok(Prices::parse(BUILT_IN)?) };
    let named = |error: String| format!("teacher.price_file: {}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
    Ok(Prices::parse(&text).map_err(named)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_that_is_built_in_knows_the_default_teacher() {
        let prices = Prices::parse(BUILT_IN).unwrap();
        let november_2026_ms = 1_795_600_000_000;
        let price = prices.of("gpt-5-mini", november_2026_ms).unwrap();
        assert_eq!((price.input, price.output), (0.25, 2.0));
        assert!(price.since.is_some(), "the page says from which day it holds");
    }
}
