//! The server with its adapters, and an adapter on it as a [`ChatModel`].

use std::collections::HashMap;
use std::future::ready;
use std::path::Path;
use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use wire::{Answer, Answering, Api, ChatModel, Ineligible, ModelError, Prompt, Usage};

use crate::adapter::Adapter;
use crate::server::{Said, Server};
use crate::settings::{Load, Observer, Protocol};
use crate::worker::Worker;
use crate::{RemoteError, RemoteSettings, answer, body, llama_cpp, vllm};

const MODELS: &str = "/v1/models";

/// A student's server. Its thread ends with the last model made from it.
pub struct Remote(Arc<Shared>);

struct Shared {
    settings: RemoteSettings,
    server: Server,
    worker: Worker,
    /// For everybody who is answered or waits, and for those who are answered.
    places: Arc<Semaphore>,
    rows: Arc<Semaphore>,
    /// Models of every adapter's name. Held while the server is told of one, in the order of asking.
    users: Mutex<HashMap<String, usize>>,
    observer: Observer,
}

#[derive(serde::Deserialize)]
struct Models {
    data: Vec<Named>,
}

#[derive(serde::Deserialize)]
struct Named {
    id: String,
}

impl Remote {
    /// Makes the way to the server ready and asks it nothing yet; `observer` hears who is asked and who waits.
    ///
    /// # Errors
    /// When the address cannot be one, or the thread cannot be started.
    pub fn open(settings: RemoteSettings, observer: Observer) -> Result<Self, RemoteError> {
        let server = Server::new(&settings)?;
        let (places, rows) = (Semaphore::new(settings.rows + settings.queue), Semaphore::new(settings.rows));
        let (places, rows, worker) = (Arc::new(places), Arc::new(rows), Worker::start()?);
        let users = Mutex::default();
        Ok(Self(Arc::new(Shared { settings, server, worker, places, rows, users, observer })))
    }

    /// A model that answers with the PEFT adapter in `adapter`, which the server knows by then; or the base alone, of
    /// which nothing is asked before its first answer. Blocking: never on a runtime's thread.
    ///
    /// # Errors
    /// When the adapter cannot be read, or the server cannot be reached, serves another base, or does not take it.
    pub fn model(&self, name: String, adapter: Option<&Path>) -> Result<Arc<dyn ChatModel>, RemoteError> {
        let adapter = adapter.map(|dir| Adapter::read(&name, dir)).transpose()?.map(Arc::new);
        if let Some(adapter) = adapter.clone() {
            let shared = self.0.clone();
            self.0.worker.wait(async move { shared.introduce(&adapter).await })??;
        }
        Ok(Arc::new(RemoteModel { name, adapter, shared: self.0.clone() }))
    }

    /// Waits until the server has been told of every model that was let go of. Blocking, as [`Self::model`].
    ///
    /// # Errors
    /// When its thread has ended.
    pub fn settle(&self) -> Result<(), RemoteError> {
        let shared = self.0.clone();
        self.0.worker.wait(async move { drop(shared.users.lock().await) })
    }
}

impl Shared {
    /// Sees to it that the server serves our base and knows `adapter`.
    async fn introduce(&self, adapter: &Adapter) -> Result<(), RemoteError> {
        let mut users = self.users.lock().await;
        let Models { data } = self.server.get(MODELS).await?.json()?;
        let model = &self.settings.model;
        if data.iter().all(|served| served.id != *model) {
            let served = data.into_iter().map(|served| format!("`{}`", served.id)).collect::<Vec<_>>().join(", ");
            return Err(RemoteError::OtherModel { model: model.clone(), served });
        }
        match self.settings.protocol {
            Protocol::Vllm => vllm::load(&self.server, &self.settings.folders, adapter).await?,
            Protocol::LlamaCpp => drop(llama_cpp::choice(&self.server, adapter).await?),
        }
        *users.entry(adapter.name.clone()).or_default() += 1;
        Ok(())
    }

    /// One model of `adapter` is let go of; with the last one the server may forget it.
    async fn let_go(&self, adapter: &Adapter) {
        let mut users = self.users.lock().await;
        let left = users.remove(&adapter.name).unwrap_or_default().saturating_sub(1);
        if left > 0 {
            users.insert(adapter.name.clone(), left);
        } else if self.settings.protocol == Protocol::Vllm
            && let Err(error) = vllm::unload(&self.server, &adapter.name).await
        {
            tracing::warn!(adapter = adapter.name, %error, "the student's server keeps an adapter that nobody uses");
        }
    }

    /// Has the server answer `prompt`.
    async fn answer(&self, adapter: Option<&Adapter>, prompt: &Prompt) -> Result<Answer, ModelError> {
        let model = match (self.settings.protocol, adapter) {
            (Protocol::Vllm, Some(adapter)) => &adapter.name,
            _ => &self.settings.model,
        };
        let mut body = body::write(model, prompt);
        if let (Protocol::LlamaCpp, Some(adapter)) = (self.settings.protocol, adapter) {
            body.insert("lora".to_owned(), llama_cpp::choice(&self.server, adapter).await?);
        }
        let body = Value::Object(body);
        let mut said = self.ask(&body).await?;
        if let (Protocol::Vllm, Some(adapter), StatusCode::NOT_FOUND) = (self.settings.protocol, adapter, said.status) {
            // A server that was started anew knows none of the adapters that it was given before.
            let _changing = self.users.lock().await;
            vllm::load(&self.server, &self.settings.folders, adapter).await?;
            said = self.ask(&body).await?;
        }
        answer::read(&said, prompt)
    }

    async fn ask(&self, body: &Value) -> Result<Said, RemoteError> {
        self.server.post(Api::Chat.path(), body).await
    }

    fn tell(&self, usage: Usage) {
        let taken = |of: &Semaphore, all: usize| all.saturating_sub(of.available_permits());
        let (rows, all) = (self.settings.rows, self.settings.rows + self.settings.queue);
        let rows = taken(&self.rows, rows);
        (self.observer)(&Load { rows, waiting: taken(&self.places, all).saturating_sub(rows), usage });
    }
}

/// A place among those who are answered or wait; free again when it is dropped.
struct Place {
    shared: Arc<Shared>,
    permits: Vec<OwnedSemaphorePermit>,
    usage: Usage,
}

impl Place {
    /// A place in the queue, unless it is full.
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        let permit = shared.places.clone().try_acquire_owned().ok()?;
        shared.tell(Usage::default());
        Some(Self { shared: shared.clone(), permits: vec![permit], usage: Usage::default() })
    }

    /// Waits for its turn.
    async fn turn(&mut self) {
        // It is never closed.
        self.permits.extend(self.shared.rows.clone().acquire_owned().await.ok());
        self.shared.tell(Usage::default());
    }

    /// Makes room, after an answer that took `usage`.
    fn leave(mut self, usage: Usage) {
        self.usage = usage;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.permits.clear();
        self.shared.tell(self.usage);
    }
}

/// One call site's student on the server.
struct RemoteModel {
    name: String,
    adapter: Option<Arc<Adapter>>,
    shared: Arc<Shared>,
}

impl ChatModel for RemoteModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn accepts(&self, prompt: &Prompt) -> Result<(), Ineligible> {
        body::check(prompt)
    }

    fn answer(&self, prompt: Prompt) -> Answering {
        if let Err(ineligible) = body::check(&prompt) {
            return Box::pin(ready(Err(ineligible.into())));
        }
        let Some(mut place) = Place::take(&self.shared) else {
            return Box::pin(ready(Err(ModelError::Busy)));
        };
        let (shared, adapter) = (self.shared.clone(), self.adapter.clone());
        let work = self.shared.worker.begin(async move {
            place.turn().await;
            let answered = shared.answer(adapter.as_deref(), &prompt).await;
            place.leave(answered.as_ref().map(|answer| answer.usage).unwrap_or_default());
            answered
        });
        Box::pin(async move { work.outcome().await.unwrap_or_else(|| Err(RemoteError::Ended.into())) })
    }
}

impl Drop for RemoteModel {
    fn drop(&mut self) {
        let Some(adapter) = self.adapter.clone() else { return };
        let shared = self.shared.clone();
        self.shared.worker.leave(async move { shared.let_go(&adapter).await });
    }
}
