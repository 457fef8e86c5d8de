//! `apprentice practice`: the real proxy, cycle and student on a practice teacher and its players.
//!
//! Only the teacher and the players are made up; everything else is what `apprentice serve` runs.

mod milestones;
mod progress;
mod summary;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use callsite::SiteId;
use practice::report::Report;
use practice::scene::{Scene, Style};
use practice::teacher::Teacher;
use practice::traffic::{Naming, Pace, Tally, Traffic};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::Outcome;
use crate::app::{self, App};
use crate::cli::{Practice, Until};
use crate::output::print_line;
use crate::settings::Settings;

use milestones::Milestones;
use progress::ProgressView;

/// The configuration that practice runs with.
pub(crate) const POLICY: &str = include_str!("../../../policies/practice.toml");
/// What the practice teacher takes for an answer.
const TEACHER_LATENCY: Duration = Duration::from_millis(20);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The players: bursts of work with lulls in which a lesson may begin.
fn pace(requests_per_s: f64) -> Pace {
    Pace {
        busy: Duration::from_secs(10),
        busy_requests_per_s: requests_per_s,
        lull: Duration::from_secs(6),
        lull_requests_per_s: requests_per_s / 8.0,
    }
}

/// A running practice.
struct Run {
    app: App,
    teacher: Teacher,
    traffic: Traffic,
    milestones: Vec<Milestones>,
    progress: ProgressView,
    began: Instant,
    /// The players name no call site.
    unnamed: bool,
}

/// Runs until what was asked for has happened, or for ever.
pub(crate) fn practice(arguments: Practice) -> Outcome {
    // Removed with everything in it when practice ends.
    let temporary = tempfile::Builder::new().prefix("apprentice-practice-").tempdir()?;
    let data = arguments.data.clone().unwrap_or_else(|| temporary.path().to_owned());
    app::runtime()?.block_on(async {
        let mut run = Run::start(&arguments, data).await?;
        let playing =
            tokio::spawn(run.traffic.clone().play(run.scenes(), pace(arguments.requests_per_s), arguments.seed));
        let happened = run.watch(&arguments).await?;
        playing.abort();
        let report = run.report();
        summary::lines(&report).iter().try_for_each(|line| run.progress.line(line))?;
        run.app.stop().await;
        if arguments.json {
            print_line(&serde_json::to_string(&report)?)?;
        }
        Ok(if happened { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Practice's own settings under those of a file.
fn settings(policy: Option<&Path>) -> Result<Settings, app::Error> {
    let Some(path) = policy else { return Ok(Settings::parse(POLICY)?) };
    let text = fs_err::read_to_string(path)?;
    let over: toml::Table = text.parse().map_err(|error| format!("{}: {error}", path.display()))?;
    let mut all: toml::Table = POLICY.parse()?;
    lay_over(&mut all, over);
    Ok(Settings::parse(&all.to_string()).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// Tables are laid over each other, everything else is replaced.
fn lay_over(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(under)), toml::Value::Table(over)) => lay_over(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

impl Run {
    async fn start(arguments: &Practice, data: PathBuf) -> Result<Self, app::Error> {
        let only = &arguments.only;
        let scenes: Vec<Scene> = if only.is_empty() {
            Scene::ALL.to_vec()
        } else {
            Scene::KNOWN.into_iter().filter(|scene| only.contains(scene)).collect()
        };
        if !scenes.iter().any(|scene| scene.is_learnable()) && arguments.until == Some(Until::HandedOver) {
            return Err("--until handed-over: of the sites of --only none can be handed over".into());
        }
        let teacher = Teacher::start(arguments.seed, TEACHER_LATENCY).await?;
        let mut settings = settings(arguments.policy.as_deref())?;
        settings.teacher.base_url = teacher.base_url();
        settings.data.registry = data.join("registry");
        settings.data.dir = data;
        settings.student.base.clone_from(&arguments.base);
        settings.lessons.train.seed = arguments.seed;
        if arguments.judge {
            practice::teacher::MODEL.clone_into(&mut settings.judge.model);
        }
        let app = App::start(settings, None, Some(arguments.seed))?;
        let naming = if arguments.unnamed { Naming::Unnamed } else { Naming::Named };
        let traffic = Traffic::new(&format!("http://{}", app.proxy), &teacher.base_url(), naming);
        let mut progress = ProgressView::new(arguments.json);
        let path = if arguments.unnamed { "" } else { "/s/SITE" };
        progress.line(&format!("proxy  http://{}{path}/v1", app.proxy))?;
        progress.line(&format!("admin  http://{}   token in {}", app.admin, app.token_source))?;
        progress.legend()?;
        progress.line("the players begin; every answer comes from the practice teacher")?;
        let begin = |scene: Scene| {
            let name = SiteId::new(scene.name())?;
            Ok::<_, app::Error>(Milestones::new(scene, (!arguments.unnamed).then_some(name)))
        };
        let milestones = scenes.into_iter().map(begin).collect::<Result<_, _>>()?;
        let unnamed = arguments.unnamed;
        Ok(Self { app, teacher, traffic, milestones, progress, began: Instant::now(), unnamed })
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
            watched = tokio::time::timeout(limit, self.until(arguments)) => match watched {
                Ok(watched) => Ok(watched?),
                Err(_) => Err("gave up: the time is up"),
            },
            _ = interrupt.recv() => Err("stopping"),
            _ = terminate.recv() => Err("stopping"),
        };
        watched.or_else(|why| {
            self.progress.line(why)?;
            Ok(arguments.until.is_none())
        })
    }

    /// Looks again and again; ends when `--until` is reached and says whether what it asked for holds. Ends too when
    /// nobody reads any more.
    async fn until(&mut self, arguments: &Practice) -> std::io::Result<bool> {
        let (mut drifted, mut told) = (false, false);
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.look()?;
            if self.progress.is_unread() {
                return Ok(arguments.until.is_none());
            }
            let settled = self.is_settled();
            let done = settled && (drifted || !arguments.drift);
            match arguments.until {
                Some(Until::Requests(count)) if self.all(|_, tally| tally.requests >= count) => {
                    return Ok(self.all(|_, tally| tally.failed == 0));
                }
                Some(Until::Audits(count)) if self.all(|site, _| site.audits() >= count) => {
                    return Ok(self.all(|_, tally| tally.failed == 0) && self.unlearnable_stayed());
                }
                Some(Until::HandedOver) if done => return Ok(self.unlearnable_stayed()),
                None if done && !told => {
                    told = true;
                    self.tell()?;
                }
                Some(Until::HandedOver | Until::Requests(_) | Until::Audits(_)) | None => {}
            }
            if settled && arguments.drift && !drifted {
                drifted = true;
                self.change_style()?;
            }
        }
    }

    /// Whether `so` holds at every site.
    fn all(&self, so: impl Fn(&Milestones, &Tally) -> bool) -> bool {
        self.milestones.iter().all(|site| so(site, &self.traffic.tally(site.scene)))
    }

    /// Whether there is something to learn and all of it is handed over.
    fn is_settled(&self) -> bool {
        self.milestones.iter().any(|site| site.scene.is_learnable())
            && self.all(|site, tally| !site.scene.is_learnable() || site.is_settled(tally))
    }

    fn unlearnable_stayed(&self) -> bool {
        self.all(|site, tally| site.scene.is_learnable() || site.stayed(tally))
    }

    /// What has happened, and what a person can do now.
    fn tell(&mut self) -> std::io::Result<()> {
        let App { proxy, admin, token_source, .. } = &self.app;
        let mut lines = vec![String::new(), "what can be learnt is handed over".to_owned()];
        lines.extend(summary::lines(&self.report()));
        let program = std::env::args().next().unwrap_or_else(|| "apprentice".to_owned());
        let site = self.milestones.first().map_or("SITE", |site| site.scene.name());
        let path = if self.unnamed { String::new() } else { format!("/s/{site}") };
        lines.extend([
            String::new(),
            "the players go on and the proxy keeps serving; Ctrl-C ends it".to_owned(),
            format!("  proxy    http://{proxy}{path}/v1   for any OpenAI client"),
            format!("  metrics  http://{admin}/metrics"),
            format!("  steer    {program} sites --admin http://{admin} \\"),
            format!("             --token-file {token_source}"),
            String::new(),
        ]);
        lines.iter().try_for_each(|line| self.progress.line(line))
    }

    fn change_style(&mut self) -> std::io::Result<()> {
        self.progress.line("the teacher changes how it words its answers")?;
        self.teacher.drift();
        self.traffic.expect(Style::Drifted);
        let now = self.began.elapsed().as_secs_f64();
        for site in &mut self.milestones {
            site.drift_begins(now, &self.traffic.tally(site.scene));
        }
        Ok(())
    }

    /// Notes what has changed since the last look and shows it.
    fn look(&mut self) -> std::io::Result<()> {
        let now = self.began.elapsed().as_secs_f64();
        for site in &mut self.milestones {
            let tally = self.traffic.tally(site.scene);
            if let Some(found) = site.find(&tally) {
                self.progress.line(&format!("{now:6.0} s  -- {}: found, as `{found}`", site.scene.name()))?;
                self.traffic.forget_newest();
            }
            let Some(name) = site.site.clone() else { continue };
            let Ok(view) = self.app.ledger.view(&name) else { continue };
            if site.note(now, &view, &tally) {
                self.traffic.mark(site.scene);
            }
            let (lesson, waiting) = (self.app.lessons.lesson(&name), self.app.lessons.blocked_by(&name));
            self.progress.site(now, site.scene, &view, &tally, lesson.as_ref(), waiting.as_deref())?;
        }
        self.progress.refresh(now)
    }

    fn report(&self) -> Report {
        let report = |site: &Milestones| site.report(&self.traffic.tally(site.scene), self.teacher.calls(site.scene));
        let agreement = self.unnamed.then(|| fingerprint::adjusted_rand_index(self.traffic.newest().into_iter()));
        let seconds = self.began.elapsed().as_secs_f64();
        Report { seconds, agreement, sites: self.milestones.iter().map(report).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_changes_what_it_names_and_nothing_else() {
        let own = settings(None).unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/practice-real.toml");
        let real = settings(Some(&path)).unwrap();
        assert_ne!(real.lessons.train.learning_rate, own.lessons.train.learning_rate);
        assert_eq!(real.lessons.train.rank, own.lessons.train.rank);
        assert_eq!(real.lessons.exchanges_min, own.lessons.exchanges_min);
    }

    #[test]
    fn a_wrong_policy_is_refused_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        for (text, problem) in [("[lessons]\nnonsense = 1\n", "nonsense"), ("[lessons", "policy.toml")] {
            let path = dir.path().join("policy.toml");
            std::fs::write(&path, text).unwrap();
            let error = settings(Some(&path)).unwrap_err().to_string();
            assert!(error.contains("policy.toml") && error.contains(problem), "{error}");
        }
    }
}
