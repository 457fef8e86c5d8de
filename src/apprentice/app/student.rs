//! What the student is on this machine: base, number format, library; decided once, at start.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use gemma::GraphFormat;
use student::{Kernel, StudentConfig};

use crate::settings::Settings;
use crate::settings::environment;
use crate::settings::sections::FormatSetting;

/// The base model's facts, and whether its tokenizer fits it.
pub(crate) fn base(settings: &Settings) -> Result<gemma::Config, String> {
    let base = &settings.student.base;
    let failed = |error: gemma::GemmaError| {
        format!(
            "student.base {}: {error}; put a Gemma 3 folder there, or set student.enabled = false to only pass through and capture",
            base.display()
        )
    };
    let config = gemma::Config::load(base).map_err(failed)?;
    let tokenizer = gemma::Tokenizer::load(base).map_err(failed)?;
    tokenizer.check_fits(config.vocab_size).map_err(failed)?;
    // Said here, before a lesson has been paid for.
    let (context, positions) = (settings.student.context, export::positions(&config));
    if context > positions {
        return Err(format!(
            "student.context = {context} must be at most {positions}, what the base {} takes",
            base.display()
        ));
    }
    Ok(config)
}

/// ONNX Runtime's library: the configuration's, the environment's, or where `make setup` puts it.
pub(crate) fn library(settings: &Settings) -> Result<PathBuf, String> {
    student::library::find(settings.student.onnxruntime.as_deref(), &environment::raw)
        .map_err(|error| error.to_string())
}

/// What the student computes with on this processor, less what the environment masks.
pub(crate) fn kernel() -> Result<Kernel, String> {
    let mask = environment::variable(environment::CPU_MASK).unwrap_or_default();
    student::kernel(&mask).map_err(|error| format!("{}: {error}", environment::CPU_MASK))
}

/// The number format of the graph: as configured, or the best one for this base.
pub(crate) fn format(settings: &Settings, config: &gemma::Config) -> GraphFormat {
    match settings.student.format {
        FormatSetting::Auto => student::best_format(config),
        FormatSetting::F32 => GraphFormat::F32,
        FormatSetting::I8b32 => GraphFormat::I8Block,
        FormatSetting::I8packed => GraphFormat::I8Packed,
        FormatSetting::I4packed => GraphFormat::I4Packed,
    }
}

/// How the student is opened for serving.
pub(crate) fn config(settings: &Settings, graph: &Path) -> Result<StudentConfig, String> {
    let student = &settings.student;
    Ok(StudentConfig {
        graph: graph.join(gemma::GRAPH_FILE),
        base: student.base.clone(),
        rows: student.rows,
        queue: student.queue,
        threads: student.threads,
        context: student.context,
        prefix_bytes: student.prefix_cache_mb << 20,
        draft_tokens: student.draft_tokens,
        shortlist: student.shortlist,
        kernel: kernel()?,
    })
}

/// The part of every site's evidence that depends on the teacher and on how answers are compared, by name.
///
/// # Errors
/// When the encoder cannot be read.
pub(crate) fn basis(settings: &Settings, teacher: &teacher::Endpoint) -> std::io::Result<BTreeMap<String, String>> {
    let mut basis = BTreeMap::from([("teacher".to_owned(), teacher.base_url())]);
    let judge = settings.judge.settings();
    if judge.enabled() {
        let by = settings.judge.base_url.as_deref().unwrap_or("teacher");
        basis.insert("judge".to_owned(), format!("{} at {by}, prompts {}", judge.model, judge::prompt_version()));
    }
    let similarity = match &settings.similarity.encoder {
        Some(folder) => format!("encoder {}", encoder_identity(folder)?),
        None => "rouge-l".to_owned(),
    };
    basis.insert("similarity".to_owned(), similarity);
    Ok(basis)
}

/// Tells one encoder from another.
fn encoder_identity(folder: &Path) -> std::io::Result<String> {
    let hash = blake3::hash(&std::fs::read(folder.join(gemma::GRAPH_FILE))?);
    Ok(hash.to_hex().chars().take(12).collect())
}

/// Parts of a weight file that are looked at, evenly spread, and their length.
const SAMPLES: u64 = 64;
const SAMPLE_BYTES: u64 = 64 << 10;

/// Tells one base from another without reading gigabytes: its configuration, its tokenizer, and of its weight files
/// the names, the lengths and evenly spread samples. A fine-tuned copy differs everywhere, so a sample shows it.
pub(crate) fn base_identity(base: &Path) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    for name in ["config.json", "tokenizer.json"] {
        hasher.update(&std::fs::read(base.join(name))?);
    }
    let mut weights = Vec::new();
    for entry in std::fs::read_dir(base)? {
        let path = entry?.path();
        weights.extend(path.extension().is_some_and(|extension| extension == "safetensors").then_some(path));
    }
    weights.sort();
    for path in weights {
        let mut file = std::fs::File::open(&path)?;
        let length = file.metadata()?.len();
        hasher.update(path.file_name().unwrap_or_default().as_encoded_bytes()).update(&length.to_le_bytes());
        for sample in 0..SAMPLES {
            file.seek(SeekFrom::Start(length / SAMPLES * sample))?;
            let mut bytes = Vec::new();
            (&mut file).take(SAMPLE_BYTES).read_to_end(&mut bytes)?;
            hasher.update(&bytes);
        }
    }
    Ok(hasher.finalize().to_hex().chars().take(12).collect())
}
