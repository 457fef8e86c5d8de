//! What `init` wants to know: each question with its default and what is wrong with an answer, and the two ways through them. Who answers, and
//! where questions are shown, is the caller's.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use crate::app;
use crate::settings::Settings;
use crate::settings::reference;

/// What says that there is no base.
const NONE: &str = "none";
/// How keys of vendors begin; the configuration takes the name of a variable.
const KEYS_BEGIN: [&str; 3] = ["sk-", "sk_", "Bearer"];

/// A value to put into the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    pub(super) section: &'static str,
    pub(super) key: &'static str,
    pub(super) value: toml::Value,
}

/// One question.
pub(super) struct Question {
    pub(super) flag: &'static str,
    section: &'static str,
    key: &'static str,
    words: &'static str,
    /// The values that an answer means, or what is wrong with it.
    read: fn(&Self, &str) -> Result<Vec<Value>, String>,
}

/// All of them, the teacher's address and model as one.
const QUESTIONS: [Question; 6] = [
    Question {
        flag: "teacher",
        section: "teacher",
        key: "base_url",
        words: "1. The teacher's address, any OpenAI-compatible base URL",
        read: |question, answer| {
            teacher::Endpoint::new(answer, None, None).map_err(|error| error.to_string())?;
            Ok(question.is(answer))
        },
    },
    Question {
        flag: "model",
        section: "generate",
        key: "model",
        words: "   and its model, for what is asked beside the clients' own requests",
        read: |question, answer| {
            let is_name =
                !answer.is_empty() && !answer.contains(|letter: char| letter.is_control() || letter.is_whitespace());
            if is_name { Ok(question.is(answer)) } else { Err("a model's name has no spaces".to_owned()) }
        },
    },
    Question {
        flag: "key-env",
        section: "teacher",
        key: "key_env",
        words: "2. The environment variable that holds the teacher's key: its name, never the key",
        read: |question, answer| if_variable(answer).map(|()| question.is(answer)),
    },
    Question {
        flag: "distillable",
        section: "teacher",
        key: "distillable",
        words: "3. Do the teacher's terms allow a model to be trained on its answers? yes, no, or unknown until you have read them; only yes lets it learn",
        read: |question, answer| match answer {
            "yes" | "no" | "unknown" => Ok(question.is(answer)),
            _ => Err("answer yes, no or unknown".to_owned()),
        },
    },
    Question {
        flag: "base",
        section: "student",
        key: "base",
        words: "4. The folder of the base model, Gemma 3 in Hugging Face's layout; `none` passes requests on and keeps them only",
        read: base,
    },
    Question {
        flag: "listen",
        section: "proxy",
        key: "listen",
        words: "5. The address to listen on; 127.0.0.1 is for this machine alone",
        read: |question, answer| {
            let address: SocketAddr =
                answer.parse().map_err(|_| format!("`{answer}` is no address with a port, such as 127.0.0.1:8080"))?;
            if address == Settings::default().admin.listen {
                return Err(format!("{address} is the admin listener's: choose another port"));
            }
            Ok(question.is(answer))
        },
    },
];

impl Question {
    fn is(&self, answer: &str) -> Vec<Value> {
        vec![Value { section: self.section, key: self.key, value: answer.into() }]
    }

    fn default(&self) -> Result<String, app::Error> {
        let table = Settings::default().table()?;
        let name = format!("{}.{}", self.section, self.key);
        let value = reference::value(&table, &name).and_then(toml::Value::as_str).unwrap_or_default();
        // A base that nobody has put there yet is none.
        let missing = self.key == "base" && !Path::new(value).is_dir();
        Ok(if missing { NONE.to_owned() } else { value.to_owned() })
    }
}

/// Nobody is asked: what `given` says, else the defaults.
///
/// # Errors
/// What is wrong with the first answer that will not do, with its flag.
pub(super) fn taken(given: impl Fn(&Question) -> Option<String>) -> Result<Vec<Value>, app::Error> {
    let mut values = Vec::new();
    for question in &QUESTIONS {
        values.extend(match of(question, given(question))? {
            Some(known) => known,
            None => (question.read)(question, &question.default()?)?,
        });
    }
    Ok(values)
}

/// Asks what `given` does not say, each again until the answer will do.
///
/// # Errors
/// As [`taken`]; and where nobody answers any more.
pub(super) fn answered(
    given: impl Fn(&Question) -> Option<String>,
    ask: &mut dyn FnMut(&str) -> io::Result<Option<String>>,
    say: &mut dyn FnMut(&str) -> io::Result<()>,
) -> Result<Vec<Value>, app::Error> {
    let mut values = Vec::new();
    for question in &QUESTIONS {
        if let Some(known) = of(question, given(question))? {
            values.extend(known);
            continue;
        }
        let default = question.default()?;
        values.extend(loop {
            let answer = ask(&format!("{}\n   [{default}] ", question.words))?;
            let answer = answer.ok_or("nothing was written: the questions were not all answered; `--yes` asks none")?;
            let answer = if answer.is_empty() { default.clone() } else { answer };
            match (question.read)(question, &answer) {
                Ok(values) => break values,
                Err(problem) => say(&format!("   {problem}"))?,
            }
        });
    }
    Ok(values)
}

/// The values of an answer from the command line.
fn of(question: &Question, answer: Option<String>) -> Result<Option<Vec<Value>>, String> {
    let read = |answer: String| (question.read)(question, answer.trim());
    answer.map(read).transpose().map_err(|problem| format!("--{}: {problem}", question.flag))
}

/// What is typed here may be the key itself: it is not repeated.
fn if_variable(answer: &str) -> Result<(), String> {
    if KEYS_BEGIN.iter().any(|begin| answer.starts_with(begin)) {
        return Err("that looks like a key: give the name of the variable that holds it, such as OPENAI_API_KEY; keys never enter the file".to_owned());
    }
    let is_name = !answer.is_empty() && answer.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if is_name && !answer.starts_with(|letter: char| letter.is_ascii_digit()) {
        return Ok(());
    }
    Err("a variable's name has letters, digits and `_`, such as OPENAI_API_KEY".to_owned())
}

/// The base, and what follows from it: whether there is a student, and how much it reads.
fn base(question: &Question, answer: &str) -> Result<Vec<Value>, String> {
    let student = |key, value| Value { section: "student", key, value };
    if answer == NONE {
        return Ok(vec![student("enabled", false.into())]);
    }
    let mut settings = Settings::default();
    settings.student.base = answer.into();
    let mut values = question.is(answer);
    if let Ok(config) = gemma::Config::load(&settings.student.base) {
        let positions = export::positions(&config);
        if positions < settings.student.context {
            settings.student.context = positions;
            values.push(student("context", i64::try_from(positions).unwrap_or(i64::MAX).into()));
        }
    }
    app::base(&settings).map(|_| values)
}
