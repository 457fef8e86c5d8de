//! `apprentice reload`: the admin API's reload from the command line.

use std::process::ExitCode;

use http::Method;
use serde_json::Value;

use crate::cli::AdminAccess;
use crate::commands::admin_client::AdminClient;
use crate::output::print_line;
use crate::{Outcome, app};

/// Has a running proxy read its configuration again and prints what came of it.
pub(crate) fn reload(access: &AdminAccess) -> Outcome {
    let client = AdminClient::new(access)?;
    let answer = app::runtime()?.block_on(client.ask(Method::POST, "/admin/reload", None))?;
    let keys = |name: &str| {
        let keys: Vec<&str> = answer[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") }
    };
    print_line(&format!("read again: {}", answer["path"].as_str().unwrap_or_default()))?;
    print_line(&format!("changed and in force: {}", keys("in_force")))?;
    print_line(&format!("waits for a restart: {}", keys("needs_restart")))?;
    Ok(ExitCode::SUCCESS)
}
