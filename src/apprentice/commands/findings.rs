//! What a configuration and the files that it names show by themselves: `check` says that, `doctor` begins with it. Changes nothing.

use capture::Distillable;
use jobs::Backend;

use crate::app;
use crate::finding::Finding;
use crate::settings::Settings;

/// Of the teacher's part: what takes no time to look at.
pub(crate) fn of_teacher(settings: &Settings) -> Vec<Finding> {
    let teacher = &settings.teacher;
    let address = app::teacher(settings).map(|_| teacher.base_url.clone()).map_err(|error| error.to_string());
    let listed = app::prices(settings).map(|_| prices(settings)).map_err(|error| error.to_string());
    let terms = match teacher.distillable {
        Distillable::Yes => Finding::ok("terms", "the teacher's answers may be learnt from"),
        Distillable::No => Finding::warn(
            "terms",
            "teacher.distillable is no, nothing is learnt",
            "nothing, if that is meant; else choose a teacher whose terms allow it",
        ),
        Distillable::Unknown => Finding::warn(
            "terms",
            "teacher.distillable is unknown: exchanges are kept, nothing is learnt from them",
            "read the teacher's terms, then set teacher.distillable to \"yes\" or \"no\"",
        ),
    };
    vec![
        Finding::of("teacher", address, "correct [teacher] base_url or ca_file, or the key's variable"),
        Finding::of("prices", listed, "correct teacher.price_file"),
        terms,
    ]
}

/// Of the student's base. Reads a tokenizer, which takes a second.
pub(crate) fn of_base(settings: &Settings) -> Vec<Finding> {
    let (student, mut found) = (&settings.student, Vec::new());
    let is_local = student.backend == Backend::Local;
    if student.enabled && !is_local {
        let (backend, server) = (student.backend.name(), &student.remote);
        found.push(Finding::ok("student's server", format!("{backend}, {} at {}", server.model, server.url)));
    }
    if student.enabled && (is_local || settings.learns()) {
        let base = app::base(settings);
        let said = base.as_ref().map(|config| format!("{} parameters", config.parameters())).map_err(Clone::clone);
        found.push(Finding::of("base model", said, "correct student.base"));
        if let (Ok(config), true) = (&base, is_local) {
            let format = app::format(settings, config).name();
            let said = app::kernel()
                .map(|kernel| format!("{format} (student.format), computed by {}", student::kernel_name(kernel)));
            found.push(Finding::of("number format", said, "unset the variable"));
        }
    }
    found
}

/// Of ONNX Runtime, where it is needed.
pub(crate) fn of_library(settings: &Settings) -> Option<Finding> {
    let student = &settings.student;
    let needed = (student.enabled && student.backend == Backend::Local) || settings.similarity.encoder.is_some();
    let library = || app::library(settings).map(|path| path.display().to_string());
    needed.then(|| Finding::of("ONNX Runtime", library(), "`make setup` fetches it"))
}

/// Where the teacher's prices come from.
fn prices(settings: &Settings) -> String {
    match (&settings.teacher.price_file, settings.teacher.input_price) {
        (_, Some(_)) => "one for every model".to_owned(),
        (Some(path), None) => path.display().to_string(),
        (None, None) => "the table that is built in".to_owned(),
    }
}
