//! The exchange log as it is configured: opened, looked after, measured.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use callsite::SiteId;
use capture::limits::RETRY_PAUSE;
use capture::{Capture, CaptureError, Redactor, Retention, SegmentLimits, Segments, Writer, WriterSettings};
use store::StoreError;
use telemetry::Metrics;
use tokio::sync::watch;

use crate::app::background::told;
use crate::app::{Error, now_ms};
use crate::settings::Settings;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// The whole log is so many segments at least: its bound is kept by removing one.
const SEGMENTS_MIN: u64 = 4;
/// How often segments are sealed and removed, and the log is measured.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The exchange log of `data`.
///
/// # Errors
/// When it cannot be opened, or another process holds it.
pub(crate) fn exchange_log(settings: &Settings, data: &Path) -> Result<Segments, CaptureError> {
    let limits = limits(settings).map_err(std::io::Error::other)?;
    Segments::open(&data.join("capture"), limits, redactor(settings)?)
}

/// What is taken out of all that is kept.
pub(super) fn redactor(settings: &Settings) -> std::io::Result<Redactor> {
    Redactor::new(&settings.capture.redact).map_err(std::io::Error::other)
}

/// How long exchanges are kept.
pub(crate) fn retention(settings: &Settings) -> Result<Retention, String> {
    let days = settings.retention()?;
    let sites = days.sites.into_iter().map(|(site, days)| (site, days * DAY_MS)).collect();
    Ok(Retention { default_ms: days.default * DAY_MS, sites })
}

fn limits(settings: &Settings) -> Result<SegmentLimits, String> {
    let capture = &settings.capture;
    let retention = retention(settings)?;
    let total_bytes_max = capture.total_mb << 20;
    Ok(SegmentLimits {
        bytes_max: (capture.segment_mb << 20).min(total_bytes_max / SEGMENTS_MIN),
        // A segment that went on for longer would keep its first exchanges for longer than they may be kept.
        age_ms_max: (capture.segment_hours * HOUR_MS).min(retention.shortest_ms()),
        retention,
        total_bytes_max,
        free_bytes_min: capture.free_mb_min << 20,
        export_dir: capture.export_dir.clone(),
    })
}

/// Begins to write to the log, where there is one.
pub(super) fn write(
    captures: Option<&Arc<Segments>>,
    settings: &Settings,
    metrics: &Arc<Metrics>,
) -> std::io::Result<Option<(Capture, Writer)>> {
    let queue_bytes_max = usize::try_from(settings.capture.queue_mb << 20).unwrap_or(usize::MAX);
    let how = WriterSettings { queue_bytes_max, retry_pause: RETRY_PAUSE };
    captures.map(|captures| Writer::start(captures.clone(), metrics.clone(), how)).transpose()
}

/// The exchange log for serving; one that cannot be opened is done without, said and shown. Only another process that
/// holds it ends the start.
pub(super) fn open(settings: &Settings, data: &Path, metrics: &Metrics) -> Result<Option<Arc<Segments>>, Error> {
    metrics.capture_stopped().set(0.0);
    match exchange_log(settings, data) {
        Ok(captures) => Ok(Some(Arc::new(captures))),
        Err(error @ CaptureError::Store(StoreError::InUse(_))) => Err(error.into()),
        Err(error) => {
            metrics.capture_stopped().set(1.0);
            tracing::error!(%error, "the exchange log cannot be opened: requests are served, nothing is kept or learnt until a restart");
            Ok(None)
        }
    }
}

/// Seals, removes and measures segments until the program is told to stop.
pub(super) async fn look_after(
    captures: Arc<Segments>,
    today: Box<dyn Fn(&SiteId) -> SiteId + Send + Sync>,
    metrics: Arc<Metrics>,
    stopped: watch::Receiver<bool>,
) {
    let (mut said, today) = (None, Arc::<dyn Fn(&SiteId) -> SiteId + Send + Sync>::from(today));
    loop {
        let (captures, today, metrics) = (captures.clone(), today.clone(), metrics.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let maintained = captures.maintain(now_ms(), today.as_ref());
            measure(&captures, &metrics).and(maintained)
        });
        let problem = match looked.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        // The same problem is said once.
        if let Some(problem) = problem.as_ref().filter(|problem| said.as_ref() != Some(*problem)) {
            tracing::error!(problem, "the exchange log could not be looked after; it is tried again");
        }
        said = problem;
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = told(stopped.clone()) => return,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown on a dashboard")]
fn measure(captures: &Segments, metrics: &Metrics) -> Result<(), CaptureError> {
    let overview = captures.overview()?;
    metrics.capture_stored_bytes().set(overview.disk_bytes as f64);
    metrics.capture_segments().set(overview.segments as f64);
    metrics.capture_segments_set_aside().set(overview.set_aside.len() as f64);
    Ok(())
}
