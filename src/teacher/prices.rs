//! What a teacher charges, by model and day: a table of data, never code. Says what tokens cost; who pays is not known here.

use serde::Deserialize;
use time::{Month, OffsetDateTime};
use toml::value::{Date, Datetime};

const MS_PER_DAY: u64 = 86_400_000;
/// Dollars for a million tokens, at most: what is more is a price for something else.
const PRICE_MAX: f64 = 1e6;

/// Dollars for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    pub input: f64,
    pub output: f64,
    /// The day that it holds from, where a table says it.
    pub since: Option<Date>,
}

impl Price {
    /// Dollars for so many tokens read and written.
    #[must_use]
    pub fn of(&self, input_tokens: u32, output_tokens: u32) -> f64 {
        (f64::from(input_tokens) * self.input + f64::from(output_tokens) * self.output) / 1e6
    }
}

/// The prices of every model that is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prices {
    /// One price for whatever is asked for.
    everything: Option<Price>,
    /// By model; of one model the newest first.
    rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    model: String,
    since: Datetime,
    since_day: u64,
    price: Price,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    price: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    model: String,
    since: Datetime,
    input: f64,
    output: f64,
}

impl Prices {
    /// The same price for every model.
    #[must_use]
    pub fn of_everything(price: Price) -> Self {
        Self { everything: Some(price), rows: Vec::new() }
    }

    /// Reads `[[price]]` rows of `model`, `since` (a day), `input` and `output` (dollars for a million tokens).
    ///
    /// # Errors
    /// What is wrong, and in which row.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut rows = file.price.into_iter().map(Line::read).collect::<Result<Vec<Row>, String>>()?;
        rows.sort_by(|left, right| left.model.cmp(&right.model).then(right.since_day.cmp(&left.since_day)));
        let same = |pair: &&[Row]| matches!(pair, [one, other] if (&one.model, one.since_day) == (&other.model, other.since_day));
        if let Some([row, ..]) = rows.windows(2).find(same) {
            return Err(format!("the price of `{}` since {} is there twice", row.model, row.since));
        }
        Ok(Self { everything: None, rows })
    }

    /// What `model` costs at `at_ms` (Unix time). A snapshot, named by its day, costs what its model does, and so does a
    /// model behind the names of who provides it (`openai/gpt-5-mini`), unless it has a row of its own.
    #[must_use]
    pub fn of(&self, model: &str, at_ms: u64) -> Option<Price> {
        let began = |row: &&Row| row.since_day <= at_ms / MS_PER_DAY;
        let found = |name: &str| self.rows.iter().filter(|row| row.model == name).find(began).map(|row| row.price);
        let named = |name: &str| found(name).or_else(|| found(without_day(name)?));
        self.everything.or_else(|| named(model)).or_else(|| named(model.rsplit_once('/')?.1))
    }
}

impl Line {
    fn read(self) -> Result<Row, String> {
        let Self { model, since, input, output } = self;
        let since_day = since.date.map(day).ok_or_else(|| {
            format!("the price of `{model}` has since = {since}, which must be a day like 2025-08-07")
        })?;
        if model.is_empty() {
            return Err(format!("a price since {since} has model = \"\", which must be a model's name"));
        }
        let is_price = |value: f64| (0.0..=PRICE_MAX).contains(&value);
        if is_price(input) && is_price(output) {
            Ok(Row { model, since, since_day, price: Price { input, output, since: since.date } })
        } else {
            let prices = format!("input = {input}, output = {output}");
            Err(format!("the price of `{model}` since {since} is {prices}: both must lie in 0 to {PRICE_MAX}"))
        }
    }
}

/// `gpt-5-mini` of `gpt-5-mini-2025-08-07`.
fn without_day(model: &str) -> Option<&str> {
    let (name, snapshot) = model.split_at_checked(model.len().checked_sub("-2025-08-07".len())?)?;
    let day: Datetime = snapshot.strip_prefix('-')?.parse().ok()?;
    day.date.map(|_| name)
}

/// Days since 1970-01-01; 0 before, and of what is no day of the calendar.
#[must_use]
pub fn day(date: Date) -> u64 {
    let day = Month::try_from(date.month)
        .and_then(|month| time::Date::from_calendar_date(i32::from(date.year), month, date.day))
        .unwrap_or(time::Date::MIN);
    (day - OffsetDateTime::UNIX_EPOCH.date()).whole_days().try_into().unwrap_or(0)
}
