//! Spans of requests to a collector of OpenTelemetry, where the configuration names one and the program was built for it (`--features
//! otlp`).

use std::sync::Arc;

use gateway::Spans;

use crate::app::Error;
use crate::settings::Settings;

/// What exports, if anything does.
#[derive(Clone)]
pub(super) struct Traces {
    #[cfg(feature = "otlp")]
    exporter: Option<Arc<otlp::Exporter>>,
}

#[cfg(feature = "otlp")]
impl Traces {
    /// Must be called on a runtime, which carries the connections.
    pub(super) fn open(settings: &Settings) -> Result<Self, Error> {
        let Some(endpoint) = &settings.traces.otlp_endpoint else { return Ok(Self { exporter: None }) };
        let runtime = tokio::runtime::Handle::current();
        let exporter = otlp::Exporter::start(endpoint, env!("CARGO_PKG_VERSION"), runtime);
        let exporter = exporter.map_err(|error| format!("traces.otlp_endpoint: {error}"))?;
        Ok(Self { exporter: Some(Arc::new(exporter)) })
    }

    pub(super) fn spans(&self) -> Option<Arc<dyn Spans>> {
        self.exporter.clone().map(|exporter| exporter as Arc<dyn Spans>)
    }

    /// Sends what waits. Blocks.
    pub(super) fn end(&self) {
        if let Some(exporter) = &self.exporter {
            exporter.end();
        }
    }
}

#[cfg(not(feature = "otlp"))]
impl Traces {
    pub(super) fn open(settings: &Settings) -> Result<Self, Error> {
        match &settings.traces.otlp_endpoint {
            None => Ok(Self {}),
            Some(_) => Err("traces.otlp_endpoint: this program was built without the exporter; build it with \
                `cargo build --release --features otlp`, or take the key out"
                .into()),
        }
    }

    #[expect(clippy::unused_self, reason = "the same as where there is an exporter")]
    pub(super) fn spans(&self) -> Option<Arc<dyn Spans>> {
        None
    }

    #[expect(clippy::unused_self, reason = "the same as where there is an exporter")]
    pub(super) fn end(&self) {}
}
