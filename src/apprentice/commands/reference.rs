//! `apprentice reference`: the reference documents, made from the code (`make reference` writes them).

use std::process::ExitCode;

use gateway::Reason;

use crate::Outcome;
use crate::cli::Reference;
use crate::output::print_line;
use crate::settings::reference;

/// Prints one document.
pub(crate) fn reference(what: Reference) -> Outcome {
    let text = match what {
        Reference::Configuration => reference::markdown()?,
        Reference::Metrics => metrics(),
        Reference::Reasons => reasons(),
    };
    print_line(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// `docs/reference/metrics.md`.
pub(crate) fn metrics() -> String {
    let mut text = String::from(
        "# Metrics\n\nMade by `apprentice reference metrics`; a test holds it against the code. \
         Names and labels are a contract.\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n",
    );
    for row in telemetry::REFERENCE {
        let labels = row.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" ");
        text.push_str(&format!("| `{}` | {} | {labels} | {} |\n", row.full_name(), row.kind, row.help));
    }
    text
}

/// `docs/reference/reasons.md`.
pub(crate) fn reasons() -> String {
    let mut text = String::from(
        "# Reasons\n\nMade by `apprentice reference reasons`; a test holds it against the code. The header \
         `x-apprentice-reason` and the label\n`reason` of `apprentice_routed_total` say why a chat request went where it \
         went.\n\n| header | label | meaning |\n|---|---|---|\n",
    );
    for (reason, meaning) in Reason::reference() {
        text.push_str(&format!("| `{reason}` | `{}` | {meaning} |\n", reason.label()));
    }
    text
}
