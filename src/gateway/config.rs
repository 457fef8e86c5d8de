//! What the data plane is told: the teacher, and each call site's own rules.

use std::path::PathBuf;
use std::sync::Arc;

use capture::Distillable;
use http::{HeaderValue, Uri, uri::Authority, uri::Scheme};
use verify::{Checks, Comparison};
use wire::Sampling;

use crate::GatewayError;

/// The upstream model.
#[derive(Clone)]
pub struct Teacher {
    scheme: Scheme,
    authority: Authority,
    /// Path of the base URL without a closing slash, such as `/v1`.
    prefix: String,
    /// `Bearer ...`, replacing the client's; absent: the client's own is passed on.
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) ca_file: Option<PathBuf>,
    /// Whether its terms allow learning from its answers.
    pub(crate) distillable: Distillable,
}

impl Teacher {
    /// # Errors
    /// When `base_url` is no absolute http(s) URL or the key has characters that a header cannot carry.
    pub fn new(
        base_url: &str,
        key: Option<&str>,
        ca_file: Option<PathBuf>,
        distillable: Distillable,
    ) -> Result<Self, GatewayError> {
        let bad = |problem| GatewayError::TeacherUrl { url: base_url.to_owned(), problem };
        let parts = base_url.parse::<Uri>().map_err(|_| bad("is not a URL"))?.into_parts();
        let scheme = parts.scheme.filter(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
        let scheme = scheme.ok_or_else(|| bad("does not begin with http:// or https://"))?;
        let authority = parts.authority.ok_or_else(|| bad("names no host"))?;
        let prefix = parts.path_and_query.map(|path| path.path().trim_end_matches('/').to_owned()).unwrap_or_default();
        let authorization = key.map(|key| HeaderValue::try_from(format!("Bearer {key}"))).transpose();
        let mut authorization = authorization.map_err(|_| bad("has a key that no header can carry"))?;
        if let Some(value) = &mut authorization {
            value.set_sensitive(true);
        }
        Ok(Self { scheme, authority, prefix, authorization, ca_file, distillable })
    }

    /// The teacher's URL of a client's path `/v1/...` with its query.
    pub(crate) fn url(&self, path: &str, query: Option<&str>) -> Result<Uri, http::Error> {
        let rest = path.strip_prefix("/v1").unwrap_or(path);
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let path = format!("{}{rest}{query}", self.prefix);
        Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone()).path_and_query(path).build()
    }

    /// `scheme://host:port`, for messages.
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }
}

/// One call site's rules.
#[derive(Clone)]
pub struct Site {
    pub checks: Arc<Checks>,
    pub comparison: Comparison,
    pub sampling: Sampling,
    pub max_tokens: u32,
    pub capture: bool,
}

/// The rules of every call site.
pub trait Sites: Send + Sync {
    fn site(&self, name: &str) -> Site;
}
