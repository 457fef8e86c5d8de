//! Whom a client believes: the certificates of a file alone, or this machine's own roots (a studio's own authority stands there), or, where the
//! machine has none, the roots that are built in.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};

use crate::TeacherError;

/// TCP, and TLS on it where an address asks for it.
pub type Secured = HttpsConnector<HttpConnector>;

/// Puts TLS on `tcp` for addresses that begin with https. Blocking: files are read.
///
/// # Errors
/// [`TeacherError::CaFile`] when its certificates cannot be read.
pub fn secured(tcp: HttpConnector, ca_file: Option<&Path>) -> Result<Secured, TeacherError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let failed = |error: rustls::Error| TeacherError::Tls { problem: error.to_string() };
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(failed)?;
    let config = match ca_file {
        Some(path) => config.with_root_certificates(of_file(&path.display().to_string())?),
        None => match of_machine() {
            Some(roots) => config.with_root_certificates(roots),
            None => config.with_webpki_roots(),
        },
    };
    let builder = HttpsConnectorBuilder::new().with_tls_config(config.with_no_client_auth());
    Ok(builder.https_or_http().enable_http1().wrap_connector(tcp))
}

/// The certificates of a PEM file.
fn of_file(path: &str) -> Result<RootCertStore, TeacherError> {
    let failed = |problem: String| TeacherError::CaFile { path: path.to_owned(), problem };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))? {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(failed("holds no certificate: it must be PEM, `-----BEGIN CERTIFICATE-----`".to_owned()));
    }
    Ok(roots)
}

/// What this machine trusts, read once; nothing where it has no roots, or none that can be used.
fn of_machine() -> Option<Arc<RootCertStore>> {
    static ROOTS: OnceLock<Option<Arc<RootCertStore>>> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::empty();
        // Old or odd ones among them are passed over, as everybody does.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        (!roots.is_empty()).then(|| Arc::new(roots))
    };
    ROOTS.get_or_init(read).clone()
}
