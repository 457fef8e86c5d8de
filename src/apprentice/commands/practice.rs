//! `apprentice practice`: the real proxy, cycle and student on a practice teacher and its players.
//!
//! Only the teacher and the players are made up; everything else is what `apprentice serve` runs.

mod progress;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use callsite::SiteId;
use handover::State;
use practice::report::{Report, SiteReport, share};
use practice::scene::{Scene, Style};
use practice::teacher::Teacher;
use practice::traffic::{Pace, Traffic};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::app::{self, App};
use crate::cli::{Practice, Until};
use crate::settings::Settings;
use crate::{Outcome, print_line};

use progress::ProgressView;

const POLICY: &str = include_str!("../../../policies/practice.toml");
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

/// When what happened at one site.
#[derive(Clone, Debug)]
struct Milestones {
    scene: Scene,
    site: SiteId,
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
    milestones: Vec<Milestones>,
    progress: ProgressView,
    began: Instant,
}

/// Runs until what was asked for has happened, or for ever.
pub(crate) fn practice(arguments: Practice) -> Outcome {
    // Removed with everything in it when practice ends.
    let temporary = tempfile::Builder::new().prefix("apprentice-practice-").tempdir()?;
    let data = arguments.data.clone().unwrap_or_else(|| temporary.path().to_owned());
    app::runtime()?.block_on(async {
        let mut run = Run::start(&arguments, data).await?;
        let playing = tokio::spawn(run.traffic.clone().play(run.scenes(), PACE, arguments.seed));
        let happened = run.watch(&arguments).await?;
        playing.abort();
        let report = run.report();
        run.app.stop().await;
        if arguments.json {
            print_line(&serde_json::to_string(&report)?);
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
                "--only {}: the sites are shopkeeper, quest-giver, tavern, bard and fortune-teller",
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
        if arguments.judge {
            practice::teacher::MODEL.clone_into(&mut settings.judge.model);
        }
        let app = App::start(settings, Some(arguments.seed))?;
        let traffic = Traffic::new(&format!("http://{}", app.proxy), &teacher.base_url());
        let progress = ProgressView::new(arguments.json);
        progress.line(&format!("proxy  http://{}/s/SITE/v1", app.proxy));
        progress.line(&format!("admin  http://{}   token in {}", app.admin, app.token_source));
        progress.line("the players begin; every answer comes from the practice teacher");
        let begin = |scene: Scene| {
            Ok::<_, app::Error>(Milestones {
                scene,
                site: SiteId::new(scene.name())?,
                handed_over: None,
                drift_began: None,
                requests_to_rollback: None,
                returned: None,
                left_teacher: false,
            })
        };
        let milestones = scenes.into_iter().map(begin).collect::<Result<_, _>>()?;
        Ok(Self { app, teacher, traffic, milestones, progress, began: Instant::now() })
    }

    fn scenes(&self) -> Vec<Scene> {
        self.milestones.iter().map(|site| site.scene).collect()
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
            self.progress.line(why);
            arguments.until.is_none()
        }))
    }

    /// Looks again and again; ends when `--until` is reached and says whether what it asked for holds.
    async fn until(&mut self, arguments: &Practice) -> bool {
        let (mut drifted, mut told) = (false, false);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.look();
            let settled = self.learnable().all(|site| site.handed_over.is_some() && self.closed(site));
            match arguments.until {
                Some(Until::Requests(count)) if self.played(count) => {
                    return self.milestones.iter().all(|site| self.traffic.tally(site.scene).failed == 0);
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

    fn learnable(&self) -> impl Iterator<Item = &Milestones> {
        self.milestones.iter().filter(|site| site.scene.is_learnable())
    }

    fn unlearnable_stayed(&self) -> bool {
        self.milestones.iter().all(|site| site.scene.is_learnable() || !site.left_teacher)
    }

    fn played(&self, requests: u64) -> bool {
        self.milestones.iter().all(|site| self.traffic.tally(site.scene).requests >= requests)
    }

    /// Enough requests after the last hand-over, and no drift still being worked through.
    fn closed(&self, site: &Milestones) -> bool {
        let requests = self.traffic.tally(site.scene).marked.map_or(0, |marked| marked.requests);
        requests >= CLOSING_REQUESTS && (site.drift_began.is_none() || site.returned.is_some())
    }

    /// What a person can do now.
    fn tell(&self) {
        let App { proxy, admin, token_source, .. } = &self.app;
        self.progress.line("");
        self.progress
            .line("what can be learnt is handed over; the players go on and the proxy keeps serving (Ctrl-C ends it)");
        self.progress.line(&format!("  proxy    http://{proxy}/s/shopkeeper/v1   for any OpenAI client"));
        self.progress.line(&format!("  metrics  http://{admin}/metrics"));
        self.progress.line(&format!("  steer    apprentice sites --admin http://{admin} --token-file {token_source}"));
        self.progress.line("");
    }

    fn change_style(&mut self) {
        self.progress.line("the teacher changes how it words its answers");
        self.teacher.drift();
        self.traffic.expect(Style::Drifted);
        let now = self.began.elapsed().as_secs_f64();
        for site in &mut self.milestones {
            site.drift_began = Some((self.traffic.tally(site.scene).requests, now));
        }
    }

    /// Notes what has changed since the last look and shows it.
    fn look(&mut self) {
        let now = self.began.elapsed().as_secs_f64();
        for site in &mut self.milestones {
            let Ok(view) = self.app.ledger.view(&site.site) else { continue };
            let tally = self.traffic.tally(site.scene);
            site.left_teacher |= tally.local > 0;
            if view.state == State::Student && site.handed_over.is_none() {
                site.handed_over = Some(now);
                self.traffic.mark(site.scene);
            }
            if let Some((requests, began)) = site.drift_began {
                if site.requests_to_rollback.is_none() && view.state == State::Teacher {
                    site.requests_to_rollback = Some(tally.requests - requests);
                }
                if site.requests_to_rollback.is_some() && site.returned.is_none() && view.state == State::Student {
                    site.returned = Some(now - began);
                    self.traffic.mark(site.scene);
                }
            }
            let (lesson, waiting) = (self.app.lessons.lesson(&site.site), self.app.lessons.blocked_by(&site.site));
            self.progress.site(now, &view, &tally, lesson, waiting);
        }
        self.progress.refresh(now);
    }

    fn report(&self) -> Report {
        let report = |site: &Milestones| {
            let view = self.app.ledger.view(&site.site).ok();
            let tally = self.traffic.tally(site.scene);
            let marked = tally.marked.unwrap_or_default();
            SiteReport {
                site: site.scene.name().into(),
                state: view.as_ref().map_or("teacher", |view| view.state.label()).into(),
                requests: tally.requests,
                failed: tally.failed,
                audits: view.as_ref().map_or(0, |view| view.audits),
                lower_bound: view.as_ref().and_then(|view| view.lower_bound).unwrap_or(0.0),
                threshold: view.as_ref().map_or(0.0, |view| view.quality_min),
                local_share: share(marked.local, marked.requests),
                local_accuracy: share(marked.local_unseen_right, marked.local_unseen),
                seconds_to_handover: site.handed_over,
                teacher_calls_saved: tally.requests.saturating_sub(self.teacher.calls(site.scene)),
                requests_to_rollback: site.requests_to_rollback,
                seconds_to_return: site.returned,
            }
        };
        Report { seconds: self.began.elapsed().as_secs_f64(), sites: self.milestones.iter().map(report).collect() }
    }
}
