//! The certificate of a listener: read at start, and again when somebody asks, for new connections. A pair of files that cannot be used leaves the one
//! before in force.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// What is spoken once the handshake is done.
const PROTOCOL: &[u8] = b"http/1.1";
/// The first second of the year 10000, which no certificate can name.
const AFTER_ALL: Duration = Duration::from_secs(253_402_300_800);

/// A certificate or its key that cannot be used; each says which file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error(
        "{} holds no certificate: it must be PEM, `-----BEGIN CERTIFICATE-----`, the listener's own first and then those that signed it", path.display()
    )]
    NoCertificate { path: PathBuf },
    #[error("{} holds no private key: it must be PEM, `-----BEGIN PRIVATE KEY-----` (also RSA or EC), without a password", path.display())]
    NoKey { path: PathBuf },
    #[error("{} is no whole PEM file: {problem}", path.display())]
    Pem { path: PathBuf, problem: pem::Error },
    #[error("{} holds a certificate that cannot be read: {problem}", path.display())]
    Certificate { path: PathBuf, problem: rustls::Error },
    #[error("the key in {} is not that of the certificate in {}: they must be of one pair", key.display(), certificate.display())]
    Pair { certificate: PathBuf, key: PathBuf },
    #[error("{} with the key in {} cannot be used: {problem}", certificate.display(), key.display())]
    Unusable { certificate: PathBuf, key: PathBuf, problem: rustls::Error },
}

/// Two files, and what they said when they were last good.
#[derive(Debug)]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    hasher: RandomState,
    in_force: RwLock<InForce>,
}

#[derive(Debug)]
struct InForce {
    config: Arc<ServerConfig>,
    /// Of the files' bytes.
    hash: u64,
}

impl Tls {
    /// Reads a certificate (with those that signed it) and its private key, both PEM.
    ///
    /// # Errors
    /// [`TlsError`] when they cannot be read, are no PEM, or are not of one pair.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let hasher = RandomState::new();
        let (bytes, hash) = read(certificate, key, &hasher)?;
        let config = config((certificate, &bytes[0]), (key, &bytes[1]))?;
        let in_force = RwLock::new(InForce { config, hash });
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), hasher, in_force })
    }

    /// Reads the files again; says whether there is something new, which from now on is what clients are shown. Blocking.
    ///
    /// # Errors
    /// As [`open`](Self::open); what was in force stays.
    pub fn again(&self) -> Result<bool, TlsError> {
        let (bytes, hash) = read(&self.certificate, &self.key, &self.hasher)?;
        if self.in_force.read().unwrap_or_else(PoisonError::into_inner).hash == hash {
            return Ok(false);
        }
        let config = config((&self.certificate, &bytes[0]), (&self.key, &bytes[1]))?;
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = InForce { config, hash };
        Ok(true)
    }

    /// The client's handshake.
    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let config = self.in_force.read().unwrap_or_else(PoisonError::into_inner).config.clone();
        tokio_rustls::TlsAcceptor::from(config).accept(stream).await
    }
}

/// When the first of the certificates in a PEM file ends, as Unix time. Nothing else is said of them.
///
/// # Errors
/// [`TlsError`] when it cannot be read or holds none.
pub fn certificates_end(path: &Path) -> Result<u64, TlsError> {
    let bytes = std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
    let mut first = u64::MAX;
    for certificate in chain(path, &bytes)? {
        let end = end(&certificate);
        first = first.min(end.map_err(|problem| TlsError::Certificate { path: path.to_owned(), problem })?);
    }
    Ok(first)
}

/// rustls shows no certificate's end, but it refuses each that has ended, and says when that was: so it is asked about a day on which all have.
fn end(certificate: &CertificateDer<'_>) -> Result<u64, rustls::Error> {
    let (mut roots, read) = (RootCertStore::empty(), ParsedCertificate::try_from(certificate)?);
    roots.add(certificate.clone().into_owned())?;
    let known = ring::default_provider().signature_verification_algorithms.all;
    let late = UnixTime::since_unix_epoch(AFTER_ALL);
    match verify_server_cert_signed_by_trust_anchor(&read, &roots, &[], late, known) {
        Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Ok(not_after.as_secs())
        }
        Err(problem) => Err(problem),
        Ok(()) => Ok(AFTER_ALL.as_secs()),
    }
}

/// The bytes of both files and their hash.
fn read(certificate: &Path, key: &Path, hasher: &RandomState) -> Result<([Vec<u8>; 2], u64), TlsError> {
    let one = |path: &Path| std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source });
    let bytes = [one(certificate)?, one(key)?];
    let hash = hasher.hash_one(&bytes);
    Ok((bytes, hash))
}

/// The certificates of a PEM file, one at least.
fn chain(path: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let path = path.to_owned();
    match CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>() {
        Ok(chain) if chain.is_empty() => Err(TlsError::NoCertificate { path }),
        Ok(chain) => Ok(chain),
        Err(problem) => Err(TlsError::Pem { path, problem }),
    }
}

fn config(certificate: (&Path, &[u8]), key: (&Path, &[u8])) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = chain(certificate.0, certificate.1)?;
    let path = key.0.to_owned();
    let private = PrivateKeyDer::from_pem_slice(key.1).map_err(|problem| match problem {
        pem::Error::NoItemsFound => TlsError::NoKey { path },
        problem => TlsError::Pem { path, problem },
    })?;
    let unusable = |problem| {
        let (certificate, key) = (certificate.0.to_owned(), key.0.to_owned());
        match problem {
            rustls::Error::InconsistentKeys(_) => TlsError::Pair { certificate, key },
            problem => TlsError::Unusable { certificate, key, problem },
        }
    };
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(unusable)?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain, private).map_err(unusable)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}
