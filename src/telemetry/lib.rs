//! Every metric of the program: its name, labels and help, in one table; and the last hour of every call site (`traffic`).
//!
//! The parts that count hold a [`Metrics`] and call the accessor that has the metric's own name; nobody else
//! knows the metrics library. Label values are bounded: call sites by the cap on their places, models by a number of names, past which
//! both are [`OTHER`], everything else by enums. Never a prompt, user or key in a label. Names are a contract:
//! `docs/reference/metrics.md`; those that begin `gen_ai_` are OpenTelemetry's.

mod families;
mod names;
mod traffic;

pub use families::{Described, GaugeCell};
pub use names::OTHER;
pub use traffic::{Answered, LastHour, Traffic, Wait};

use std::collections::BTreeMap;

use families::families;
use prometheus::{Encoder, TextEncoder};

/// Buckets for what takes from half a millisecond to a minute.
const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
const OVERHEAD_SECONDS: &[f64] = &[0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.1];
/// OpenTelemetry's advice for the `gen_ai_` metrics: durations, time per token, tokens.
const GEN_AI_SECONDS: &[f64] =
    &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const GEN_AI_TOKEN_SECONDS: &[f64] = &[0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5];
const GEN_AI_TOKENS: &[f64] = &[
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

families! {
    gauge build_info(version) "Always 1; the label says which version runs.";
    counter requests_total(call_site, route, code) "Requests answered, by who answered (teacher, student, proxy) and HTTP status.";
    counter routed_total(call_site, route, reason) "Chat requests by route and the x-apprentice-reason that decided it.";
    histogram request_duration_seconds(call_site, route) [SECONDS] "From the request's last byte read to the answer's last byte written.";
    histogram time_to_first_byte_seconds(call_site) [SECONDS] "From the request's last byte read to the first byte of the teacher's answer.";
    histogram proxy_overhead_seconds(call_site) [OVERHEAD_SECONDS] "From the request's last byte read to the call to the teacher: what the proxy adds before the wire.";
    counter tokens_total(call_site, route, kind) "Tokens as the answering model counts them; kind is input, output, cached_input (a part of the input) or reasoning (a part of the output), the last two where the teacher says them.";
    histogram gen_ai_server_request_duration_seconds(gen_ai_operation_name, gen_ai_provider_name, gen_ai_request_model, gen_ai_response_model, error_type) [GEN_AI_SECONDS] "From the request's last byte read to the answer's last byte; the provider is openai (the teacher, whoever it is) or apprentice (a student, whose model is SITE@VERSION); error_type as in teacher_errors_total, empty when all went well.";
    histogram gen_ai_server_time_to_first_token_seconds(gen_ai_operation_name, gen_ai_provider_name, gen_ai_request_model, gen_ai_response_model) [GEN_AI_SECONDS] "From the request's last byte read to the first bytes of a stream.";
    histogram gen_ai_server_time_per_output_token_seconds(gen_ai_operation_name, gen_ai_provider_name, gen_ai_request_model, gen_ai_response_model) [GEN_AI_TOKEN_SECONDS] "Mean time between two tokens of a stream after the first, where the teacher says how many there were.";
    histogram gen_ai_client_operation_duration_seconds(gen_ai_operation_name, gen_ai_provider_name, gen_ai_request_model, gen_ai_response_model, error_type) [GEN_AI_SECONDS] "The teacher's leg alone: from the call to the answer's last byte.";
    histogram gen_ai_client_token_usage(gen_ai_operation_name, gen_ai_provider_name, gen_ai_request_model, gen_ai_response_model, gen_ai_token_type) [GEN_AI_TOKENS] "Tokens of one request; the type is input or output.";
    counter escalations_total(call_site, reason) "Requests that a student was asked and the teacher answered, by reason.";
    gauge requests_in_flight() "Requests being answered.";
    counter sites_not_admitted_total() "Requests of call sites, and found call sites, that were not kept apart because every place is taken; the teacher answers.";
    gauge sites_found() "Call sites that no client names and that were found by what their prompts have in common.";
    gauge site_state(call_site, state) "1 for the state that a call site is in, 0 for the others.";
    gauge student_share(call_site) "Share of the requests that are offered to the student now.";
    gauge site_paused(call_site) "1 while a person has paused the call site at its present weight.";
    gauge measure_info(call_site, measure) "Always 1; the label says what the site's answers are measured by.";
    gauge quality_lower_bound(call_site) "Lower confidence bound of the quality of the answers that are, or would be, served; absent without a version.";
    gauge quality_threshold(call_site) "What the lower bound must reach, by the site's measure.";
    gauge raw_quality(call_site) "Mean quality of all the student's audited answers, served or not; shown, not required.";
    gauge log_e_value(call_site) "ln of the capital won against `the served answers are not good enough`.";
    gauge log_e_threshold(call_site) "What log_e_value must reach.";
    gauge coverage(call_site) "Share of the audited requests that the proven threshold covers.";
    gauge coverage_lost(call_site) "1 when the threshold covers clearly fewer requests than when it was proven.";
    gauge drift_log_statistic(call_site) "ln of the drift detector's statistic; absent while nothing is watched.";
    gauge drift_log_threshold(call_site) "Where the drift detector fires, and those of the budgets.";
    gauge budget_log_statistic(call_site, budget) "ln of the statistic of a budget, `errors` or `latency`: past the threshold the site goes back to the teacher.";
    gauge calibration_error(call_site) "Expected calibration error of the student's confidence; absent without audits.";
    gauge confidence_threshold(call_site) "Proven confidence threshold; absent when none is proven.";
    gauge evidence_audits(call_site) "Audited requests of the version on trial or serving that were evidence.";
    gauge evidence_repeats(call_site, kind) "Audited requests that were no new evidence; kind is repeat or near_duplicate.";
    counter handover_transitions_total(call_site, from, to, cause) "Changes of state.";
    counter rollbacks_total(call_site, cause) "Transitions away from a serving student.";
    gauge handover_log_unavailable() "1 while the hand-over log cannot be opened or written: every call site answers by the teacher.";
    counter handover_log_damaged_total() "Times that the hand-over log was found short or broken.";
    counter audits_total(call_site, outcome) "Requests answered by both and compared; outcome is good, bad (by the measure) or no_answer.";
    counter teacher_asked_again_total(call_site, purpose) "Calls beyond the traffic; purpose is audit, repeat (the teacher's own variance) or judge.";
    counter judge_sentinels_total(call_site, outcome) "Corrupted answers put to the judge; outcome is seen (it preferred the teacher's) or missed.";
    gauge judge_spent_usd() "Money spent on judges today.";
    gauge judge_budget_usd() "What may be spent on judges in a day.";
    gauge saved_usd(call_site) "Teacher's price of the requests that students have answered since the start; 0 where no price is known.";
    gauge saved_seconds(call_site) "Time that clients have not waited since the start: for each request that a student answered, the site's mean with the teacher less what it took.";
    gauge teacher_spent_usd(call_site, purpose) "Paid to the teacher since the start; purpose is traffic, audit (a served request put to it afterwards) or repeat (its own variance).";
    counter teacher_failures_total(cause) "Requests that the teacher did not answer; cause is teacher_unreachable, teacher_broke_off, teacher_timeout or teacher_unavailable (the circuit is open), and answer_broke_off, answer_stalled or answer_too_long of answers that had begun. Its own error answers are in requests_total by code.";
    gauge teacher_circuit_open() "1 while the teacher is not asked because several requests in a row got no answer.";
    counter teacher_errors_total(call_site, error_type) "Chat requests that the teacher did not answer well: unreachable, timeout, cut (the answer broke off), circuit_open (it was not asked), rate_limited (429), refused_key (401, 403), bad_request (other 4xx), overloaded (503, 529), server_error (other 5xx) or _other.";
    gauge config_last_reload_successful() "1 where the configuration was last read whole, 0 where a reload failed and the one before stays in force.";
    gauge certificate_last_reload_successful(listener) "1 where a listener's certificate files were last read whole, 0 where they cannot be used and the certificate before stays in force; listener is proxy or admin.";
    counter webhooks_total(outcome) "Transitions told to a webhook; outcome is sent or failed.";
    counter ratings_total(call_site, verdict) "Served answers that a person rated; verdict is good or bad.";
    counter audits_lost_total(call_site, cause) "Audits that were planned and came to nothing, by cause.";
    counter captured_total() "Exchanges stored.";
    counter capture_dropped_total(reason) "Exchanges not stored.";
    counter capture_redacted_total() "Exchanges stored after something was taken out of them.";
    gauge capture_queue_length() "Exchanges waiting to be stored.";
    gauge capture_queue_bytes() "Bytes of the exchanges waiting to be stored.";
    histogram capture_flush_seconds() [SECONDS] "One commit of waiting exchanges, synced.";
    gauge capture_stored_bytes() "Bytes of the exchange log on disk.";
    gauge capture_segments() "Segments of the exchange log.";
    gauge capture_segments_set_aside() "Segments of the exchange log that were damaged beyond repair and set aside.";
    gauge capture_stopped() "1 while exchanges are not stored because the store cannot be opened or written; traffic goes on.";
    gauge lesson_progress_ratio(call_site) "Share of the running lesson's steps that are done; absent when none runs.";
    gauge lesson_loss(call_site) "Training loss of the running or last lesson, nats a token.";
    gauge lesson_paused_seconds(call_site) "Seconds that the running or last lesson has stood still because the proxy was busy.";
    counter lessons_total(call_site, outcome) "Lessons ended; outcome is published, failed_exam, cancelled (by a person) or error.";
    counter lesson_examples_dropped_total(call_site) "Examples that were longer than max_tokens and not learnt from.";
    counter lesson_folders_damaged_total(call_site) "Lesson folders that could not be read and were set aside.";
    gauge student_rows() "Answers that the student is writing at this moment, of all call sites.";
    gauge student_waiting() "Prompts that wait for the student.";
    counter student_prompt_tokens_total(source) "Tokens of prompts put to the student: read, or cache where an earlier prompt began the same.";
    counter student_answer_tokens_total() "Tokens of answers that the student has gone on from.";
    counter student_shortlist_tokens_total(result) "Tokens chosen of the whole vocabulary to check the part that a call site is given: inside, or outside of it.";
    counter student_draft_tokens_total(result) "Tokens that answers were given to read ahead of themselves: accepted, or rejected because the student went on otherwise.";
    gauge student_info(format) "Always 1; the label says in which number format the student's graph is served, or the kind of server that answers.";
}

impl Metrics {
    /// What stands for a model's name in a label.
    #[must_use]
    pub fn model<'a>(&self, name: &'a str) -> &'a str {
        self.models.label(name)
    }

    /// What call sites' requests did in the last hour.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// The sums of a counter's or gauge's samples by the value of one of its labels; nothing for a metric or a label that is not there. Reads
    /// every metric: for people, not for every request.
    #[must_use]
    pub fn sums(&self, full_name: &str, label: &str) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for family in self.registry.gather().iter().filter(|family| family.name() == full_name) {
            for sample in family.get_metric() {
                let named = sample.get_label().iter().find(|pair| pair.name() == label);
                if let Some(named) = named {
                    let value = sample.get_counter().get_value() + sample.get_gauge().get_value();
                    *sums.entry(named.value().to_owned()).or_default() += value;
                }
            }
        }
        sums
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
