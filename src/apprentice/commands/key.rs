//! `apprentice key`: a key of the proxy's own, shown once; what is configured is its hash.

use std::process::ExitCode;

use callsite::SiteId;

use crate::app::secrets;
use crate::cli::NewKey;
use crate::output::print_line;
use crate::{Outcome, settings};

/// Makes a key and says what to put into the configuration.
pub(crate) fn key(new: &NewKey) -> Outcome {
    let NewKey { name, site, requests_per_minute, tokens_per_day } = new;
    // A name that cannot name a site would not be a bare key of TOML either.
    SiteId::new(name).map_err(|_| format!("`{name}` cannot name a key: use letters, digits, `_` and `-`"))?;
    let site = site.as_deref().map(SiteId::new).transpose()?;
    let random = secrets::random_hex::<24>()?;
    // Some clients refuse a key that does not begin like OpenAI's.
    let key = format!("sk-ap-{name}-{random}");
    let entry = settings::sections::ProxyKey {
        hash: blake3::hash(key.as_bytes()).to_hex().to_string(),
        site: site.map(|site| site.to_string()),
        requests_per_minute: *requests_per_minute,
        tokens_per_day: *tokens_per_day,
    };
    print_line(&format!("The key, which is not shown again:\n\n{key}\n\nFor the configuration:\n"))?;
    print_line(&format!("[keys.\"{name}\"]\n{}", toml::to_string(&entry)?.trim_end()))?;
    Ok(ExitCode::SUCCESS)
}
