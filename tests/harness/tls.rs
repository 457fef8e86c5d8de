//! A certificate of our own making, for a teacher that speaks TLS.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A self-signed certificate for `127.0.0.1` and its key.
pub struct Identity {
    certified: rcgen::CertifiedKey<rcgen::KeyPair>,
}

impl Default for Identity {
    fn default() -> Self {
        Self { certified: rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap() }
    }
}

impl Identity {
    /// Writes the certificate as PEM: what `teacher.ca_file` names.
    pub fn write_pem(&self, path: &Path) {
        std::fs::write(path, self.certified.cert.pem()).unwrap();
    }

    /// Writes the certificate's private key as PEM.
    pub fn write_key(&self, path: &Path) {
        std::fs::write(path, self.certified.signing_key.serialize_pem()).unwrap();
    }

    /// A client that trusts this certificate alone.
    pub(crate) fn client(&self) -> Arc<rustls::ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certified.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = builder.unwrap().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    pub(crate) fn server(&self) -> Arc<rustls::ServerConfig> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.certified.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config =
            builder.unwrap().with_no_client_auth().with_single_cert(vec![self.certified.cert.der().clone()], key);
        Arc::new(config.unwrap())
    }
}
