use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use gateway::{Span, Spans};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span as Exported;
use prost::Message;
use uuid::Uuid;
use wire::Usage;

use crate::{Exporter, traces_url};

/// Request line and what each request to it held.
type Received = (String, ExportTraceServiceRequest);

/// A collector that answers everything with `status`.
fn collector(status: &'static str) -> (SocketAddr, mpsc::Receiver<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, (sender, received)) = (listener.local_addr().unwrap(), mpsc::channel());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, sender) = (stream.unwrap(), sender.clone());
            std::thread::spawn(move || {
                let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    bytes.extend_from_slice(&buffer[..read]);
                    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
                    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                    let length: usize = length.unwrap().parse().unwrap();
                    let Some(body) = bytes.get(end + 4..end + 4 + length) else { continue };
                    let request = ExportTraceServiceRequest::decode(body).unwrap();
                    sender.send((head.lines().next().unwrap().to_owned(), request)).ok();
                    stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).ok();
                    bytes.clear();
                }
            });
        }
    });
    (address, received)
}

fn span() -> Span {
    Span {
        id: Uuid::from_u128(7),
        site: "shop".into(),
        route: "teacher",
        provider: "openai",
        asked: "gpt-5-mini".into(),
        answered: "gpt-5-mini-2025-08-07".into(),
        error: "",
        usage: Some(Usage { prompt_tokens: 12, completion_tokens: 3 }),
        began_ms: 1_790_000_000_000,
        took: Duration::from_millis(250),
        first: Some(Duration::from_millis(40)),
        traceparent: None,
        tracestate: None,
    }
}

/// What a collector gets of `spans`.
fn exported(spans: Vec<Span>) -> Vec<Exported> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (address, received) = collector("200 OK");
    let exporter = Exporter::start(&format!("http://{address}"), "1.2.3", runtime.handle().clone()).unwrap();
    spans.into_iter().for_each(|span| exporter.ended(span));
    exporter.end();
    let mut all = Vec::new();
    for (line, request) in received.try_iter() {
        assert_eq!(line, "post /v1/traces http/1.1");
        for of_resource in request.resource_spans {
            let resource = of_resource.resource.unwrap();
            let service = resource.attributes.iter().find(|attribute| attribute.key == "service.name").unwrap();
            let name = service.value.clone().and_then(|value| value.value);
            assert_eq!(name, Some(Value::StringValue("apprentice".into())));
            all.extend(of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    all
}

fn said(span: &Exported, key: &str) -> Option<String> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == key)?;
    Some(match attribute.value.clone()?.value? {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    })
}

#[test]
fn a_request_is_a_span_by_the_names_of_the_conventions() {
    let all = exported(vec![span()]);
    let [span] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((span.name.as_str(), span.kind), ("chat gpt-5-mini", 3));
    assert_eq!(span.start_time_unix_nano, 1_790_000_000_000_000_000);
    assert_eq!(span.end_time_unix_nano, 1_790_000_000_250_000_000);
    for (key, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "gpt-5-mini"),
        ("gen_ai.response.model", "gpt-5-mini-2025-08-07"),
        ("gen_ai.usage.input_tokens", "12"),
        ("gen_ai.usage.output_tokens", "3"),
        ("gen_ai.response.time_to_first_chunk", "0.04"),
        ("apprentice.call_site", "shop"),
        ("apprentice.route", "teacher"),
        ("apprentice.request.id", "00000000-0000-0000-0000-000000000007"),
    ] {
        assert_eq!(said(span, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!((said(span, "error.type"), span.status.clone().map(|status| status.code)), (None, Some(0)));
    assert!(span.trace_id.iter().any(|byte| *byte != 0) && span.parent_span_id.is_empty());
}

#[test]
fn the_clients_own_trace_goes_on_and_its_word_on_sampling_counts() {
    let of = |flags: &str| format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
    let traced = |traceparent: String| Span { traceparent: Some(traceparent), ..span() };
    let all = exported(vec![traced(of("01")), traced(of("00")), traced("what?".into())]);
    let [within, anew] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(within.trace_id[..2], [0x0a, 0xf7]);
    assert_eq!(within.parent_span_id, [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]);
    // What is no trace context begins a trace.
    assert!(anew.parent_span_id.is_empty() && anew.trace_id != within.trace_id);
}

#[test]
fn what_went_wrong_is_the_spans_status() {
    let all = exported(vec![Span { error: "timeout", usage: None, answered: String::new(), first: None, ..span() }]);
    let status = all[0].status.clone().unwrap();
    assert_eq!(
        (status.code, status.message.as_str(), said(&all[0], "error.type")),
        (2, "timeout", Some("timeout".into()))
    );
    assert_eq!((said(&all[0], "gen_ai.response.model"), said(&all[0], "gen_ai.usage.input_tokens")), (None, None));
}

#[test]
fn a_collector_that_hangs_or_is_gone_delays_nobody() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    // One that accepts and never answers, and one that is not there.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [silent.local_addr().unwrap(), gone] {
        let exporter = Exporter::start(&format!("http://{address}"), "1", runtime.handle().clone()).unwrap();
        let began = Instant::now();
        for _ in 0..50_000 {
            exporter.ended(span());
        }
        assert!(began.elapsed() < crate::EXPORT_TIME, "handing spans over took {:?}", began.elapsed());
        exporter.end();
    }
}

#[test]
fn the_base_address_of_a_collector_is_enough() {
    assert_eq!(traces_url("http://localhost:4318").unwrap(), "http://localhost:4318/v1/traces");
    assert_eq!(traces_url("http://localhost:4318/").unwrap(), "http://localhost:4318/v1/traces");
    assert_eq!(traces_url("http://a.b:1/v1/traces").unwrap(), "http://a.b:1/v1/traces");
    for wrong in ["", "localhost:4318", "https://collector:4318", "http://", "ftp://x", "http://x/?key=1"] {
        assert!(traces_url(wrong).is_err(), "{wrong}");
    }
}
