//! `apprentice practice`: the real proxy, cycle and student on a practice teacher and its players.
//!
//! Only the teacher and the players are made up; everything else is what `apprentice serve` runs.

#[path = "run_practice_progress.rs"]
mod progress;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use handover::State;
use practice::report::{Report, SiteReport, share};
use practice::scene::Scene;
use practice::teacher::Teacher;
use practice::traffic::{Pace, Traffic};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::app::{self, App};
use crate::cli::{Practice, Until};
use crate::settings::Settings;
use crate::{Outcome, print};

use progress::Show;

const POLICY: &str = include_str!("../policies/practice.toml");
/// What the practice teacher takes for an answer.
const TEACHER_LATENCY: Duration = Duration::from_millis(20);
/// Requests of a site after its hand-over before the figures are drawn.
const CLOSING_REQUESTS: u64 = 300;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The players: bursts of work with lulls in which a lesson may begin.
const PACE: Pace = Pace {
    busy: Duration::from_secs(10),
    busy_requests_per_s: 40.0,
    lull: Duration::from_secs(6),
    lull_requests_per_s: 5.0,
};

/// What is noted of one site on the way.
#[derive(Clone, Debug)]
struct Noted {
    scene: Scene,
    handed_over: Option<f64>,
    /// Requests and seconds at the teacher's change.
    drift_began: Option<(u64, f64)>,
    requests_to_rollback: Option<u64>,
    returned: Option<f64>,
    left_teacher: bool,
}

/// A running practice.
struct Run {
    app: App,
    teacher: Teacher,
    traffic: Traffic,
    notes: Vec<Noted>,
    show: Show,
    began: Instant,
}

/// Runs until what was asked for has happened, or for ever.
pub(crate) fn practice(arguments: Practice) -> Outcome {
    let temporary = if arguments.data.is_none() { Some(TemporaryFolder::new()?) } else { None };
    let data = arguments.data.clone().or_else(|| temporary.as_ref().map(|folder| folder.0.clone())).unwrap_or_default();
    app::runtime()?.block_on(async {
        let mut run = Run::start(&arguments, data).await?;
        let playing = tokio::spawn(run.traffic.clone().play(run.scenes(), PACE, arguments.seed));
        let happened = run.watch(&arguments).await?;
        playing.abort();
        let report = run.report();
        run.app.stop().await;
        if arguments.json {
            print(&serde_json::to_string(&report)?);
        }
        Ok(if happened { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

impl Run {
    async fn start(arguments: &Practice, data: PathBuf) -> Result<Self, app::Error> {
        let scenes: Vec<Scene> = Scene::ALL
            .into_iter()
            .filter(|scene| arguments.only.is_empty() || arguments.only.iter().any(|name| name == scene.name()))
            .collect();
        if scenes.is_empty() {
            return Err(format!(
                "--only {}: the sites are shopkeeper, quest-giver and fortune-teller",
                arguments.only.join(",")
            )
            .into());
        }
        let teacher = Teacher::start(arguments.seed, TEACHER_LATENCY).await?;
        let mut settings = Settings::parse(POLICY)?;
        settings.teacher.base_url = teacher.base_url();
        settings.data.registry = data.join("registry");
        settings.data.dir = data;
        settings.student.base.clone_from(&arguments.base);
        settings.lessons.train.seed = arguments.seed;
        let app = App::start(settings, Some(arguments.seed)).await?;
        let traffic = Traffic::new(&format!("http://{}", app.proxy), &teacher.base_url());
        let show = Show::new(arguments.json);
        show.line(&format!("proxy  http://{}/s/SITE/v1", app.proxy));
        show.line(&format!("admin  http://{}   token in {}", app.admin, app.token_source));
        show.line("the players begin; every answer comes from the practice teacher");
        let note = |scene| Noted {
            scene,
            handed_over: None,
            drift_began: None,
            requests_to_rollback: None,
            returned: None,
            left_teacher: false,
        };
        let notes = scenes.into_iter().map(note).collect();
        Ok(Self { app, teacher, traffic, notes, show, began: Instant::now() })
    }

    fn scenes(&self) -> Vec<Scene> {
        self.notes.iter().map(|noted| noted.scene).collect()
    }

    /// Watches until `--until` is reached, its time is up, or a signal ends it; says whether all went as asked.
    async fn watch(&mut self, arguments: &Practice) -> std::io::Result<bool> {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        // Without `--until` it serves for as long as somebody wants it to.
        let limit = arguments.until.map_or(Duration::MAX, |_| Duration::from_secs(arguments.limit_s));
        let watched = tokio::select! {
            watched = tokio::time::timeout(limit, self.until(arguments)) => watched.map_err(|_| "gave up: the time is up"),
            _ = interrupt.recv() => Err("stopping"),
            _ = terminate.recv() => Err("stopping"),
        };
        Ok(watched.unwrap_or_else(|why| {
            self.show.line(why);
            arguments.until.is_none()
        }))
    }

    /// Looks again and again; ends when `--until` is reached and says whether what it asked for holds.
    async fn until(&mut self, arguments: &Practice) -> bool {
        let (mut drifted, mut told) = (false, false);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.look();
            let settled = self.learnable().all(|noted| noted.handed_over.is_some() && self.closed(noted));
            match arguments.until {
                Some(Until::Requests(count)) if self.played(count) => {
                    return self.notes.iter().all(|noted| self.traffic.tally(noted.scene).failed == 0);
                }
                Some(Until::HandedOver) if settled && (drifted || !arguments.drift) => {
                    return self.learnable().count() > 0 && self.unlearnable_stayed();
                }
                None if settled && !told && (drifted || !arguments.drift) => {
                    told = true;
                    self.tell();
                }
                Some(Until::HandedOver | Until::Requests(_)) | None => {}
            }
            if settled && arguments.drift && !drifted && self.learnable().count() > 0 {
                drifted = true;
                self.change_style();
            }
        }
    }

    fn learnable(&self) -> impl Iterator<Item = &Noted> {
        self.notes.iter().filter(|noted| noted.scene != Scene::FortuneTeller)
    }

    fn unlearnable_stayed(&self) -> bool {
        self.notes.iter().all(|noted| noted.scene != Scene::FortuneTeller || !noted.left_teacher)
    }

    fn played(&self, requests: u64) -> bool {
        self.notes.iter().all(|noted| self.traffic.tally(noted.scene).requests >= requests)
    }

    /// Enough requests after the last hand-over, and no drift still being worked through.
    fn closed(&self, noted: &Noted) -> bool {
        let requests = self.traffic.tally(noted.scene).marked.map_or(0, |marked| marked.requests);
        requests >= CLOSING_REQUESTS && (noted.drift_began.is_none() || noted.returned.is_some())
    }

    /// What a person can do now.
    fn tell(&self) {
        let App { proxy, admin, token_source, .. } = &self.app;
        self.show.line("");
        self.show
            .line("what can be learnt is handed over; the players go on and the proxy keeps serving (Ctrl-C ends it)");
        self.show.line(&format!("  proxy    http://{proxy}/s/shopkeeper/v1   for any OpenAI client"));
        self.show.line(&format!("  metrics  http://{admin}/metrics"));
        self.show.line(&format!("  steer    apprentice sites --admin http://{admin} --token-file {token_source}"));
        self.show.line("");
    }

    fn change_style(&mut self) {
        self.show.line("the teacher changes how it words its answers");
        self.teacher.drift();
        let now = self.began.elapsed().as_secs_f64();
        for noted in &mut self.notes {
            noted.drift_began = Some((self.traffic.tally(noted.scene).requests, now));
        }
    }

    /// Notes what has changed since the last look and shows it.
    fn look(&mut self) {
        let now = self.began.elapsed().as_secs_f64();
        for noted in &mut self.notes {
            let Ok(view) = self.app.ledger.view(noted.scene.name()) else { continue };
            let tally = self.traffic.tally(noted.scene);
            noted.left_teacher |= tally.local > 0;
            if view.state == State::Student && noted.handed_over.is_none() {
                noted.handed_over = Some(now);
                self.traffic.mark(noted.scene);
            }
            if let Some((requests, began)) = noted.drift_began {
                if noted.requests_to_rollback.is_none() && view.state == State::Teacher {
                    noted.requests_to_rollback = Some(tally.requests - requests);
                }
                if noted.requests_to_rollback.is_some() && noted.returned.is_none() && view.state == State::Student {
                    noted.returned = Some(now - began);
                    self.traffic.mark(noted.scene);
                }
            }
            self.show.site(now, &view, &tally, self.app.board.lesson(&view.site), self.app.board.waiting(&view.site));
        }
        self.show.refresh(now);
    }

    fn report(&self) -> Report {
        let site = |noted: &Noted| {
            let view = self.app.ledger.view(noted.scene.name()).ok();
            let tally = self.traffic.tally(noted.scene);
            let marked = tally.marked.unwrap_or_default();
            SiteReport {
                site: noted.scene.name().into(),
                state: view.as_ref().map_or("teacher", |view| view.state.label()).into(),
                requests: tally.requests,
                failed: tally.failed,
                audits: view.as_ref().map_or(0, |view| view.audits),
                lower_bound: view.as_ref().and_then(|view| view.lower_bound).unwrap_or(0.0),
                threshold: view.as_ref().map_or(0.0, |view| view.quality_min),
                local_share: share(marked.local, marked.requests),
                local_accuracy: share(marked.local_unseen_right, marked.local_unseen),
                seconds_to_handover: noted.handed_over,
                teacher_calls_saved: tally.requests.saturating_sub(self.teacher.calls(noted.scene)),
                requests_to_rollback: noted.requests_to_rollback,
                seconds_to_return: noted.returned,
            }
        };
        Report { seconds: self.began.elapsed().as_secs_f64(), sites: self.notes.iter().map(site).collect() }
    }
}

/// A folder of its own, removed at the end.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("apprentice-practice-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What cannot be removed lies in the system's temporary folder and goes with it.
        std::fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}
