//! Who may ask at all, before anything is looked at: whoever reaches the port spends the operator's key.
//!
//! Refused are foreign host names (a page that rebinds its name), pages of other sites (which browsers let send plain posts), paths that
//! climb out of the teacher's base URL, and tunnels. Programs send no `Origin`; for them nothing changes.

use http::{Method, Request, header};
use net::OwnHosts;
use wire::error::ApiError;

/// What the operator allows besides.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// Names by which the proxy may be reached.
    pub hosts: OwnHosts,
    /// Origins of web pages that may ask, such as `https://tools.studio.example`.
    pub origins: Vec<String>,
}

impl Guard {
    /// # Errors
    /// What is refused, and what would allow it.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), ApiError> {
        if request.method() == Method::CONNECT {
            let refused = ApiError::invalid("method_not_allowed", "the proxy makes no tunnels: ask for /v1/... paths");
            return Err(ApiError { status: 405, ..refused });
        }
        if climbs(request.uri().path()) {
            return Err(ApiError::invalid("bad_path", "a path must not hold the segments `.` and `..`"));
        }
        let said = |name: &str| request.headers().get_all(name).iter().map(|value| value.to_str().unwrap_or_default());
        // A whole URL in the request line goes before the header.
        if let Some(host) =
            request.uri().host().into_iter().chain(said(header::HOST.as_str())).find(|host| !self.hosts.admits(host))
        {
            let message =
                format!("`{host}` is no name of this proxy: reach it by its address, or add the name to proxy.hosts");
            return Err(ApiError { status: 421, ..ApiError::invalid("wrong_host", message) });
        }
        let mut origins = said(header::ORIGIN.as_str()).peekable();
        let foreign = match origins.peek() {
            // A picture or a link of a page sends none.
            None => said("sec-fetch-site").find(|site| matches!(*site, "cross-site" | "same-site")),
            Some(_) => origins.find(|origin| !self.is_own(origin)),
        };
        match foreign {
            None => Ok(()),
            Some(foreign) => {
                let message = format!("a web page ({foreign}) may not use this proxy: add its origin to proxy.origins");
                Err(ApiError { status: 403, ..ApiError::invalid("foreign_origin", message) })
            }
        }
    }

    /// Whether a page of `origin` may ask: one that the operator names, or one of this machine.
    fn is_own(&self, origin: &str) -> bool {
        let of_here = origin.split_once("://").is_some_and(|(scheme, host)| {
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            matches!(scheme, "http" | "https") && matches!(name, "localhost" | "127.0.0.1" | "[::1]")
        });
        of_here || self.origins.iter().any(|own| own.eq_ignore_ascii_case(origin))
    }
}

/// Whether a segment of `path` is `.` or `..`, however it is written.
fn climbs(path: &str) -> bool {
    // Nearly every path: nothing in it could become a dot.
    if !path.bytes().any(|byte| matches!(byte, b'.' | b'%' | b'\\')) {
        return false;
    }
    let plain =
        path.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/").replace('\\', "/");
    plain.split('/').any(|segment| matches!(segment, "." | ".."))
}
