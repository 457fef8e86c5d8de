//! Every metric of the program: its name, labels and help, in one place.
//!
//! The parts that count hold a [`Metrics`] and call what they saw; nobody else knows the metrics library.
//! Label values are bounded: sites by the configured cap, everything else by enums. Never a prompt, user
//! or key in a label.

mod describe;

use describe::{counter, counters, gauge, gauges, histogram};
use prometheus::{
    Encoder, Gauge, GaugeVec, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder,
};

/// All metrics; cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// `site, route, code`
    pub requests: IntCounterVec,
    /// `site, route`; seconds from the request's last byte read to the answer's last byte written.
    pub request_seconds: HistogramVec,
    /// `site`; seconds to the first byte of the teacher's answer.
    pub first_byte_seconds: HistogramVec,
    /// Seconds between the request's last byte and the call to the teacher: what the proxy adds before the wire.
    pub overhead_seconds: HistogramVec,
    /// `site, route, kind` with kind `input` or `output`.
    pub tokens: IntCounterVec,
    /// `site, reason`: a student's answer that was not served.
    pub escalations: IntCounterVec,
    pub in_flight: IntGauge,
    /// `site, state`: 1 for the state a site is in.
    pub state: IntGaugeVec,
    /// `site`: share of the requests that go to the student now.
    pub student_share: GaugeVec,
    /// `site`
    pub lower_bound: GaugeVec,
    /// `site`: what the lower bound must reach.
    pub quality_min: GaugeVec,
    /// `site`: the proven confidence threshold, 2 when none is.
    pub confidence_threshold: GaugeVec,
    /// `site`: audits of the version on trial.
    pub evidence: IntGaugeVec,
    /// `site, from, to, cause`
    pub switches: IntCounterVec,
    /// `site, cause`: every switch away from a serving student.
    pub rollbacks: IntCounterVec,
    /// `site, outcome`: `good`, `bad`, `lost`.
    pub audits: IntCounterVec,
    /// 1 while the hand-over log cannot be opened or written: every call site is with the teacher.
    pub handover_log_unavailable: IntGauge,
    /// Times that records of the hand-over log were found missing or changed.
    pub handover_log_damaged: IntCounter,
    pub captured: IntCounter,
    /// `reason`
    pub capture_dropped: IntCounterVec,
    pub capture_queue: IntGauge,
    pub capture_poisoned: IntGauge,
    /// `site`: share of the running lesson's steps that are done; absent when none runs.
    pub lesson_progress: GaugeVec,
    /// `site`
    pub lesson_loss: GaugeVec,
    /// `site, outcome`
    pub lessons: IntCounterVec,
    pub build_info: Gauge,
}

/// Buckets for what takes from a tenth of a millisecond to minutes.
const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
const OVERHEAD_SECONDS: &[f64] = &[0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.1];

impl Metrics {
    /// Registers every metric.
    ///
    /// # Errors
    /// A name or label that the library refuses, which is a mistake in this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("apprentice".into()), None)?;
        let r = &registry;
        let metrics = Self {
            requests: counters(r, "requests_total", "Requests answered", &["site", "route", "code"])?,
            request_seconds: histogram(r, "request_duration_seconds", "Whole requests", &["site", "route"], SECONDS)?,
            first_byte_seconds: histogram(
                r,
                "time_to_first_byte_seconds",
                "The teacher's first byte",
                &["site"],
                SECONDS,
            )?,
            overhead_seconds: histogram(
                r,
                "proxy_overhead_seconds",
                "What the proxy adds",
                &["site"],
                OVERHEAD_SECONDS,
            )?,
            tokens: counters(
                r,
                "tokens_total",
                "Tokens as the answering model counts them",
                &["site", "route", "kind"],
            )?,
            escalations: counters(r, "escalations_total", "Student answers not served", &["site", "reason"])?,
            in_flight: gauge(r, "requests_in_flight", "Requests being answered")?,
            state: describe::int_gauges(r, "site_state", "1 for the state a site is in", &["site", "state"])?,
            student_share: gauges(r, "student_share", "Share of requests offered to the student", &["site"])?,
            lower_bound: gauges(r, "confidence_lower_bound", "Lower bound of the student's quality", &["site"])?,
            quality_min: gauges(r, "quality_threshold", "What the lower bound must reach", &["site"])?,
            confidence_threshold: gauges(
                r,
                "confidence_threshold",
                "Proven confidence threshold, 2 when none",
                &["site"],
            )?,
            evidence: describe::int_gauges(r, "evidence_audits", "Audits of the version on trial", &["site"])?,
            switches: counters(r, "switchovers_total", "Changes of state", &["site", "from", "to", "cause"])?,
            rollbacks: counters(r, "rollbacks_total", "Switches away from a serving student", &["site", "cause"])?,
            audits: counters(r, "audits_total", "Requests answered by both", &["site", "outcome"])?,
            handover_log_unavailable: gauge(
                r,
                "handover_log_unavailable",
                "1 while the hand-over log cannot be opened or written",
            )?,
            handover_log_damaged: counter(
                r,
                "handover_log_damaged_total",
                "Times the hand-over log was found damaged",
            )?,
            captured: counter(r, "captured_total", "Exchanges stored")?,
            capture_dropped: counters(r, "capture_dropped_total", "Exchanges not stored", &["reason"])?,
            capture_queue: gauge(r, "capture_queue_length", "Exchanges waiting to be stored")?,
            capture_poisoned: gauge(r, "capture_stopped", "1 after a write error: traffic goes on, capture does not")?,
            lesson_progress: gauges(r, "lesson_progress_ratio", "Steps done of the running lesson", &["site"])?,
            lesson_loss: gauges(r, "lesson_loss", "Training loss of the running lesson", &["site"])?,
            lessons: counters(r, "lessons_total", "Lessons ended", &["site", "outcome"])?,
            build_info: describe::float_gauge(r, "build_info", "Always 1")?,
            registry,
        };
        metrics.build_info.set(1.0);
        Ok(metrics)
    }

    /// The text exposition format, version 0.0.4.
    ///
    /// # Errors
    /// When a metric cannot be encoded.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

#[cfg(test)]
mod tests;
