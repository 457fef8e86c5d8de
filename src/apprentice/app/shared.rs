//! What several parts share: the loops, the listener and the facts that are made of it.

use std::path::Path;
use std::sync::Arc;

use capture::Segments;
use hyper_util::service::TowerToHyperService;
use jobs::Served;
use ledger::Ledger;
use net::Listener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::reload::{Live, Reload};
use crate::app::student::library;
use crate::app::{Error, Shared, background, exchange_log, similarity, webhooks};

/// Connections of the admin listener at a time.
const ADMIN_CONNECTIONS_MAX: usize = 256;

impl Shared {
    /// What looks at the logs again and again.
    pub(super) fn begin_loops(
        &self,
        ledger: &Arc<Ledger>,
        captures: Option<Arc<Segments>>,
        stopped: &watch::Receiver<bool>,
    ) -> Result<JoinSet<()>, Error> {
        let mut background = JoinSet::new();
        background.spawn(background::flush(ledger.clone(), stopped.clone()));
        background.spawn(self.certificates.clone().look(stopped.clone()));
        let webhooks = webhooks::webhooks(&self.settings.webhooks)?;
        if !webhooks.is_empty() {
            background.spawn(webhooks::tell(webhooks, ledger.clone(), self.metrics.clone(), stopped.clone()));
        }
        if let Some(captures) = captures {
            background.spawn(exchange_log::look_after(
                captures,
                self.found.today(),
                self.metrics.clone(),
                stopped.clone(),
            ));
        }
        Ok(background)
    }

    /// What reads the file at `path` again.
    pub(super) fn reload(&self, path: Option<&Path>) -> Result<Option<Arc<Reload>>, Error> {
        let (found, basis) = (self.found.clone(), self.basis.clone());
        let live = Live { found, basis, metrics: self.metrics.clone(), certificates: self.certificates.clone() };
        path.map(|path| Reload::new(path, self.settings.clone(), live).map(Arc::new)).transpose()
    }

    pub(super) fn serve_admin(
        &self,
        background: &mut JoinSet<()>,
        listener: Listener,
        api: &admin::Admin,
        stopped: &watch::Receiver<bool>,
    ) -> Result<(), Error> {
        let page = page::Page::new(api.clone(), self.settings.admin.tls_cert_file.is_some())?;
        let limits = net::Limits { connections_max: ADMIN_CONNECTIONS_MAX, ..self.settings.proxy.limits() };
        for socket in listener.secured(self.certificates.admin.clone()).into_sockets() {
            let service = TowerToHyperService::new(page.router());
            background.spawn(net::serve(socket, limits, service, stopped.clone()));
        }
        Ok(())
    }

    pub(super) fn student_facts(&self) -> Option<admin::StudentFacts> {
        self.student.as_ref().map(|place| {
            let base = match place.served() {
                None => self.settings.student.base.display().to_string(),
                Some(Served { server, .. }) => format!("{} at {}", server.model, server.url),
            };
            admin::StudentFacts { base, format: place.name() }
        })
    }

    /// How near two texts are; needs ONNX Runtime only where an encoder is configured.
    pub(super) fn similarity(&self) -> Result<Arc<gateway::Similarity>, Error> {
        let encoder = self.settings.similarity.encoder.as_deref();
        let library = encoder.map(|_| library(&self.settings)).transpose()?.unwrap_or_default();
        Ok(similarity::similarity(encoder, &library)?)
    }
}
