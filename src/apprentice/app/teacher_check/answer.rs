//! Judges what the teacher answered to the question for its models. No I/O, no clock.

use serde_json::Value;
use toml::value::Datetime;

use crate::finding::Finding;
use crate::settings::nearest;

/// What is said of the teacher's address.
const NAME: &str = "teacher's answer";
/// Of its models.
const MODELS: &str = "teacher's models";
/// Where a list of models says when one is switched off: a day, or seconds of Unix time.
const END_KEYS: [&str; 2] = ["shutdown_date", "retirement_date"];
/// Days before a model's end at which it is said.
const END_DAYS: u64 = 90;
/// Characters of a refusal that are shown.
const SHOWN_CHARS: usize = 200;
const DAY_S: u64 = 86_400;

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Its `Date`, seconds of Unix time.
    pub(crate) date_s: Option<u64>,
    pub(crate) body: Vec<u8>,
}

/// The environment variable with the teacher's key.
#[derive(Clone, Copy)]
pub(super) struct Key<'a> {
    pub(super) variable: &'a str,
    pub(super) is_set: bool,
}

/// A model that is asked for.
pub(super) struct Wanted<'a> {
    /// The key that names it; absent where clients do.
    pub(super) key: Option<&'static str>,
    pub(super) model: &'a str,
}

impl Wanted<'_> {
    fn by(&self) -> &'static str {
        self.key.unwrap_or("by clients")
    }

    /// How to have another asked for.
    fn change(&self, to: &str) -> String {
        match self.key {
            Some(key) => format!("set {key} to {to}"),
            None => format!("have clients ask for {to}"),
        }
    }
}

/// What there is to say of the teacher, or why it said nothing; `today` is a day since 1970.
pub(super) fn judge(answer: Result<&Answer, &String>, key: Key<'_>, wanted: &[Wanted<'_>], today: u64) -> Vec<Finding> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(problem) => return vec![Finding::fail(NAME, problem.as_str(), unreachable(problem))],
    };
    let (variable, status) = (key.variable, answer.status);
    let first = match (status, key.is_set) {
        (200, _) => return models(answer, wanted, today),
        (401 | 403, true) => Finding::fail(
            NAME,
            format!("the key in ${variable} is refused ({status}): {}", refusal(answer)),
            format!("put a key into {variable} that is this teacher's, or correct teacher.base_url or teacher.key_env"),
        ),
        (401 | 403, false) => Finding::warn(
            NAME,
            format!("it wants a key ({status}), and ${variable} is not set"),
            format!(
                "set {variable}, or let every client send its own: judges, `generate` and found call sites' repeats need one"
            ),
        ),
        (404 | 405, _) => Finding::warn(
            NAME,
            format!("reached, but it lists no models (GET /v1/models: {status})"),
            "see that teacher.base_url ends where /chat/completions begins, mostly in /v1; some servers have no list",
        ),
        _ => Finding::warn(
            NAME,
            format!("it answers {status}: {}", refusal(answer)),
            "try again later, or look at its side",
        ),
    };
    vec![first]
}

/// What is to be done where no answer came, by the step that failed.
fn unreachable(problem: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| problem.contains(word));
    if says(&["dns error", "failed to lookup"]) {
        "correct the host in teacher.base_url, or look at this machine's name server"
    } else if says(&["certificate", "UnknownIssuer"]) {
        "name its authority's certificates in teacher.ca_file, or have this machine trust them"
    } else if says(&["refused"]) {
        "start the teacher, or correct the port in teacher.base_url"
    } else {
        "correct teacher.base_url, or look at the network, its proxy and its firewall"
    }
}

/// What an error's body says.
fn refusal(answer: &Answer) -> String {
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let message = json.as_ref().and_then(|json| json["error"]["message"].as_str());
    let text = message.map_or_else(|| String::from_utf8_lossy(&answer.body).into_owned(), str::to_owned);
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() { "no reason given".to_owned() } else { words.chars().take(SHOWN_CHARS).collect() }
}

fn models(answer: &Answer, wanted: &[Wanted<'_>], today: u64) -> Vec<Finding> {
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let Some(list) = body.as_ref().and_then(|body| body["data"].as_array()) else {
        let todo = "correct teacher.base_url: what answers there is no OpenAI-compatible API";
        return vec![Finding::warn(NAME, "reached, but its list of models cannot be read", todo)];
    };
    let mut found = vec![Finding::ok(NAME, format!("reached; {} models", list.len()))];
    found.extend(wanted.iter().map(|wanted| model(wanted, list, today)));
    found
}

fn model(wanted: &Wanted<'_>, list: &[Value], today: u64) -> Finding {
    let (model, by) = (wanted.model, wanted.by());
    let ids = || list.iter().filter_map(|entry| entry["id"].as_str());
    let Some(entry) = list.iter().find(|entry| entry["id"].as_str() == Some(model)) else {
        let change = wanted.change("a model that it has");
        let todo = match nearest(model, ids()) {
            Some(near) => format!("did you mean `{near}`? else {change}"),
            None => change,
        };
        return Finding::warn(MODELS, format!("`{model}` ({by}) is none of them"), todo);
    };
    let end = END_KEYS.iter().find_map(|key| Some((day(&entry[*key])?, entry[*key].to_string())));
    let replace = format!("{}: the students that learnt from it stay", wanted.change("what follows it"));
    match end {
        Some((end, date)) if end <= today => {
            Finding::fail(MODELS, format!("`{model}` ({by}) was switched off on {date}"), replace)
        }
        Some((end, date)) if end - today <= END_DAYS => {
            Finding::warn(MODELS, format!("`{model}` ({by}) ends on {date}, in {} days", end - today), replace)
        }
        Some((_, date)) => Finding::ok(MODELS, format!("`{model}` ({by}) is there until {date}")),
        None => Finding::ok(MODELS, format!("`{model}` ({by}) is there")),
    }
}

/// Days since 1970 of a day, a time, or seconds of Unix time.
fn day(value: &Value) -> Option<u64> {
    if let Some(seconds) = value.as_u64() {
        return Some(seconds / DAY_S);
    }
    let date: Datetime = value.as_str()?.get(.."2026-12-31".len())?.parse().ok()?;
    date.date.map(teacher::day)
}

#[cfg(test)]
mod tests;
