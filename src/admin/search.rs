//! Which exchanges of the log somebody wants to see: by site, time, text, status and who answered.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use axum::extract::{Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use capture::{CaptureError, CaptureStore, Exchange, Segments, Source};
use serde::{Deserialize, Serialize};
use time::PrimitiveDateTime;
use time::macros::format_description;
use uuid::Uuid;

use crate::beside::beside;
use crate::problem::{Problem, problem, unavailable};
use crate::{Admin, captures};

/// How long a log is read for one search: past that no further site is begun.
const TIME: Duration = Duration::from_secs(10);
/// Bytes of the exchanges that are held at once; of what is larger the newest stay.
const BYTES_MAX: usize = 64 << 20;

/// Whether every call site was looked at before the time was over.
pub const ALL_READ: HeaderName = HeaderName::from_static("x-apprentice-all-read");

/// Exchanges of one answer, at most.
pub const FOUND_MAX: usize = 1_000;

/// What is looked for; what is empty leaves all in.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct CaptureSearch {
    pub site: String,
    /// In the request or the answer.
    pub text: String,
    /// As browsers write it: `2026-11-30T14:05`, UTC.
    pub from: String,
    pub to: String,
    /// `ok` (2xx), `bad` (4xx, 5xx) or `cut` (not complete).
    pub status: String,
    /// `teacher`, `student` or `made`.
    pub source: String,
}

/// The same, understood.
struct Search {
    wanted: CaptureSearch,
    from_ms: u64,
    to_ms: u64,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct CapturesFound {
    /// Sites that the log knows.
    pub sites: usize,
    /// The newest first.
    pub newest: Vec<Exchange>,
    /// Whether every site was looked at.
    pub all_read: bool,
}

/// Those that fit, the oldest first, as JSON lines.
pub(crate) async fn download(
    State(admin): State<Admin>,
    Query(wanted): Query<CaptureSearch>,
) -> Result<Response, Problem> {
    answer(&admin.search_captured(wanted, FOUND_MAX).await?)
}

pub(crate) fn answer(found: &CapturesFound) -> Result<Response, Problem> {
    let lines = found.lines().map_err(|error| problem(StatusCode::INTERNAL_SERVER_ERROR, error))?;
    let all_read = HeaderValue::from_static(if found.all_read { "true" } else { "false" });
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/jsonl")), (ALL_READ, all_read)];
    Ok((headers, lines).into_response())
}

impl Admin {
    /// The newest `most` exchanges of the log that fit.
    ///
    /// # Errors
    /// When a time cannot be read, there is no log, or it cannot be read.
    pub async fn search_captured(&self, wanted: CaptureSearch, most: usize) -> Result<CapturesFound, Problem> {
        let log = captures::log(self)?;
        let search = Search::of(wanted).map_err(|why| problem(StatusCode::BAD_REQUEST, why))?;
        beside(move || search.of_log(&log, most, Instant::now())).await?.map_err(unavailable)
    }
}

/// The newest `most` exchanges of `log` that fit, looked for from `began` on. Blocking.
///
/// # Errors
/// In words: a time cannot be read, or the log cannot.
pub fn search(log: &Segments, wanted: CaptureSearch, most: usize, began: Instant) -> Result<CapturesFound, String> {
    Search::of(wanted)?.of_log(log, most, began).map_err(|error| error.to_string())
}

impl CapturesFound {
    /// As the log's copies have them, the oldest first.
    ///
    /// # Errors
    /// When one cannot be put as JSON.
    pub fn lines(&self) -> std::io::Result<Vec<u8>> {
        dataset::json_lines(self.newest.iter().rev())
    }
}

impl Search {
    /// # Errors
    /// In words, where a time cannot be read.
    fn of(wanted: CaptureSearch) -> Result<Self, String> {
        let (from_ms, to_ms) = (at_ms(&wanted.from)?.unwrap_or(0), at_ms(&wanted.to)?.unwrap_or(u64::MAX));
        Ok(Self { wanted, from_ms, to_ms })
    }

    /// The newest `most` exchanges that fit. Blocking.
    fn of_log(&self, log: &Segments, most: usize, began: Instant) -> Result<CapturesFound, CaptureError> {
        let sites = log.sites()?;
        // An id begins with its time.
        let after = (self.from_ms > 0).then(|| Uuid::from_u128(u128::from(self.from_ms) << 80));
        let (mut newest, mut all_read): (Vec<Exchange>, bool) = (Vec::new(), true);
        for site in sites.iter().filter(|site| self.wanted.site.is_empty() || site.as_str() == self.wanted.site) {
            if began.elapsed() > TIME {
                all_read = false;
                break;
            }
            let (mut own, mut bytes): (VecDeque<Exchange>, usize) = (VecDeque::new(), 0);
            log.scan(site, after, &mut |exchange| {
                if self.fits(&exchange) {
                    bytes += exchange.text_bytes();
                    own.push_back(exchange);
                }
                while own.len() > most || (bytes > BYTES_MAX && own.len() > 1) {
                    bytes -= own.pop_front().map_or(0, |oldest| oldest.text_bytes());
                }
            })?;
            newest.extend(own);
            newest.sort_by_key(|exchange| std::cmp::Reverse(exchange.id));
            newest.truncate(most);
            let mut bytes = 0;
            newest.retain(|exchange| {
                bytes += exchange.text_bytes();
                bytes <= BYTES_MAX
            });
        }
        Ok(CapturesFound { sites: sites.len(), newest, all_read })
    }

    fn fits(&self, exchange: &Exchange) -> bool {
        let CaptureSearch { text, status, source, .. } = &self.wanted;
        let has = |text: &str| exchange.request.contains(text) || exchange.response.contains(text);
        let by_status = match status.as_str() {
            "ok" => (200..300).contains(&exchange.status),
            "bad" => exchange.status >= 400,
            "cut" => !exchange.complete,
            _ => true,
        };
        let by_source = match source.as_str() {
            "teacher" => exchange.source == Source::Teacher,
            "student" => matches!(exchange.source, Source::Student(_)),
            "made" => matches!(exchange.source, Source::Generated(_) | Source::Imported(_)),
            _ => true,
        };
        (self.from_ms..=self.to_ms).contains(&exchange.at_ms)
            && by_status
            && by_source
            && (text.is_empty() || has(text))
    }
}

/// A browser's time in milliseconds of Unix time; none where nothing is said.
fn at_ms(said: &str) -> Result<Option<u64>, String> {
    if said.is_empty() {
        return Ok(None);
    }
    let with_seconds = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    let without = format_description!("[year]-[month]-[day]T[hour]:[minute]");
    let read = PrimitiveDateTime::parse(said, &without).or_else(|_| PrimitiveDateTime::parse(said, &with_seconds));
    let seconds = read.map_err(|_| format!("`{said}` is no time like 2026-11-30T14:05"))?.assume_utc().unix_timestamp();
    Ok(Some(u64::try_from(seconds).unwrap_or(0) * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_browsers_write_them() {
        assert_eq!(at_ms(""), Ok(None));
        assert_eq!(at_ms("1970-01-02T00:01"), Ok(Some(86_460_000)));
        assert_eq!(at_ms("1970-01-02T00:01:05"), Ok(Some(86_465_000)));
        assert_eq!(at_ms("1969-01-02T00:01"), Ok(Some(0)));
        assert!(at_ms("yesterday").unwrap_err().contains("`yesterday` is no time like"));
    }
}
