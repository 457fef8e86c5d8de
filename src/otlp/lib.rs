//! Spans of requests to a collector of OpenTelemetry, over HTTP (OTLP, protobuf), by OpenTelemetry's own library: the GenAI conventions'
//! names, in batches, from a thread of its own. The queue is bounded: what a collector does not take in time is lost, and no request
//! waits for it.
//!
//! Must not know what is served, and speaks no TLS: a collector stands beside the proxy.

mod attributes;
mod collector;

use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use gateway::{Span, Spans};
use http::Uri;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};

use collector::Collector;

/// Spans that wait for the collector; more are lost.
const WAITING_MAX: usize = 8_192;
/// Most spans of one request to it.
const BATCH_MAX: usize = 512;
const BATCH_EVERY: Duration = Duration::from_secs(2);
/// For one request to the collector, and for the last ones at the end.
const EXPORT_TIME: Duration = Duration::from_secs(5);

/// Why nothing can be exported.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    #[error("`{endpoint}` is no address of a collector: http://HOST:PORT, or http://HOST:PORT/v1/traces")]
    Endpoint { endpoint: String },
    #[error("the exporter cannot be made: {0}")]
    Exporter(String),
}

/// Exports spans until it is [ended](Self::end).
pub struct Exporter {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    propagator: TraceContextPropagator,
}

impl Exporter {
    /// Begins to export to the collector at `endpoint`. `runtime` carries its connections; `version` is the program's.
    ///
    /// # Errors
    /// [`OtlpError`] for an endpoint that is no plain HTTP address.
    pub fn start(endpoint: &str, version: &str, runtime: tokio::runtime::Handle) -> Result<Self, OtlpError> {
        let traces = traces_url(endpoint)?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new(runtime))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(traces)
            .with_timeout(EXPORT_TIME)
            .build()
            .map_err(|error| OtlpError::Exporter(error.to_string()))?;
        let batches = opentelemetry_sdk::trace::BatchConfigBuilder::default()
            .with_max_queue_size(WAITING_MAX)
            .with_max_export_batch_size(BATCH_MAX)
            .with_scheduled_delay(BATCH_EVERY)
            .build();
        let batches =
            opentelemetry_sdk::trace::BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let service = Resource::builder_empty()
            .with_service_name("apprentice")
            .with_attribute(KeyValue::new("service.version", version.to_owned()))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(batches)
            .with_resource(service)
            // A client that traces decides for its own requests.
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
            .build();
        let tracer = provider.tracer("apprentice");
        Ok(Self { provider, tracer, propagator: TraceContextPropagator::new() })
    }

    /// Sends what waits and stops; may take as long as the collector does, but not for long.
    pub fn end(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(EXPORT_TIME) {
            tracing::warn!(%error, "some spans did not reach the collector");
        }
    }
}

impl Spans for Exporter {
    fn ended(&self, span: Span) {
        let said = [("traceparent", &span.traceparent), ("tracestate", &span.tracestate)];
        let headers: HashMap<String, String> =
            said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect();
        // Where the client traces nothing, a trace begins here.
        let parent = self.propagator.extract_with_context(&Context::new(), &headers);
        let began = UNIX_EPOCH + Duration::from_millis(span.began_ms);
        let builder = SpanBuilder::from_name(attributes::name(&span))
            .with_kind(SpanKind::Client)
            .with_start_time(began)
            .with_attributes(attributes::of(&span));
        let mut exported = self.tracer.build_with_context(builder, &parent);
        if !span.error.is_empty() {
            exported.set_status(Status::error(span.error));
        }
        exported.end_with_timestamp(began + span.took);
    }
}

/// Where traces go at a collector: its base address is enough.
fn traces_url(endpoint: &str) -> Result<String, OtlpError> {
    let wrong = || OtlpError::Endpoint { endpoint: endpoint.to_owned() };
    let uri: Uri = endpoint.parse().map_err(|_| wrong())?;
    if uri.scheme_str() != Some("http") || uri.authority().is_none() || uri.query().is_some() {
        return Err(wrong());
    }
    let base = endpoint.trim_end_matches('/');
    Ok(if uri.path() == "/" { format!("{base}/v1/traces") } else { base.to_owned() })
}

#[cfg(test)]
mod tests;
