//! `apprentice dataset`: sets from files, other forms, and the way of examples into and out of the exchange log.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use callsite::SiteId;
use capture::{Exchange, Source};
use curriculum::{AssembleSettings, Grouping, SetLineage};
use dataset::{Answered, Form, Record, RefusedLine};
use generate::exchange;
use serde_json::Map;

use super::exchange_log;
use crate::cli::AdminAccess;
use crate::cli::dataset::{Build, Dataset, Filters, GroupBy};
use crate::output::{eprint_line, print_line};
use crate::settings::Settings;
use crate::{Outcome, app};

/// Refused lines that are told.
const REFUSED_TOLD: usize = 10;

/// Runs one of them.
pub(crate) fn dataset(what: &Dataset) -> Outcome {
    match what {
        Dataset::Build(Build { files, from, filters }) => build(files, *from, filters),
        Dataset::Convert { file, to, out, from } => convert(file, *from, *to, out),
        Dataset::Import { file, site, from, config, access } => {
            app::runtime()?.block_on(import(file, *from, site, config, access))
        }
        Dataset::Export { site, to, out, config } => export(site, *to, out, config),
    }
}

/// Puts `files` together and says what was left out.
pub(crate) fn build(files: &[PathBuf], form: Option<Form>, filters: &Filters) -> Outcome {
    let settings = AssembleSettings {
        near_duplicate_min: filters.near_duplicate_min,
        contaminated_min: filters.contaminated_min,
        against: filters.against.clone(),
        held_out_share: filters.held_out_share,
        grouping: match filters.group_by {
            GroupBy::Prompt => Grouping::Prompt,
            GroupBy::Template => Grouping::Template,
            GroupBy::User => Grouping::User,
        },
        stratum_share_max: filters.stratum_share_max,
    };
    if !(0.0..1.0).contains(&settings.held_out_share) {
        return Err(format!("--held-out-share {} must be at least 0 and below 1", settings.held_out_share).into());
    }
    let files: Vec<(PathBuf, Option<Form>)> = files.iter().map(|file| (file.clone(), form)).collect();
    let (folder, lineage) = curriculum::assemble(&files, &settings, &filters.out)?;
    let SetLineage { records, train, held_out, left_out, inputs, .. } = &lineage;
    for input in inputs.iter().filter(|input| input.refused > 0) {
        let (file, refused) = (input.file.display(), input.refused);
        eprint_line(&format!("{file}: {refused} lines refused, the first: {}", input.refused_lines.join("; ")));
    }
    let reasons: Vec<String> = left_out.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    print_line(&format!(
        "{records} records: {train} to train on, {held_out} held out; left out: {}",
        reasons.join(", ")
    ))?;
    print_line(&folder.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn convert(file: &Path, from: Option<Form>, to: Form, out: &Path) -> Outcome {
    let (records, refused) = dataset::read_records(file, from)?;
    told(file, &refused);
    dataset::write_records(out, to, &records)?;
    print_line(&format!("{} records, {} lines refused", records.len(), refused.len()))?;
    Ok(if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn import(file: &Path, from: Option<Form>, site: &str, config: &Path, access: &AdminAccess) -> Outcome {
    let (settings, site) = (Settings::load(config)?, SiteId::new(site)?);
    let (records, refused) = dataset::read_records(file, from)?;
    told(file, &refused);
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let example = |(at, record): (usize, &Record)| {
        let example = record.to_learn()?;
        let (distillable, now_ms) = (settings.teacher.distillable, app::now_ms());
        let id = format!("{name}:{}", at + 1);
        let source = Source::Imported(name.clone());
        exchange::made(
            &exchange::Made { id: &id, model: "imported", messages: &example.messages, source },
            &site,
            distillable,
            now_ms,
        )
    };
    let exchanges: Vec<Exchange> = records.iter().enumerate().filter_map(example).collect();
    exchange_log::add(&settings, access, &site, &exchanges).await?;
    print_line(&format!("{site}: {} exchanges, {} lines refused", exchanges.len(), refused.len()))?;
    Ok(if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn export(site: &str, to: Form, out: &Path, config: &Path) -> Outcome {
    let (settings, site) = (Settings::load(config)?, SiteId::new(site)?);
    let log = app::exchange_log(&settings, &settings.data.dir)?;
    let folder = tempfile::tempdir()?;
    let (examples_max, held_out_max) = (usize::MAX, usize::MAX);
    let everything = curriculum::DatasetSettings { examples_max, held_out_max, ..settings.lessons.dataset };
    let lineage = curriculum::build(&log, &site, None, everything, folder.path())?;
    let mut records = Vec::new();
    for file in [curriculum::TRAIN_FILE, curriculum::HELD_OUT_FILE] {
        for example in dataset::read_chat(&folder.path().join(file))? {
            let Some((asked, answer)) = example.split() else { continue };
            let extra = Map::from_iter([("site".to_owned(), site.to_string().into())]);
            records.push(Record { asked, answer: Answered::One(answer.text.clone()), extra });
        }
    }
    dataset::write_records(out, to, &records)?;
    print_line(&format!("{} records; left out: {:?}", records.len(), lineage.left_out))?;
    Ok(ExitCode::SUCCESS)
}

fn told(file: &Path, refused: &[RefusedLine]) {
    for RefusedLine { line, problem } in refused.iter().take(REFUSED_TOLD) {
        eprint_line(&format!("{} line {line}: {problem}", file.display()));
    }
    if refused.len() > REFUSED_TOLD {
        eprint_line(&format!("and {} lines more", refused.len() - REFUSED_TOLD));
    }
}
