//! Where the teacher is, and with which key it is asked.

use std::path::PathBuf;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

use crate::breaker::Breaker;
use crate::{LastQuota, Resilience, TeacherError};

/// What an address is called where something is said of it, and the keys that change it.
#[derive(Clone, Copy, Debug)]
pub struct Called {
    /// `the teacher`
    pub name: &'static str,
    pub address_key: &'static str,
    pub patience_key: &'static str,
}

const TEACHER: Called =
    Called { name: "the teacher", address_key: "teacher.base_url", patience_key: "teacher.first_byte_s" };

/// The upstream model's address.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) called: Called,
    scheme: Scheme,
    authority: Authority,
    pub(crate) host: HeaderValue,
    /// Path of the base URL without a closing slash, such as `/v1`.
    prefix: String,
    /// `Bearer ...`, replacing the client's; absent: the client's own is passed on.
    pub(crate) authorization: Option<HeaderValue>,
    /// PEM file with the only certificates to trust.
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) resilience: Resilience,
    breaker: Breaker,
    quota: LastQuota,
}

impl Endpoint {
    /// # Errors
    /// When `base_url` is no absolute http(s) URL or the key has characters that a header cannot carry.
    pub fn new(base_url: &str, key: Option<&str>, ca_file: Option<PathBuf>) -> Result<Self, TeacherError> {
        let bad = |problem| TeacherError::BaseUrl { url: base_url.to_owned(), problem };
        let parts = base_url.parse::<Uri>().map_err(|_| bad("is not a URL"))?.into_parts();
        let scheme = parts.scheme.filter(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
        let scheme = scheme.ok_or_else(|| bad("does not begin with http:// or https://"))?;
        let authority = parts.authority.ok_or_else(|| bad("names no host"))?;
        // It would stand in error bodies, and it is not what anybody authenticates with.
        if authority.as_str().contains('@') {
            return Err(TeacherError::BaseUrl {
                url: "(not shown)".into(),
                problem: "holds a user or a password: put the key into the variable that teacher.key_env names",
            });
        }
        if parts.path_and_query.as_ref().is_some_and(|path| path.query().is_some()) {
            return Err(bad("has a query, which would not be sent: clients send their own"));
        }
        let host =
            HeaderValue::try_from(authority.as_str()).map_err(|_| bad("names a host that no header can carry"))?;
        let prefix = parts.path_and_query.map(|path| path.path().trim_end_matches('/').to_owned()).unwrap_or_default();
        let authorization = key.map(|key| HeaderValue::try_from(format!("Bearer {key}"))).transpose();
        let mut authorization = authorization.map_err(|_| TeacherError::Key)?;
        if let Some(value) = &mut authorization {
            value.set_sensitive(true);
        }
        let resilience = Resilience::default();
        let breaker = Breaker::new(resilience.breaker);
        Ok(Self {
            called: TEACHER,
            scheme,
            authority,
            host,
            prefix,
            authorization,
            ca_file,
            resilience,
            breaker,
            quota: LastQuota::default(),
        })
    }

    /// The same address under another name than the teacher's.
    #[must_use]
    pub fn called(self, called: Called) -> Self {
        Self { called, ..self }
    }

    /// The same address asked with other patience; its circuit begins closed.
    #[must_use]
    pub fn with_resilience(self, resilience: Resilience) -> Self {
        Self { resilience, breaker: Breaker::new(resilience.breaker), ..self }
    }

    /// The circuit to this address; clones of an endpoint share it.
    #[must_use]
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// What the last answer from this address said of its rate limits; clones of an endpoint share it.
    #[must_use]
    pub fn quota(&self) -> &LastQuota {
        &self.quota
    }

    /// What the teacher is asked for where a client asks for `/v1/...` with its query, without scheme and host.
    pub(crate) fn target(&self, path: &str, query: Option<&str>) -> Result<Uri, http::Error> {
        let rest = path.strip_prefix("/v1").unwrap_or(path);
        let mut target = format!("{}{rest}", self.prefix);
        if let Some(query) = query {
            target.push('?');
            target.push_str(query);
        }
        Ok(Uri::from(PathAndQuery::try_from(target)?))
    }

    /// Where connections go.
    pub(crate) fn origin_uri(&self) -> Result<Uri, TeacherError> {
        let uri =
            Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone()).path_and_query("/").build();
        uri.map_err(|_| TeacherError::BaseUrl { url: self.origin(), problem: "is not a URL" })
    }

    /// Whether every request carries the proxy's own key.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.authorization.is_some()
    }

    /// `scheme://host:port`, for messages.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// The base URL in one spelling: who the teacher is, as far as a configuration says.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}{}", self.origin(), self.prefix)
    }
}
