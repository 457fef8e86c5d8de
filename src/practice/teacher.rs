//! The practice teacher: a deterministic OpenAI-compatible server that answers the practice scenes.
//!
//! It speaks the real protocol over real sockets: whole answers, event streams, `/v1/models`, errors in
//! OpenAI's shape. What it says follows from the request's text, its style and its secret alone.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use wire::error::ApiError;
use wire::{Answer, Api, Delivery, Envelope, Finish, Role, Signals, Usage};

use crate::scene::{self, Scene, Style, Voice};
use crate::{judging, making};

/// The model's name.
pub const MODEL: &str = "practice-teacher-1";
/// Marks a request by which the traffic driver asks for the truth; such calls are not counted.
pub const TRUTH_HEADER: &str = "x-practice-truth";

/// A running teacher; stops when the runtime does.
#[derive(Clone, Debug)]
pub struct Teacher {
    address: SocketAddr,
    state: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    secret: u64,
    latency: Duration,
    drifted: AtomicBool,
    /// Answers drawn so far.
    drawn: AtomicU64,
    calls: Mutex<BTreeMap<&'static str, u64>>,
}

impl Teacher {
    /// Listens on a free port of the loopback interface and answers after `latency`.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(secret: u64, latency: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let inner = Inner {
            secret,
            latency,
            drifted: AtomicBool::new(false),
            drawn: AtomicU64::new(0),
            calls: Mutex::default(),
        };
        let teacher = Self { address: listener.local_addr()?, state: Arc::new(inner) };
        let state = teacher.state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).ok();
                let state = state.clone();
                let service = service_fn(move |request| answer(state.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(teacher)
    }

    /// `http://127.0.0.1:PORT/v1`
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Changes how it words its answers, as a teacher does when its owner updates it.
    pub fn drift(&self) {
        self.state.drifted.store(true, Ordering::Relaxed);
    }

    /// Calls answered for `scene`, questions for the truth not counted.
    #[must_use]
    pub fn calls(&self, scene: Scene) -> u64 {
        let calls = self.state.calls.lock();
        calls.get(scene.name()).copied().unwrap_or(0)
    }
}

async fn answer(state: Arc<Inner>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let response = match (request.method(), request.uri().path()) {
        (&Method::GET, "/v1/models") => Ok(models()),
        (method, path) => match Api::of_path(path).filter(|_| method == Method::POST) {
            Some(api) => asked(&state, api, request).await,
            None => {
                let message = format!("unknown path {path}");
                Err(ApiError { status: 404, ..ApiError::invalid("unknown_path", message) })
            }
        },
    };
    Ok(response.unwrap_or_else(|error| {
        let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        respond(status, "application/json", error.to_json())
    }))
}

async fn asked(state: &Inner, api: Api, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, ApiError> {
    let counted = !request.headers().contains_key(TRUTH_HEADER);
    let unreadable = |error: &dyn std::fmt::Display| ApiError::invalid("invalid_body", error.to_string());
    let body = request.into_body().collect().await.map_err(|error| unreadable(&error))?.to_bytes();
    let request = api.parse(&body).map_err(|error| unreadable(&error))?;
    let turns = request.turns().map_err(|error| unreadable(&error))?;
    let said = |role| turns.iter().rev().find(|turn| turn.role == role).map_or("", |turn| turn.text.as_str());
    let (system, player) = (said(Role::System), said(Role::User));
    let prompt_tokens = words(system) + words(player);
    let answered = |text| completion((api, request.delivery), &body, text, prompt_tokens);
    let style = if state.drifted.load(Ordering::Relaxed) { Style::Drifted } else { Style::House };
    let voice = Voice { style, secret: state.secret, draw: draw(state, &body) };
    if judging::is_asked(system) {
        let text = judging::verdict(player, voice);
        let text = text.ok_or_else(|| ApiError::invalid("unknown_scene", "only practice scenes are judged"))?;
        return Ok(answered(text));
    }
    if let Some(text) = making::answer(player, voice.draw) {
        tokio::time::sleep(state.latency).await;
        return Ok(answered(text));
    }
    let scene = Scene::of(system);
    let reply = scene.and_then(|scene| scene.reply(system, player, voice));
    let (Some(scene), Some(text)) = (scene, reply) else {
        return Err(ApiError::invalid("unknown_scene", "the practice teacher knows only the practice scenes"));
    };
    if counted {
        *state.calls.lock().entry(scene.name()).or_default() += 1;
        tokio::time::sleep(state.latency).await;
    }
    Ok(answered(text))
}

/// The answer in the shape that was `asked` for.
fn completion(
    (api, delivery): (Api, Delivery),
    asked: &[u8],
    text: String,
    prompt_tokens: u32,
) -> Response<Full<Bytes>> {
    let usage = Usage { prompt_tokens, completion_tokens: words(&text) };
    let answer = Answer::new(text, Finish::Stop, usage, Signals::default());
    let envelope = Envelope { id: "practice", created_s: 1_700_000_000, model: MODEL, asked };
    let (content_type, bytes) = api.write(delivery, &envelope, &answer);
    respond(StatusCode::OK, content_type, bytes)
}

fn words(text: &str) -> u32 {
    u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX)
}

/// Which wording: a client's seed always gives the same, temperature 0 the first, everything else one after the other.
fn draw(state: &Inner, body: &[u8]) -> u64 {
    #[derive(serde::Deserialize)]
    struct Asked {
        seed: Option<i64>,
        temperature: Option<f64>,
    }
    let asked: Option<Asked> = serde_json::from_slice(body).ok();
    let next = || scene::mixed(state.secret ^ state.drawn.fetch_add(1, Ordering::Relaxed));
    match asked {
        Some(Asked { temperature: Some(0.0), .. }) => 0,
        Some(Asked { seed: Some(seed), .. }) => scene::mixed(seed.cast_unsigned()),
        _ => next(),
    }
}

fn models() -> Response<Full<Bytes>> {
    let list = serde_json::json!({"object": "list", "data": [
        {"id": MODEL, "object": "model", "created": 1_700_000_000, "owned_by": "apprentice"}]});
    respond(StatusCode::OK, "application/json", list.to_string().into_bytes())
}

fn respond(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}
