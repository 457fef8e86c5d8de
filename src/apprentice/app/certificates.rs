//! The certificates of the listeners: opened at start, looked at again and again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use net::Tls;
use parking_lot::Mutex;
use telemetry::Metrics;
use tokio::sync::watch;

use crate::app::{Error, background};
use crate::settings::Settings;

const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Those of both listeners.
#[derive(Clone)]
pub(super) struct Certificates {
    pub(super) proxy: Option<Arc<Tls>>,
    pub(super) admin: Option<Arc<Tls>>,
    metrics: Arc<Metrics>,
    /// What was said of each when it was last looked at: a bad pair is said once.
    said: Arc<Mutex<[Option<String>; 2]>>,
}

impl Certificates {
    /// Reads the files that the configuration names.
    pub(super) fn open(settings: &Settings, metrics: Arc<Metrics>) -> Result<Self, Error> {
        let (proxy, admin) = (&settings.proxy, &settings.admin);
        let proxy = opened("proxy", proxy.tls_cert_file.as_deref(), proxy.tls_key_file.as_deref())?;
        let admin = opened("admin", admin.tls_cert_file.as_deref(), admin.tls_key_file.as_deref())?;
        let certificates = Self { proxy, admin, metrics, said: Arc::default() };
        for (listener, _) in certificates.each() {
            certificates.metrics.certificate_last_reload_successful(listener).set(1.0);
        }
        Ok(certificates)
    }

    /// How the addresses of the proxy and of the admin listener begin.
    pub(super) fn schemes(&self) -> [&'static str; 2] {
        [&self.proxy, &self.admin].map(|tls| if tls.is_some() { "https" } else { "http" })
    }

    fn each(&self) -> impl Iterator<Item = (&'static str, &Arc<Tls>)> {
        [("proxy", &self.proxy), ("admin", &self.admin)]
            .into_iter()
            .filter_map(|(name, tls)| Some((name, tls.as_ref()?)))
    }

    /// Reads the files again; what cannot be used leaves what is in force, and is said. Blocking.
    pub(super) fn again(&self) -> Result<(), String> {
        let mut problems = Vec::new();
        let mut said = self.said.lock();
        for ((listener, tls), said) in self.each().zip(said.iter_mut()) {
            let read = tls.again();
            self.metrics.certificate_last_reload_successful(listener).set(f64::from(u8::from(read.is_ok())));
            match read {
                Ok(true) => {
                    tracing::info!(listener, "a renewed certificate is in force for new connections");
                    *said = None;
                }
                Ok(false) => *said = None,
                Err(error) => {
                    let problem = format!("{listener}.tls_cert_file, {listener}.tls_key_file: {error}");
                    if said.as_ref() != Some(&problem) {
                        tracing::error!(problem, "a certificate was not read again: the one in force stays");
                    }
                    *said = Some(problem.clone());
                    problems.push(problem);
                }
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
    }

    /// Looks at the files until the program is to stop.
    pub(super) async fn look(self, stopped: watch::Receiver<bool>) {
        while self.each().next().is_some() {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = background::told(stopped.clone()) => return,
            }
            let certificates = self.clone();
            if tokio::task::spawn_blocking(move || certificates.again().unwrap_or_default()).await.is_err() {
                tracing::error!("looking at the certificates failed");
            }
        }
    }
}

fn opened(section: &str, certificate: Option<&Path>, key: Option<&Path>) -> Result<Option<Arc<Tls>>, Error> {
    let Some((certificate, key)) = certificate.zip(key) else { return Ok(None) };
    let tls = Tls::open(certificate, key);
    Ok(Some(Arc::new(tls.map_err(|error| format!("{section}.tls_cert_file, {section}.tls_key_file: {error}"))?)))
}
