//! Numbers that cannot work, each with its key, value and range. What a member's section holds is checked by the
//! member's own `problems`; this is the rest.

use capture::Redactor;
use jobs::{Device, Quantize};

use crate::settings::Settings;
use crate::settings::sections::{Site, Teacher};

/// One check: key, value, whether it holds, what it must be.
type Check<'a> = (&'a str, f64, bool, &'a str);

fn failed(checks: &[Check<'_>]) -> Vec<String> {
    let failed = checks.iter().filter(|(_, _, holds, _)| !holds);
    failed.map(|(key, value, _, range)| format!("{key} = {value} must be {range}")).collect()
}

/// What is wrong with the way in, with what is kept of it and with telling it apart.
#[expect(clippy::cast_precision_loss, reason = "shown in a message")]
fn of_traffic(settings: &Settings) -> Vec<String> {
    let Settings { proxy, callsites, capture, .. } = settings;
    failed(&[
        ("proxy.threads", proxy.threads as f64, proxy.threads <= 1024, "at most 1024"),
        ("proxy.body_mb", proxy.body_mb as f64, (1..=1024).contains(&proxy.body_mb), "from 1 to 1024"),
        (
            "proxy.connections_max",
            proxy.connections_max as f64,
            (1..=1 << 20).contains(&proxy.connections_max),
            "from 1 to 1048576",
        ),
        ("proxy.header_s", proxy.header_s as f64, (1..=3_600).contains(&proxy.header_s), "from 1 to 3600"),
        ("proxy.drain_s", proxy.drain_s as f64, proxy.drain_s <= 3_600, "at most 3600"),
        ("capture.queue_mb", capture.queue_mb as f64, (1..=65_536).contains(&capture.queue_mb), "from 1 to 65536"),
        (
            "capture.total_mb",
            capture.total_mb as f64,
            (16..=1 << 30).contains(&capture.total_mb),
            "from 16 to 1073741824",
        ),
        ("capture.free_mb_min", capture.free_mb_min as f64, capture.free_mb_min <= 1 << 20, "at most 1048576"),
        (
            "callsites.found_max",
            callsites.found_max as f64,
            (1..=1_000).contains(&callsites.found_max),
            "from 1 to 1000",
        ),
        ("callsites.repeat_s", callsites.repeat_s as f64, callsites.repeat_s <= 3_600, "at most 3600"),
        (
            "capture.segment_mb",
            capture.segment_mb as f64,
            (1..=1 << 20).contains(&capture.segment_mb),
            "from 1 to 1048576",
        ),
        (
            "capture.segment_hours",
            capture.segment_hours as f64,
            (1..=87_600).contains(&capture.segment_hours),
            "from 1 to 87600",
        ),
        (
            "capture.retention_days",
            capture.retention_days as f64,
            (1..=36_500).contains(&capture.retention_days),
            "from 1 to 36500",
        ),
    ])
}

/// What is wrong with how the teacher is asked.
#[expect(clippy::cast_precision_loss, reason = "shown in a message")]
fn of_teacher(teacher: &Teacher) -> Vec<String> {
    let seconds = [
        ("teacher.connect_s", teacher.connect_s),
        ("teacher.first_byte_s", teacher.first_byte_s),
        ("teacher.idle_s", teacher.idle_s),
        ("teacher.total_s", teacher.total_s),
        ("teacher.breaker_open_s", teacher.breaker_open_s),
    ];
    let seconds = seconds.map(|(key, value)| (key, value as f64, (1..=86_400).contains(&value), "from 1 to 86400"));
    let mut problems = failed(&seconds);
    let (retries, failures) = (teacher.retries, teacher.breaker_failures);
    problems.extend(failed(&[
        ("teacher.retries", f64::from(retries), retries <= 10, "at most 10"),
        ("teacher.breaker_failures", f64::from(failures), failures <= 1_000_000, "at most 1000000"),
    ]));
    let rules = teacher.parameters.0.iter().enumerate();
    let wrong = rules.filter_map(|(at, rule)| rule.problem().map(|problem| (at + 1, problem)));
    problems.extend(wrong.map(|(number, problem)| format!("teacher.parameters rule {number}: {problem}")));
    let (input, output) = (teacher.input_price, teacher.output_price);
    let prices = [("teacher.input_price", input), ("teacher.output_price", output)];
    let given =
        prices.iter().filter_map(|(key, price)| price.map(|price| (*key, price, is_price(price), "at least 0")));
    problems.extend(failed(&given.collect::<Vec<_>>()));
    if input.is_some() != output.is_some() {
        problems.push("teacher.input_price and teacher.output_price belong together: set both or none".to_owned());
    }
    problems
}

/// What is wrong outside the sections of single sites.
#[expect(clippy::cast_precision_loss, reason = "shown in a message")]
pub(crate) fn of(settings: &Settings) -> Vec<String> {
    let Settings { capture, student, lessons, generate, .. } = settings;
    let mut problems = of_traffic(settings);
    problems.extend(failed(&[
        ("student.context", student.context as f64, (16..=1 << 20).contains(&student.context), "from 16 to 1048576"),
        ("student.rows", student.rows as f64, (1..=256).contains(&student.rows), "from 1 to 256"),
        ("student.threads", student.threads as f64, (1..=1024).contains(&student.threads), "from 1 to 1024"),
        ("student.queue", student.queue as f64, (1..=65_536).contains(&student.queue), "from 1 to 65536"),
        ("student.draft_tokens", student.draft_tokens as f64, student.draft_tokens <= 32, "from 0 to 32"),
        (
            "student.adapter_cache_mb",
            student.adapter_cache_mb as f64,
            student.adapter_cache_mb <= 1 << 20,
            "from 0 to 1048576",
        ),
        (
            "student.prefix_cache_mb",
            student.prefix_cache_mb as f64,
            student.prefix_cache_mb <= 1 << 20,
            "from 0 to 1048576",
        ),
        (
            "student.answer_seconds_max",
            student.answer_seconds_max,
            student.answer_seconds_max > 0.0 && student.answer_seconds_max <= 86_400.0,
            "greater than 0 and at most 86400",
        ),
        ("generate.budget_usd", generate.budget_usd, is_price(generate.budget_usd), "at least 0"),
        (
            "generate.concurrency",
            generate.concurrency as f64,
            (1..=1024).contains(&generate.concurrency),
            "from 1 to 1024",
        ),
        (
            "generate.reasoning_tokens",
            f64::from(generate.reasoning_tokens),
            generate.reasoning_tokens <= 1 << 20,
            "at most 1048576",
        ),
    ]));
    problems.extend(Redactor::new(&capture.redact).err().map(|problem| format!("capture.redact {problem}")));
    problems.extend(settings.judge.settings().problems().into_iter().map(|problem| format!("judge.{problem}")));
    problems.extend(of_teacher(&settings.teacher));
    problems.extend(lessons.problems().into_iter().map(|problem| format!("lessons.{problem}")));
    problems.extend(of_device(lessons.train.device));
    problems.extend(of_bits(settings));
    problems.extend(of_certificates(settings));
    let server = student.remote.problems(student.backend);
    problems.extend(server.into_iter().map(|problem| format!("student.remote.{problem}")));
    problems
}

/// A device that this program was not built for.
fn of_device(device: Device) -> Option<String> {
    (device == Device::Cuda && !train::CUDA).then(|| {
        "lessons.train.device = \"cuda\", but this program was built without CUDA: build it with `--features \
         apprentice/cuda`, which needs the CUDA toolkit, or set lessons.train.device = \"cpu\""
            .to_owned()
    })
}

/// A base that is packed to other numbers for lessons than for answers.
fn of_bits(settings: &Settings) -> Option<String> {
    let other = settings.lessons.train.quantize.is_some_and(|quantize| quantize != Quantize::Q4_0);
    (settings.student.serves_four_bits() && other).then(|| {
        "lessons.train.quantize must be \"q4_0\", or left out, where student.format = \"i4packed\": an adapter is to be \
         trained beside the numbers that it is served with"
            .to_owned()
    })
}

/// A certificate without its key, or the other way round.
fn of_certificates(settings: &Settings) -> Vec<String> {
    let (proxy, admin) = (&settings.proxy, &settings.admin);
    let pairs =
        [("proxy", &proxy.tls_cert_file, &proxy.tls_key_file), ("admin", &admin.tls_cert_file, &admin.tls_key_file)];
    let half = pairs.into_iter().filter(|(_, certificate, key)| certificate.is_some() != key.is_some());
    half.map(|(section, ..)| {
        format!("{section}.tls_cert_file and {section}.tls_key_file belong together: set both or none")
    })
    .collect()
}

fn is_price(value: f64) -> bool {
    value >= 0.0 && value.is_finite()
}

/// What is wrong with a site's own rules, keys without their section.
#[expect(clippy::cast_precision_loss, reason = "shown in a message")]
pub(crate) fn of_site(site: &Site) -> Vec<String> {
    let (temperature, top_p) = (f64::from(site.temperature), f64::from(site.top_p));
    let days = site.retention_days.unwrap_or(1);
    failed(&[
        ("retention_days", days as f64, (1..=36_500).contains(&days), "from 1 to 36500"),
        ("max_tokens", f64::from(site.max_tokens), site.max_tokens > 0, "at least 1"),
        ("temperature", temperature, (0.0..=2.0).contains(&temperature), "from 0 to 2"),
        ("top_p", top_p, top_p > 0.0 && top_p <= 1.0, "greater than 0 and at most 1"),
    ])
}
