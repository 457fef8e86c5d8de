//! The composition root: the only file that names every part.
//!
//! A request passes: 1 `gateway::listener`, 2 `gateway::handle`, 3 `callsite`, 4 `ledger` (which plans by
//! `handover`), 5 `gateway::local` with a student or `gateway::teacher`, 6 `gateway::tee`, 7 `capture`,
//! 8 `gateway::audit`, which ends in `ledger` again.
//! A lesson passes: 1 `cycle::run`, 2 `curriculum`, 3 `apprentice train` (`train`), 4 `apprentice export`
//! (`export`), 5 `apprentice exam` (`student`, `verify`), 6 `registry`, 7 `ledger`.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use capture::segments::SegmentLimits;
use capture::{CaptureStore, Distillable, Segments, Writer};
use cycle::{Board, Cycle, Exam, Requests};
use gateway::{Activity, Auditor, Gateway, Listeners, Students};
use handover::Dice;
use ledger::Ledger;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use registry::Registry;
use student::StudentConfig;
use telemetry::Metrics;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::lesson_steps::graph_file;
use crate::settings::Settings;
use crate::students::{Nobody, Published};

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// How often old segments are looked for.
const EXPIRE_EVERY: Duration = Duration::from_secs(3600);

/// The running program.
pub(crate) struct App {
    pub(crate) proxy: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) token_source: String,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) board: Board,
    stop: watch::Sender<bool>,
    serving: Vec<JoinHandle<()>>,
    background: JoinSet<()>,
    writer: Option<Writer>,
}

/// The runtime of everything but the serving threads.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("background").enable_all().build()
}

/// The teacher as configured, its key from the environment.
pub(crate) fn teacher(settings: &Settings) -> Result<gateway::Teacher, Error> {
    let teacher = &settings.teacher;
    let key = std::env::var(&teacher.key_env).ok().filter(|key| !key.is_empty());
    Ok(gateway::Teacher::new(&teacher.base_url, key.as_deref(), teacher.ca_file.clone(), teacher.distillable)?)
}

/// The base model's facts.
pub(crate) fn base(settings: &Settings) -> Result<gemma::Config, String> {
    let base = &settings.student.base;
    gemma::Config::load(base).map_err(|error| {
        format!("student.base {}: {error}; put a Gemma 3 folder there, or set student.enabled = false to only pass through and capture", base.display())
    })
}

/// ONNX Runtime's library.
pub(crate) fn library(settings: &Settings) -> Result<PathBuf, String> {
    student::library::find(settings.student.onnxruntime.as_deref()).map_err(|error| error.to_string())
}

impl App {
    /// Starts every part; `seed` makes the dice repeatable.
    pub(crate) async fn start(settings: Settings, seed: Option<u64>) -> Result<Self, Error> {
        let settings = Arc::new(settings);
        let (stop, stopped) = watch::channel(false);
        let metrics = Arc::new(Metrics::new()?);
        let listeners = Listeners::bind(settings.proxy.listen, threads(&settings))?;
        let admin_listener = tokio::net::TcpListener::bind(settings.admin.listen).await.map_err(|error| {
            format!("cannot listen on {} for the admin API: {error}; change admin.listen", settings.admin.listen)
        })?;
        let (proxy, admin) = (listeners.address(), admin_listener.local_addr()?);

        let data = std::path::absolute(&settings.data.dir)?;
        std::fs::create_dir_all(&data).map_err(|error| format!("data.dir {}: {error}", data.display()))?;
        let captures = Arc::new(Segments::open(&data.join("capture"), segment_limits(&settings))?);
        let (capture, writer) = Writer::start(captures.clone(), metrics.clone())?;
        let ledger = Arc::new(open_ledger(&settings, &data, &captures, metrics.clone())?);

        let registry = Registry::new(&std::path::absolute(&settings.data.registry)?);
        let graph = data.join(format!("graph-{}", settings.student.format.name()));
        let students = students(&settings, &registry, &graph)?;
        restore_graph(&settings, &ledger, &graph)?;
        let (auditor, audits) = Auditor::channel();
        let activity = Arc::new(Activity::default());
        let gateway = Arc::new(Gateway {
            teacher: teacher(&settings)?,
            sites: Box::new(settings.as_ref().clone()),
            ledger: ledger.clone(),
            students: students.clone(),
            capture: settings.capture.enabled.then_some(capture),
            auditor,
            activity: activity.clone(),
            metrics: metrics.clone(),
            dice: dice(seed)?,
            local_permits: Arc::new(Semaphore::new(settings.student.workers.max(1) * 4)),
        });
        let serving = gateway::serve(&gateway, listeners, &stopped)?;

        let (token, token_source) = token(&settings, &data)?;
        let (board, lessons) = (Board::new(metrics.clone()), Requests::default());
        let mut background = JoinSet::new();
        background.spawn(auditing(audits, gateway, stopped.clone()));
        background.spawn(warming(students, ledger.clone()));
        background.spawn(expiring(captures.clone(), stopped.clone()));
        let api = admin::Admin {
            ledger: ledger.clone(),
            board: board.clone(),
            lessons: lessons.clone(),
            metrics,
            token,
            clock: now_ms,
        };
        background.spawn(administering(admin_listener, admin::router(api), stopped.clone()));
        let learning = settings.student.enabled && settings.lessons.enabled;
        if learning && settings.teacher.distillable == Distillable::Yes {
            let parts = Lessons {
                captures,
                ledger: ledger.clone(),
                registry,
                board: board.clone(),
                lessons,
                activity,
                graph,
                data,
            };
            background.spawn(Arc::new(cycle(&settings, parts)?).run(stopped));
        } else if learning {
            tracing::warn!("teacher.distillable is not yes: exchanges are kept, but nothing is learnt from them");
        }
        Ok(Self { proxy, admin, token_source, ledger, board, stop, serving, background, writer: Some(writer) })
    }

    /// Lets running requests finish, ends a lesson (it goes on at the next start) and writes what waits.
    pub(crate) async fn stop(mut self) {
        if self.stop.send(true).is_err() {
            tracing::debug!("everything had stopped already");
        }
        for thread in self.serving {
            if tokio::task::spawn_blocking(move || thread.join()).await.is_err() {
                tracing::error!("a serving thread did not end well");
            }
        }
        while self.background.join_next().await.is_some() {}
        if let Some(writer) = self.writer.take() {
            tokio::task::spawn_blocking(|| writer.finish()).await.unwrap_or_default();
        }
    }
}

/// What the cycle shares with the rest.
struct Lessons {
    captures: Arc<Segments>,
    ledger: Arc<Ledger>,
    registry: Registry,
    board: Board,
    lessons: Requests,
    activity: Arc<Activity>,
    graph: PathBuf,
    data: PathBuf,
}

fn cycle(settings: &Arc<Settings>, parts: Lessons) -> Result<Cycle, Error> {
    let (policies, papers, activity) = (settings.clone(), settings.clone(), parts.activity);
    let base = std::path::absolute(&settings.student.base)?;
    let (paper_base, paper_graph) = (base.clone(), parts.graph.clone());
    let exam_of = move |site: &str| {
        let rules = papers.of(site);
        Exam {
            base: paper_base.clone(),
            graph: paper_graph.clone(),
            adapter: PathBuf::new(),
            questions: PathBuf::new(),
            out: PathBuf::new(),
            onnxruntime: papers.student.onnxruntime.clone(),
            context: papers.student.context,
            threads: papers.student.threads,
            max_tokens: rules.site.max_tokens,
            comparison: rules.site.comparison,
            rules: rules.rules.clone(),
        }
    };
    Ok(Cycle {
        lessons: settings.lessons.clone(),
        program: std::env::current_exe()?,
        base,
        graph: parts.graph,
        format: settings.student.format.name().into(),
        root: parts.data.join("lessons"),
        captures: parts.captures as Arc<dyn CaptureStore>,
        ledger: parts.ledger,
        registry: parts.registry,
        board: parts.board,
        requests: parts.lessons,
        policy_of: Box::new(move |site| policies.of(site).policy.clone()),
        exam_of: Box::new(exam_of),
        requests_per_s: Box::new(move |window_s| activity.requests_per_s(now_ms() / 1000, window_s)),
        clock: now_ms,
    })
}

fn students(settings: &Settings, registry: &Registry, graph: &Path) -> Result<Arc<dyn Students>, Error> {
    if !settings.student.enabled {
        return Ok(Arc::new(Nobody));
    }
    base(settings)?;
    let config = StudentConfig {
        graph: graph_file(graph),
        base: settings.student.base.clone(),
        workers: settings.student.workers,
        threads: settings.student.threads,
        context: settings.student.context,
    };
    Ok(Arc::new(Published {
        registry: registry.clone(),
        onnxruntime: library(settings)?,
        config,
        opened: Mutex::default(),
    }))
}

/// The hand-over state; a site is known by its records or its exchanges, not only from its next request on.
fn open_ledger(
    settings: &Arc<Settings>,
    data: &Path,
    captures: &Segments,
    metrics: Arc<Metrics>,
) -> Result<Ledger, Error> {
    let policies = settings.clone();
    let policy_of = move |site: &str| policies.of(site).policy.clone();
    let ledger = Ledger::open_dir(&data.join("ledger"), Box::new(policy_of), metrics)?;
    let unknown = captures.sites()?.into_iter().filter(|site| !site.is_default() && !ledger.admits(site.as_str()));
    let unknown = unknown.count();
    if unknown > 0 {
        tracing::warn!(unknown, "captured sites past the cap are treated as `default`");
    }
    Ok(ledger)
}

/// A call site with a version needs the base's graph: one that was deleted is made again before anything is served.
fn restore_graph(settings: &Settings, ledger: &Ledger, graph: &Path) -> Result<(), Error> {
    let wanted = settings.student.enabled && ledger.views().iter().any(|view| view.version.is_some());
    if wanted && !graph_file(graph).try_exists()? {
        tracing::warn!(graph = %graph.display(), "the base's graph is missing and is made again");
        export::export_base(&settings.student.base, graph, settings.student.format.export())?;
    }
    Ok(())
}

/// Opens the versions on trial and serving, so that no client waits for it.
async fn warming(students: Arc<dyn Students>, ledger: Arc<Ledger>) {
    let open = move || {
        for view in ledger.views() {
            if let Some(Err(problem)) = view.version.as_ref().map(|version| students.open(&view.site, version)) {
                tracing::error!(site = view.site, problem, "a version cannot be opened");
            }
        }
    };
    if tokio::task::spawn_blocking(open).await.is_err() {
        tracing::error!("opening the versions failed");
    }
}

async fn auditing(audits: gateway::Audits, gateway: Arc<Gateway>, mut stopped: watch::Receiver<bool>) {
    tokio::select! {
        worked = audits.work(gateway) => if let Err(error) = worked { tracing::error!(%error, "audits stopped") },
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

async fn expiring(captures: Arc<Segments>, mut stopped: watch::Receiver<bool>) {
    loop {
        let segments = captures.clone();
        let expired = tokio::task::spawn_blocking(move || segments.expire(now_ms())).await;
        if let Ok(Err(error)) = expired {
            tracing::error!(%error, "old exchanges could not be removed");
        }
        tokio::select! {
            () = tokio::time::sleep(EXPIRE_EVERY) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

async fn administering(listener: tokio::net::TcpListener, router: axum::Router, stopped: watch::Receiver<bool>) {
    let told = |mut stopped: watch::Receiver<bool>| async move {
        stopped.wait_for(|stopped| *stopped).await.map_or((), |_| ())
    };
    let serving = axum::serve(listener, router).with_graceful_shutdown(told(stopped.clone()));
    // Half a request, or a connection that says nothing, would be waited for without end.
    let too_late = async {
        told(stopped).await;
        tokio::time::sleep(gateway::limits::DRAIN_TIME).await;
    };
    tokio::select! {
        served = serving.into_future() => if let Err(error) = served {
            tracing::error!(%error, "the admin listener stopped");
        },
        () = too_late => tracing::warn!("some admin requests were cut off by the shutdown"),
    }
}

fn segment_limits(settings: &Settings) -> SegmentLimits {
    let capture = &settings.capture;
    let hour_ms = 3_600_000;
    SegmentLimits {
        bytes_max: capture.segment_mb << 20,
        age_ms_max: capture.segment_hours * hour_ms,
        retention_ms: capture.retention_days * 24 * hour_ms,
    }
}

fn threads(settings: &Settings) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    if settings.proxy.threads == 0 { processors() } else { settings.proxy.threads }
}

fn dice(seed: Option<u64>) -> Result<Box<dyn Fn() -> Dice + Send + Sync>, Error> {
    let seed = match seed {
        Some(seed) => seed,
        None => u64::from_le_bytes(entropy()?),
    };
    let rng = Mutex::new(ChaCha8Rng::seed_from_u64(seed));
    Ok(Box::new(move || {
        let mut rng = rng.lock().unwrap_or_else(PoisonError::into_inner);
        Dice { route: rng.random(), audit: rng.random() }
    }))
}

fn entropy<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The admin token and where a person finds it: the environment, else a file that only the owner reads.
fn token(settings: &Settings, data: &Path) -> Result<(admin::Token, String), Error> {
    let name = &settings.admin.token_env;
    if let Some(token) = std::env::var(name).ok().filter(|token| !token.is_empty()) {
        return Ok((admin::Token::new(&token), format!("${name}")));
    }
    if !settings.admin.listen.ip().is_loopback() {
        return Err(format!(
            "admin.listen {} is not loopback: set {name} to a token of your own first",
            settings.admin.listen
        )
        .into());
    }
    let path = data.join("admin-token");
    if let Ok(token) = std::fs::read_to_string(&path) {
        return Ok((admin::Token::new(token.trim()), path.display().to_string()));
    }
    let token: String = entropy::<32>()?.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    writeln!(file, "{token}")?;
    Ok((admin::Token::new(&token), path.display().to_string()))
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
