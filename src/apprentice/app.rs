//! The composition root: the only file that names every part.
//!
//! A request passes: 1 `net` (accept), 2 `gateway::handle`, 3 `gateway::chat`, which asks in order `callsite` and
//! `rules`, 4 `ledger` (which plans by `handover`), 5 a `student` or the `teacher`, 6 `gateway`'s tee, 7 `capture`,
//! 8 `gateway`'s audits, which end in `ledger` again.
//! A lesson passes: 1 `cycle::run`, 2 `curriculum`, 3 `apprentice export` (`export`, opened once by `student`),
//! 4 `apprentice train` (`train`), 5 `apprentice exam` (`student`, `verify`), 6 `registry`, 7 `ledger`.

mod about;
pub(crate) mod backend;
mod background;
mod certificates;
mod data_plane;
mod erasing;
mod exchange_log;
mod found;
pub(crate) mod judges;
mod prices;
mod recent;
mod reload;
pub(crate) mod secrets;
mod shared;
pub(crate) mod similarity;
pub(crate) mod student;
mod students;
pub(crate) mod teacher_check;
mod traces;
mod webhooks;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use capture::{CaptureStore, Distillable, Segments, Writer};
use cycle::{Cycle, Drawing, LessonRequests, LessonRunner, LessonStatus, Surroundings};
use gateway::{Activity, Auditor, Serving, Students};
use ledger::Ledger;
use net::Listener;
use registry::Registry;
use rules::{LiveRules, Rules};
use telemetry::Metrics;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::settings::Settings;
use crate::settings::environment;
use backend::Place;
use certificates::Certificates;
use found::Found;
use students::{NoStudents, RegistryStudents};
use traces::Traces;

pub(crate) use about::GENERATED;
pub(crate) use erasing::erase;
pub(crate) use exchange_log::exchange_log;
pub(crate) use found::known_sites;
pub(crate) use prices::prices;
use reload::Reload;
pub(crate) use student::{base, format, kernel, library};

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// The folder of lessons below the data folder.
pub(crate) const LESSONS: &str = "lessons";

/// The running program.
pub(crate) struct App {
    pub(crate) proxy: SocketAddr,
    pub(crate) admin: SocketAddr,
    /// `http` or `https`, of the two.
    pub(crate) schemes: [&'static str; 2],
    pub(crate) token_source: String,
    /// Whose key the teacher is asked with, in words.
    pub(crate) key_source: String,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) lessons: LessonStatus,
    pub(crate) serving: Serving,
    stop: watch::Sender<bool>,
    background: JoinSet<()>,
    writer: Option<Writer>,
    traces: Traces,
    reload: Option<Arc<Reload>>,
}

/// The runtime of everything but the serving threads.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("background").enable_all().build()
}

/// The teacher as configured, its key from the environment or the service's credentials.
pub(crate) fn teacher(settings: &Settings) -> Result<teacher::Endpoint, Error> {
    let teacher = &settings.teacher;
    let key = environment::secret_named(Some(&teacher.key_env))?;
    let endpoint = teacher::Endpoint::new(&teacher.base_url, key.as_deref(), teacher.ca_file.clone());
    let endpoint = endpoint.map_err(|error| match error {
        teacher::TeacherError::Key => format!("${}: {error}", teacher.key_env),
        error => error.to_string(),
    })?;
    Ok(endpoint.with_resilience(teacher.resilience()))
}

/// Unix time in milliseconds.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What several parts share.
struct Shared {
    settings: Settings,
    data: PathBuf,
    metrics: Arc<Metrics>,
    rules: LiveRules,
    basis: BTreeMap<String, String>,
    found: Found,
    registry: Registry,
    /// Absent where no student is enabled.
    student: Option<Place>,
    drawing: Drawing,
    certificates: Certificates,
    traces: Traces,
}

impl App {
    /// Starts every part; `path` is the file with the settings, read again when somebody asks; `seed` makes the dice repeatable. Must be
    /// called on a runtime: the loops are its tasks.
    pub(crate) fn start(settings: Settings, path: Option<&Path>, seed: Option<u64>) -> Result<Self, Error> {
        let (stop, stopped) = watch::channel(false);
        let (listener, admin_listener) = listeners(&settings)?;
        let (proxy, admin) = (listener.address(), admin_listener.address());
        let endpoint = teacher(&settings)?;
        let key_source = secrets::key_source(&settings, &endpoint)?;
        let shared = share(settings, &endpoint)?;
        let Shared { settings, data, metrics, .. } = &shared;

        let captures = exchange_log::open(settings, data, metrics)?;
        let (capture, writer) = exchange_log::write(captures.as_ref(), settings, metrics)?.unzip();
        let ledger = Arc::new(open_ledger(&shared, captures.as_deref())?);
        let students = open_students(&shared, &ledger)?;
        let ((auditor, audits), activity) = (Auditor::channel(), Arc::new(Activity::default()));
        let parts = data_plane::Parts {
            endpoint: &endpoint,
            ledger: &ledger,
            students: &students,
            capture,
            auditor,
            activity: &activity,
        };
        let gateway = data_plane::gateway(&shared, parts, seed)?;
        let serving = gateway::serve(&gateway, listener.secured(shared.certificates.proxy.clone()), &stopped)?;

        let (token, token_source) = secrets::admin_token(settings, data)?;
        let reload = shared.reload(path)?;
        let (lessons, requests) = (LessonStatus::new(data.join(LESSONS), metrics.clone()), LessonRequests::default());
        let cycle = learning(&shared, captures.clone(), &ledger, (&lessons, &requests), (activity, &stopped))?;
        let mut background = shared.begin_loops(&ledger, captures.clone(), &stopped)?;
        background.spawn(background::audit(audits, gateway.clone(), stopped.clone()));
        background.spawn(shared.found.clone().look(gateway.clone(), stopped.clone()));
        background.spawn(background::warm(students, ledger.clone()));
        let api = admin::Admin {
            ledger: ledger.clone(),
            lessons: lessons.clone(),
            requests,
            learning: cycle.is_some(),
            metrics: metrics.clone(),
            erase: erasing::of_running(&shared, captures.clone(), gateway),
            captures,
            student: shared.student_facts(),
            finder: shared.found.finder.clone(),
            settle: shared.found.settle(&ledger),
            reload: reload.clone().map(|reload| Arc::new(move || reload.again()) as Arc<admin::Reloading>),
            about: shared.about(&endpoint, &key_source, path.zip(reload.clone()))?,
            token,
            hosts: net::OwnHosts::new(&settings.admin.hosts),
            clock: now_ms,
        };
        shared.serve_admin(&mut background, admin_listener, &api, &stopped)?;
        if let Some(cycle) = cycle {
            background.spawn(background::on_its_own_thread("lessons", Arc::new(cycle).run()));
        }
        Ok(Self {
            proxy,
            admin,
            schemes: shared.certificates.schemes(),
            token_source,
            key_source,
            ledger,
            lessons,
            stop,
            serving,
            background,
            writer,
            traces: shared.traces,
            reload,
        })
    }

    /// Reads the configuration again, if there is a file of it; what came of it is said, and whether it is in force.
    pub(crate) async fn reload(&self) -> bool {
        let Some(reload) = self.reload.clone() else { return true };
        tokio::task::spawn_blocking(move || reload.again().is_ok()).await.unwrap_or_else(|error| {
            tracing::error!(%error, "reading the configuration again failed");
            false
        })
    }

    /// Lets running requests finish, ends a lesson (it goes on at the next start) and writes what waits.
    pub(crate) async fn stop(mut self) {
        if self.stop.send(true).is_err() {
            tracing::debug!("everything had stopped already");
        }
        for thread in self.serving.threads {
            if tokio::task::spawn_blocking(move || thread.join()).await.is_err() {
                tracing::error!("a serving thread did not end well");
            }
        }
        while self.background.join_next().await.is_some() {}
        if let Some(writer) = self.writer.take() {
            tokio::task::spawn_blocking(|| writer.finish()).await.unwrap_or_default();
        }
        tokio::task::spawn_blocking(move || self.traces.end()).await.unwrap_or_default();
    }
}

/// The rules of every call site, as `serve` would hold them.
pub(crate) fn rules(settings: &Settings) -> Result<Rules, Error> {
    let place = Place::of(settings, &settings.data.dir)?;
    Ok(settings.rules(&basis(settings, &teacher(settings)?, place.as_ref())?)?)
}

/// The part of every site's evidence that all sites share.
fn basis(
    settings: &Settings,
    endpoint: &teacher::Endpoint,
    place: Option<&Place>,
) -> Result<BTreeMap<String, String>, Error> {
    let mut basis = student::basis(settings, endpoint).map_err(|error| format!("similarity.encoder: {error}"))?;
    if let Some(place) = place {
        let student = place.basis(settings);
        basis.extend(student.map_err(|error| format!("student.base {}: {error}", settings.student.base.display()))?);
    }
    Ok(basis)
}

/// What the configuration says, made ready for every part.
fn share(settings: Settings, endpoint: &teacher::Endpoint) -> Result<Shared, Error> {
    let data = std::path::absolute(&settings.data.dir)?;
    files::create_private_dir(&data).map_err(|error| format!("data.dir: {error}"))?;
    let made_private = files::make_private(&data).map_err(|error| format!("data.dir: {error}"))?;
    if made_private > 0 {
        tracing::warn!(dir = %data.display(), made_private, "others could read what is kept here: now its owner alone can");
    }
    let student = Place::of(&settings, &data)?;
    let metrics = Arc::new(Metrics::new()?);
    metrics.build_info(env!("CARGO_PKG_VERSION")).set(1.0);
    if let Some(place) = &student {
        metrics.student_info(place.name()).set(1.0);
    }
    let basis = basis(&settings, endpoint, student.as_ref())?;
    let rules = LiveRules::new(settings.rules(&basis)?);
    let found = Found::open(&settings, &data, rules.clone())?;
    let registry = Registry::new(&std::path::absolute(&settings.data.registry)?);
    let certificates = Certificates::open(&settings, metrics.clone())?;
    let drawing = Drawing::default();
    let traces = Traces::open(&settings)?;
    Ok(Shared { settings, data, metrics, rules, basis, found, registry, student, drawing, certificates, traces })
}

/// The hand-over state; a site is known by its records or its exchanges, not only from its next request on.
fn open_ledger(shared: &Shared, captures: Option<&Segments>) -> Result<Ledger, Error> {
    let dir = shared.data.join("ledger");
    let ledger = Ledger::open_dir(&dir, shared.rules.clone(), shared.metrics.clone(), now_ms())?;
    for site in shared.rules.snapshot().configured().filter(|site| !site.is_default()) {
        ledger.register(site);
    }
    let sites = captures.map(CaptureStore::sites).transpose().unwrap_or_else(|error| {
        tracing::error!(%error, "the captured sites cannot be listed; a site is known again from its next request on");
        None
    });
    let captured = sites.into_iter().flatten().filter(|site| !site.is_default());
    let today = captured.map(|site| shared.found.finder.name_today(&site));
    let past_cap = today.filter(|site| !ledger.register(site)).count();
    if past_cap > 0 {
        tracing::warn!(past_cap, "captured sites past the cap are treated as `default`");
    }
    Ok(ledger)
}

/// Who opens the students. Where they answer here, a call site with a version needs the base's graph: one that was
/// deleted is made again before anything is served.
fn open_students(shared: &Shared, ledger: &Ledger) -> Result<Arc<dyn Students>, Error> {
    let Shared { settings, registry, metrics, .. } = shared;
    let Some(place) = &shared.student else { return Ok(Arc::new(NoStudents)) };
    // What is wrong with it is said before anything else is.
    let opening = place.opening(settings)?;
    let wanted = ledger.views().iter().any(|view| view.active().next().is_some());
    match place {
        Place::Here { format, graph } => {
            if wanted && !graph.join(gemma::GRAPH_FILE).try_exists()? {
                tracing::warn!(graph = %graph.display(), "the base's graph is missing and is made again");
                export::export_base(&settings.student.base, graph, *format)?;
            }
            let configured = &settings.student.format;
            tracing::info!(format = format.name(), ?configured, "the student's number format");
        }
        Place::Served(served) => {
            let url = &served.server.url;
            tracing::info!(backend = served.backend.name(), url, "students answer on a server");
        }
    }
    Ok(Arc::new(RegistryStudents::new(
        registry.clone(),
        opening,
        settings.student.adapter_cache_mb << 20,
        metrics.clone(),
    )))
}

/// The background cycle, where lessons may be held.
fn learning(
    shared: &Shared,
    captures: Option<Arc<Segments>>,
    ledger: &Arc<Ledger>,
    (status, requests): (&LessonStatus, &LessonRequests),
    (activity, stopped): (Arc<Activity>, &watch::Receiver<bool>),
) -> Result<Option<Cycle>, Error> {
    let Shared { settings, metrics, rules, registry, .. } = shared;
    let (Some(place), Some(captures), true) = (&shared.student, captures, settings.lessons.enabled) else {
        return Ok(None);
    };
    if settings.teacher.distillable != Distillable::Yes {
        tracing::warn!("teacher.distillable is not yes: exchanges are kept, but nothing is learnt from them");
        return Ok(None);
    }
    let recent = activity.clone();
    let surroundings =
        Surroundings { requests_per_s: Box::new(move || recent.recent_per_s(now_ms())), stop: stopped.clone() };
    let runner = LessonRunner {
        settings: settings.lessons.clone(),
        program: std::env::current_exe()?,
        student: place.paths(settings)?,
        captures: shared.found.captures(captures),
        drawing: shared.drawing.clone(),
        ledger: ledger.clone(),
        registry: registry.clone(),
        rules: rules.clone(),
        status: status.clone(),
        surroundings,
        clock: now_ms,
    };
    Ok(Some(Cycle {
        runner,
        retention: exchange_log::retention(settings)?,
        today: shared.found.today(),
        requests: requests.clone(),
        metrics: metrics.clone(),
        requests_per_s: Box::new(move |window_s| activity.requests_per_s(now_ms() / 1000, window_s)),
    }))
}

/// The sockets of the data plane and of the admin API.
fn listeners(settings: &Settings) -> Result<(Listener, Listener), Error> {
    let proxy = Listener::bind(settings.proxy.listen, threads(settings))?;
    let admin = Listener::bind(settings.admin.listen, 1).map_err(|error| format!("{error} (admin.listen)"))?;
    Ok((proxy, admin))
}

fn threads(settings: &Settings) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    if settings.proxy.threads == 0 { processors() } else { settings.proxy.threads }
}
