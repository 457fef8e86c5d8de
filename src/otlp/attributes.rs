//! What a span says, by the names of OpenTelemetry's semantic conventions for generative AI; what they have no name for is `apprentice.*`.

use gateway::Span;
use opentelemetry::KeyValue;

/// `{operation} {model}`.
pub(crate) fn name(span: &Span) -> String {
    if span.asked.is_empty() { "chat".to_owned() } else { format!("chat {}", span.asked) }
}

pub(crate) fn of(span: &Span) -> Vec<KeyValue> {
    let mut all = vec![
        KeyValue::new("gen_ai.operation.name", "chat"),
        KeyValue::new("gen_ai.provider.name", span.provider),
        KeyValue::new("apprentice.request.id", span.id.to_string()),
        KeyValue::new("apprentice.call_site", span.site.clone()),
        KeyValue::new("apprentice.route", span.route),
    ];
    for (name, value) in [
        ("gen_ai.request.model", span.asked.as_str()),
        ("gen_ai.response.model", span.answered.as_str()),
        ("error.type", span.error),
    ] {
        if !value.is_empty() {
            all.push(KeyValue::new(name, value.to_owned()));
        }
    }
    if let Some(usage) = span.usage {
        all.push(KeyValue::new("gen_ai.usage.input_tokens", i64::from(usage.prompt_tokens)));
        all.push(KeyValue::new("gen_ai.usage.output_tokens", i64::from(usage.completion_tokens)));
    }
    if let Some(first) = span.first {
        all.push(KeyValue::new("gen_ai.response.time_to_first_chunk", first.as_secs_f64()));
    }
    all
}
