//! What the program is made of: the teacher, the configuration in force, the runs that made training data.

use admin::{FunnelStep, GeneratedRun, PriceView, QuotaView, SettingView, TeacherFinding, TeacherResponse};
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use crate::session::Signed;
use crate::{Page, layout, words};

pub(crate) async fn teacher(State(page): State<Page>, Extension(signed): Extension<Signed>) -> Response {
    let teacher = page.admin.teacher();
    let main = html! {
        h1 data-live { "Teacher" }
        p { (circuit(&teacher)) }
        dl.facts {
            div { dt { "address" } dd { bdi { (teacher.base_url) } } }
            div { dt { "key" } dd { (teacher.key) } }
            div { dt { "may be learnt from" } dd { (teacher.distillable) } }
            @for (purpose, usd) in &teacher.spent_usd { div { dt { "paid for " (purpose) } dd { (words::dollars(*usd)) } } }
        }
        p.muted { "Counted since " (words::time(teacher.since_ms)) " (UTC), when the program began." }
        p { a href="/teacher/check" { "Ask it now" } ": whether it is there, takes the key, has the models that are asked for, and until when." }
        @if let Some(quota) = &teacher.quota { section { h2 { "How much it still lets be asked" } (limits(quota)) } }
        section { h2 { "Models that were asked for" } (models(&teacher)) }
        section { h2 { "What went wrong" } (errors(&teacher)) }
    };
    layout::view(&signed, "/teacher", "Teacher", main)
}

/// What the teacher says when it is asked; once, so not live.
pub(crate) async fn teacher_check(State(page): State<Page>, Extension(signed): Extension<Signed>) -> Response {
    let found = page.admin.check_teacher().await;
    let main = html! {
        h1 { "Teacher, asked now" }
        (findings(&found))
        p { a href="/teacher" { "Back to the teacher" } }
    };
    layout::view(&signed, "/teacher", "Teacher, asked now", main)
}

fn findings(found: &[TeacherFinding]) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label="Table" { table {
            thead { tr { th { "" } th { "What" } th { "Found" } th { "To do" } } }
            tbody { @for one in found { tr {
                td { (one.state) }
                td { (one.name) }
                td.text { bdi { (one.said) } }
                td.text { bdi { (one.todo) } }
            } } }
        } }
    }
}

fn limits(quota: &QuotaView) -> Markup {
    let limits = [("requests", &quota.requests), ("tokens", &quota.tokens)];
    html! {
        div.wide tabindex="0" role="region" aria-label="Table" { table {
            thead { tr { th { "Of" } th { "Left" } th { "Limit" } th { "Whole again in" } } }
            tbody { @for (what, limit) in limits { @if let Some(limit) = limit { tr {
                td { (what) }
                td { (limit.remaining) }
                td { (limit.limit) }
                td { bdi { (limit.reset.as_deref().unwrap_or("-")) } }
            } } } }
        } }
        p.muted { "By its own count, as its last answer said " (quota.age_s) " s ago, for the key of that request." }
    }
}

fn circuit(teacher: &TeacherResponse) -> &'static str {
    match teacher.circuit {
        "closed" => "It is asked.",
        "open" => {
            "It is not asked for a while: several requests in a row got no answer. Clients hear 503 at once; students answer what they can."
        }
        _ => "One request tries whether it answers again.",
    }
}

fn models(teacher: &TeacherResponse) -> Markup {
    let usd = |price: &Option<PriceView>, of: fn(&PriceView) -> f64| {
        price.as_ref().map_or_else(|| "not known".to_owned(), |price| format!("${}", of(price)))
    };
    html! {
        @if teacher.models.is_empty() { p { "None yet." } }
        @else {
            div.wide tabindex="0" role="region" aria-label="Table" { table {
                thead { tr { th { "Model" } th { "A million tokens in" } th { "out" } th { "Price since" } } }
                tbody { @for (model, price) in &teacher.models { tr {
                    td { bdi { (model) } }
                    td { (usd(price, |price| price.input_usd)) }
                    td { (usd(price, |price| price.output_usd)) }
                    td { (price.as_ref().and_then(|price| price.since.as_deref()).unwrap_or("-")) }
                } } }
            } }
        }
    }
}

fn errors(teacher: &TeacherResponse) -> Markup {
    html! {
        @if teacher.errors.is_empty() { p { "Nothing: it answered every chat request well." } }
        @else {
            div.wide tabindex="0" role="region" aria-label="Table" { table {
                thead { tr { th { "What" } th { "Requests" } } }
                tbody { @for (what, count) in &teacher.errors { tr { td { (what) } td { (count) } } } }
            } }
            p.muted { "What each means stands in docs/reference/metrics.md under " code { "apprentice_teacher_errors_total" } "." }
        }
    }
}

pub(crate) async fn configuration(State(page): State<Page>, Extension(signed): Extension<Signed>) -> Response {
    let settings = match page.admin.configuration().await {
        Ok(settings) => settings,
        Err(problem) => return layout::problem(Some(&signed), problem.status, &problem.message),
    };
    let (said, rest): (Vec<&SettingView>, Vec<&SettingView>) =
        settings.iter().partition(|setting| setting.source != "default");
    let main = html! {
        h1 { "Configuration" }
        p { "What is in force. A changed file is read again by " code { "apprentice reload" } "; what that does not take up waits for a restart." }
        section { h2 { "Said by the file, the environment or the program" } (settings_table(&said)) }
        section { h2 { "Defaults" } (settings_table(&rest)) }
    };
    layout::view(&signed, "/configuration", "Configuration", main)
}

fn settings_table(settings: &[&SettingView]) -> Markup {
    html! {
        @if settings.is_empty() { p { "Nothing." } }
        @else {
            div.wide tabindex="0" role="region" aria-label="Table" { table {
                thead { tr { th { "Key" } th { "Value" } th { "From" } th { "Meaning" } } }
                tbody { @for setting in settings { tr {
                    td { code { (setting.key) } }
                    td.text { bdi { (setting.value) } }
                    td { (setting.source) }
                    td.text { (setting.meaning) }
                } } }
            } }
        }
    }
}

pub(crate) async fn generated(State(page): State<Page>, Extension(signed): Extension<Signed>) -> Response {
    let runs = match page.admin.generated().await {
        Ok(runs) => runs,
        Err(problem) => return layout::problem(Some(&signed), problem.status, &problem.message),
    };
    let main = html! {
        h1 { "Generated data" }
        @if runs.is_empty() {
            p { "No run of " code { "apprentice generate" } " lies below the data folder. A call site with little traffic can learn from data that is made for it: " code { "apprentice generate bootstrap --dry-run" } " says what that costs." }
        }
        @for run in &runs { (run_card(run)) }
    };
    layout::view(&signed, "/generated", "Generated data", main)
}

fn run_card(run: &GeneratedRun) -> Markup {
    html! {
        section.card {
            h2 { bdi { (run.name) } }
            p.muted { (run.maker) ", " (words::time(run.ended_at_ms)) " (UTC), " (words::dollars(run.spent_usd)) }
            @if let Some(ended) = &run.ended { p.problem { "It stopped before its end: " (ended) } }
            p { (run.kept) " kept, " (run.dropped) " dropped." }
            div.wide tabindex="0" role="region" aria-label="Table" { table {
                thead { tr { th { "Step" } th { "Came" } th { "Left" } th { "Dropped, by reason" } } }
                tbody { @for step in &run.funnel { (funnel_row(step)) } }
            } }
        }
    }
}

fn funnel_row(step: &FunnelStep) -> Markup {
    let reasons: Vec<String> = step.dropped.iter().map(|(reason, count)| format!("{reason} ({count})")).collect();
    html! {
        tr {
            td { (step.name) }
            td { (step.came) }
            td { (step.left) progress value=(step.left) max=(step.came.max(1)) aria-label=(format!("{} of {} left", step.left, step.came)) {} }
            td.text { bdi { (reasons.join(", ")) } }
        }
    }
}
