//! By which names a listener may be reached. A web page can point a name of its own at our address (DNS rebinding); its requests carry
//! that name.

use std::net::IpAddr;

/// Addresses, `localhost`, names without a dot (containers, hosts of one network), and the names that an operator gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnHosts(Vec<String>);

impl OwnHosts {
    #[must_use]
    pub fn new(names: &[String]) -> Self {
        Self(names.iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Whether `host`, as the header `Host` or a URL says it, with or without a port, is one of them.
    #[must_use]
    pub fn admits(&self, host: &str) -> bool {
        let Some(name) = name_of(host) else { return false };
        name.parse::<IpAddr>().is_ok() || !name.contains('.') || self.0.contains(&name)
    }
}

/// The name in `name:port` or `[address]:port`; `None` when it is neither.
fn name_of(host: &str) -> Option<String> {
    let is_port = |port: &str| port.bytes().all(|digit| digit.is_ascii_digit());
    let (name, port) = match host.strip_prefix('[') {
        Some(bracketed) => {
            let (name, rest) = bracketed.split_once(']')?;
            (name, if rest.is_empty() { "" } else { rest.strip_prefix(':')? })
        }
        None => host.split_once(':').unwrap_or((host, "")),
    };
    // A name may end with the root's dot.
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    (is_port(port) && !name.is_empty()).then_some(name)
}
