use std::collections::{BTreeMap, BTreeSet};

use callsite::SiteId;
use jobs::Quantize;
use verify::Comparison;

use super::reference::{self, KEYS};
use super::*;

const DEFAULT: &str = include_str!("../../../policies/default.toml");
const POLICIES: [&str; 4] = [
    include_str!("../../../policies/npc-dialogue.toml"),
    include_str!("../../../policies/structured-output.toml"),
    include_str!("../../../policies/levels.toml"),
    include_str!("../../../policies/tool-calls.toml"),
];
const PRACTICE: &str = include_str!("../../../policies/practice.toml");

fn rules_of(settings: &Settings, site: &str) -> std::sync::Arc<rules::SiteRules> {
    settings.rules(&BTreeMap::new()).unwrap().of(&SiteId::new(site).unwrap())
}

#[test]
fn the_shipped_policies_are_valid() {
    for text in [DEFAULT, PRACTICE].iter().chain(&POLICIES) {
        Settings::parse(text).unwrap();
    }
}

#[test]
fn the_default_policy_says_what_the_program_does_without_it() {
    let written = Settings::parse(DEFAULT).unwrap();
    let plain = Settings::parse("").unwrap();
    assert_eq!(format!("{written:?}"), format!("{plain:?}"));
}

#[test]
fn a_wrong_key_is_named_with_its_line_and_the_right_ones() {
    let text = "[proxy]\nlisten = \"127.0.0.1:1\"\nthread = 2\n";
    let shown = report::report(Path::new("my.toml"), text, &Settings::parse(text).unwrap_err().0);
    for part in ["[proxy] has no key `thread`", "my.toml:3:1", "3 | thread = 2", "did you mean `threads`?", "listen"] {
        assert!(shown.contains(part), "{part} should be in {shown}");
    }
}

#[test]
fn what_is_wrong_inside_a_list_hides_nothing_else() {
    let text =
        "[handover]\ncanary = [{ share = 0.5, audit = 3 }]\n[[callsites.match]]\nsite = \"a b\"\n[site]\ntop_p = 9.0\n";
    let problems = Settings::parse(text).unwrap_err();
    let shown = report::report(Path::new("my.toml"), text, &problems.0);
    for part in [
        "3 problems",
        "[handover.canary] has no key `audit`",
        "did you mean `audits`?",
        "my.toml:2:26",
        "my.toml:4:8",
        "cannot name a call site",
        "site.top_p = 9 must be",
    ] {
        assert!(shown.contains(part), "{part} should be in {shown}");
    }
}

#[test]
fn a_site_changes_only_what_it_names() {
    let text = "[handover]\nquality_min = 0.8\nquality_floor = 0.7\n[sites.shop]\ncomparison = \"exact\"\n[sites.shop.handover]\nrisk_alpha = 0.05\n";
    let settings = Settings::parse(text).unwrap();
    let (shop, other) = (rules_of(&settings, "shop"), rules_of(&settings, "other"));
    assert_eq!((shop.policy.quality_min, shop.policy.risk_alpha, shop.comparison), (0.8, 0.05, Comparison::Exact));
    assert_eq!((other.policy.risk_alpha, other.comparison), (Policy::default().risk_alpha, Comparison::Auto));
    assert_eq!(shop.basis.changed(&other.basis), ["comparison"]);
    let said = |text: &str| Settings::parse(text).unwrap_err().to_string();
    let error = said("[sites.shop.handover]\nrisks = 1\n");
    assert_eq!(error, "[sites.shop.handover] has no key `risks`");
    let error = said("[sites.shop]\ncomparisons = 1\n");
    assert!(error.contains("comparisons"), "{error}");
}

#[test]
fn what_evidence_depends_on_is_in_the_basis_and_what_it_does_not_is_not() {
    let basis = |text: &str| rules_of(&Settings::parse(text).unwrap(), "shop").basis.clone();
    let plain = basis("");
    for (text, name) in [
        ("[site]\ncomparison = \"exact\"\n", "comparison"),
        ("[site]\nmax_tokens = 9\n", "max_tokens"),
        ("[site]\ntemperature = 0.5\n", "sampling"),
        ("[verifiers]\njson = true\n", "verifiers"),
    ] {
        assert_eq!(basis(text).changed(&plain), [name]);
    }
    assert_eq!(basis("[site]\ncapture = false\n[handover]\nrisk_alpha = 0.05\n"), plain);
}

#[test]
fn an_expression_that_does_not_compile_names_its_key() {
    let error = Settings::parse("[verifiers]\nmust_match = [\"(\"]\n").unwrap_err().to_string();
    assert!(error.contains("`must_match`"), "{error}");
}

/// The keys of a table, dotted; tables that are values themselves (none so far) would be listed by their leaves.
fn leaves(table: &toml::Table, prefix: &str, found: &mut BTreeSet<String>) {
    for (name, value) in table {
        match value {
            toml::Value::Table(inner) => leaves(inner, &format!("{prefix}{name}."), found),
            _ => drop(found.insert(format!("{prefix}{name}"))),
        }
    }
}

#[test]
fn the_reference_lists_every_key() {
    let mut written = BTreeSet::new();
    leaves(&Settings::default().table().unwrap(), "", &mut written);
    let listed: BTreeSet<String> = KEYS.iter().map(|key| key.key.to_owned()).collect();
    assert_eq!(listed.len(), KEYS.len(), "a key is listed twice");
    // What is unset by default is not written; each of these is a key all the same.
    let unset = [
        "keys",
        "proxy.tls_cert_file",
        "proxy.tls_key_file",
        "admin.tls_cert_file",
        "admin.tls_key_file",
        "capture.export_dir",
        "site.retention_days",
        "teacher.ca_file",
        "teacher.price_file",
        "teacher.input_price",
        "teacher.output_price",
        "callsites.alias_model",
        "student.onnxruntime",
        "student.remote.key_env",
        "student.remote.path_prefix",
        "lessons.train.layers",
        "lessons.train.micro_batch_tokens",
        "lessons.train.recompute",
        "lessons.train.quantize",
        "lessons.train.stop_exact",
        "similarity.encoder",
        "traces.otlp_endpoint",
        "judge.base_url",
        "judge.key_env",
        "generate.sampling",
        "handover.latency_max_ms",
        "verifiers.schema",
        "verifiers.tools",
        "verifiers.level",
    ];
    written.extend(unset.map(str::to_owned));
    assert_eq!(listed, written);
}

/// Values just outside a range as the reference words it.
fn outside(range: &str) -> Vec<String> {
    let number = |text: &str| text.parse::<f64>().unwrap();
    let open = |low: &str, high: &str| vec![low.to_owned(), high.to_owned(), "nan".to_owned()];
    if range == "between 0 and 1, both excluded" {
        return open("0.0", "1.0");
    }
    if let Some((low, high)) = range.strip_prefix("greater than ").and_then(|rest| rest.split_once(", at most ")) {
        return open(&format!("{:?}", number(low)), &format!("{:?}", number(high) * 1.5));
    }
    if let Some(low) = range.strip_prefix("greater than ") {
        return vec![format!("{:?}", number(low)), "-1.0".into(), "nan".into()];
    }
    if let Some(low) = range.strip_prefix("at least ") {
        return vec![format!("{}", number(low) - 1.0)];
    }
    if let Some(high) = range.strip_prefix("at most ") {
        return vec![format!("{}", number(high) + 1.0)];
    }
    let (low, high) = range.split_once(" to ").unwrap();
    vec![format!("{}", number(low) - 1.0), format!("{}", number(high) + 1.0)]
}

#[test]
fn every_range_of_the_reference_is_one_that_is_checked_with_key_and_value() {
    let defaults = Settings::default().table().unwrap();
    for key in KEYS.iter().filter(|key| !key.range.is_empty()) {
        let float = !matches!(reference::value(&defaults, key.key), Some(toml::Value::Integer(_)));
        for value in outside(key.range) {
            let value = if float && !value.contains(['.', 'n']) { format!("{value}.0") } else { value };
            let (section, name) = key.key.rsplit_once('.').unwrap();
            let text = format!("[{section}]\n{name} = {value}\n");
            let error = Settings::parse(&text).err().unwrap_or_else(|| panic!("accepted: {text}")).to_string();
            assert!(error.contains(name), "{text}: {error}");
            assert!(error.contains(value.trim_end_matches(".0")) || error.contains("NaN"), "{text}: {error}");
        }
    }
}

#[test]
fn the_examples_that_were_once_accepted_are_refused() {
    for (text, key) in [
        ("[handover]\ndrift_audits = -1.0\n", "handover.drift_audits"),
        ("[handover]\ndrift_audits = 0.0\n", "handover.drift_audits"),
        ("[handover]\ncoverage_min = 7.0\n", "handover.coverage_min"),
        ("[handover]\nbad_below = -3.0\n", "handover.bad_below"),
        ("[handover]\nexam_min = 9.0\n", "handover.exam_min"),
        ("[handover]\nfailures_max = 0\n", "handover.failures_max"),
        ("[lessons.train]\nbatch_size = 0\n", "lessons.train.batch_size"),
        ("[lessons.train]\nrank = 0\n", "lessons.train.rank"),
        ("[lessons.dataset]\nheld_out_fraction = 5.0\n", "lessons.dataset.held_out_fraction"),
        ("[student]\nrows = 0\n", "student.rows"),
        ("[student]\ndraft_tokens = 33\n", "student.draft_tokens"),
        ("[student]\nadapter_cache_mb = 1048577\n", "student.adapter_cache_mb"),
        ("[capture]\nredact = [{ regex = \"(\" }]\n", "capture.redact rule 1: "),
        ("[capture]\nredact = [{ path = \"$.a\" }, { path = \"user\" }]\n", "capture.redact rule 2: `user`"),
        ("[[teacher.parameters]]\nmodels = []\nrefuses = []\n", "teacher.parameters rule 1: `models`"),
        (
            "[[teacher.parameters]]\nmodels = [\"a\"]\nrefuses = [\"temp\"]\n",
            "teacher.parameters rule 1: `refuses` has `temp`",
        ),
        ("[sites.shop]\nretention_days = 0\n", "sites.shop.retention_days"),
        ("[site]\ntop_p = 9.0\n", "site.top_p"),
        ("[sites.shop]\ntop_p = 9.0\n", "sites.shop.top_p"),
        ("[sites.shop.handover]\nquality_min = 1.5\n", "sites.shop.handover.quality_min"),
        ("[handover]\nquality_floor = 0.95\n", "handover.quality_floor"),
    ] {
        let error = Settings::parse(text).err().unwrap_or_else(|| panic!("accepted: {text}")).to_string();
        assert!(error.starts_with(key), "{text}: {error}");
    }
}

#[test]
fn a_server_for_students_needs_an_address_and_a_name_and_none_is_needed_here() {
    let said = |text: &str| Settings::parse(text).map(drop).map_err(|problems| problems.to_string());
    for backend in ["vllm", "llama-cpp"] {
        let error = said(&format!("[student]\nbackend = \"{backend}\"\n")).unwrap_err();
        for part in ["student.remote.url = \"\" must be", "student.remote.model must be the base's name", backend] {
            assert!(error.contains(part), "{part} should be in {error}");
        }
        let whole = "[student.remote]\nurl = \"http://gpu-1:8000\"\nmodel = \"gemma-3-1b-it\"\n";
        assert_eq!(said(&format!("[student]\nbackend = \"{backend}\"\n{whole}")), Ok(()));
    }
    let error = said("[student.remote]\npath_prefix = \"adapters\"\n").unwrap_err();
    assert!(error.starts_with("student.remote.path_prefix must be an absolute path"), "{error}");
    let error = said("[student]\nbackend = \"vlm\"\n").unwrap_err();
    assert!(error.contains("`vllm`") && error.contains("`llama-cpp`"), "{error}");
}

#[test]
fn lessons_on_cuda_are_refused_by_a_program_that_was_built_without_it_and_packed_ones_by_every() {
    let error = Settings::parse("[lessons.train]\ndevice = \"cuda\"\n").map(drop);
    if train::CUDA {
        assert!(error.is_ok());
    } else {
        let error = error.unwrap_err().to_string();
        assert_eq!(
            error,
            "lessons.train.device = \"cuda\", but this program was built without CUDA: build it with `--features \
             apprentice/cuda`, which needs the CUDA toolkit, or set lessons.train.device = \"cpu\""
        );
    }
    let error = Settings::parse("[lessons.train]\ndevice = \"cuda\"\nquantize = \"nf4\"\n").err().unwrap().to_string();
    assert!(error.contains("lessons.train.device = cuda keeps weights as they are: take out quantize"), "{error}");
    assert!(Settings::parse("[lessons.train]\ndevice = \"gpu\"\n").err().unwrap().to_string().contains("`cuda`"));
    assert!(Settings::parse("[lessons.train]\ndevice = \"cpu\"\n").is_ok());
}

#[test]
fn lessons_train_beside_the_numbers_that_are_served() {
    let quantize = |text: &str| Settings::parse(text).map(|settings| settings.lessons.train.quantize);
    let four = "[student]\nformat = \"i4packed\"\n";
    assert_eq!(quantize("").unwrap(), None);
    assert_eq!(quantize(four).unwrap(), Some(Quantize::Q4_0));
    assert_eq!(quantize(&format!("{four}[lessons.train]\nquantize = \"q4_0\"\n")).unwrap(), Some(Quantize::Q4_0));
    let error = quantize(&format!("{four}[lessons.train]\nquantize = \"nf4\"\n")).unwrap_err().to_string();
    assert!(error.contains("lessons.train.quantize must be \"q4_0\"") && error.contains("i4packed"), "{error}");
    // A server has its own numbers.
    let served =
        format!("{four}backend = \"vllm\"\n[student.remote]\nurl = \"http://gpu-1:8000\"\nmodel = \"gemma\"\n");
    assert_eq!(quantize(&served).unwrap(), None);
    let eight = "[student]\nformat = \"i8packed\"\n[lessons.train]\nquantize = \"nf4\"\n";
    assert_eq!(quantize(eight).unwrap(), Some(Quantize::Nf4));
}

#[test]
fn models_that_reason_refuse_a_temperature_and_makers_send_them_none() {
    let settings = Settings::default();
    let sends = |model: &str| settings.generate.sends_sampling(model, &settings.teacher.parameters);
    for model in
        ["gpt-5", "gpt-5-mini", "gpt-5-mini-2025-08-07", "openai/gpt-5-nano", "gpt-6-luna", "o1", "o3-mini", "o4-mini"]
    {
        assert!(!sends(model), "{model}");
    }
    for model in ["gpt-4.1-mini", "gpt-5-chat-latest", "gpt-5.2", "gpt-oss-20b", "llama-3", "practice"] {
        assert!(sends(model), "{model}");
    }
    let refused =
        |model: &str, field: &str| settings.teacher.parameters.refused_by(model).iter().any(|name| name == field);
    assert!(refused("gpt-4o", "top_k") && refused("gpt-5-mini", "top_k") && !refused("gpt-oss-20b", "top_k"));
}

/// What a document says, and what the code would write.
fn is_current(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == made, "docs/reference/{name} is not what the code says: run `make reference`");
}

#[test]
fn the_reference_documents_are_what_the_code_says() {
    is_current("configuration.md", &reference::markdown().unwrap());
    is_current("metrics.md", &crate::commands::reference::metrics());
    is_current("reasons.md", &crate::commands::reference::reasons());
}

#[test]
fn a_site_may_be_kept_for_another_time() {
    let text = "[capture]\nretention_days = 30\n[sites.short]\nretention_days = 2\n[sites.same]\ncapture = true\n";
    let retention = Settings::parse(text).unwrap().retention().unwrap();
    assert_eq!((retention.default, retention.sites), (30, [(SiteId::new("short").unwrap(), 2)].into()));
    let every = Settings::parse("[site]\nretention_days = 3\n[sites.long]\nretention_days = 9\n").unwrap();
    let retention = every.retention().unwrap();
    assert_eq!((retention.default, retention.sites), (3, [(SiteId::new("long").unwrap(), 9)].into()));
}
