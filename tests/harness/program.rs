//! The built program as users run it: a child process with a folder, a configuration and ports of its own.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::client::{self, Answer};
use crate::wait::eventually;

/// Variables of the caller's that would change what the program does.
const FOREIGN: [&str; 4] = ["APPRENTICE_ADMIN_TOKEN", "APPRENTICE_LOG", "OPENAI_API_KEY", "TEST_TEACHER_KEY"];

/// A folder and a configuration; the program can be started in it again and again.
pub struct World {
    pub dir: TempDir,
    program: PathBuf,
    /// Arguments before the program's own: what a wrapper is told.
    first_arguments: Vec<String>,
    settings: toml::Table,
    env: Vec<(String, String)>,
}

/// How a run of the program ended.
#[derive(Clone, Debug)]
pub struct Exit {
    /// Absent after a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl World {
    /// A proxy of `program` before the teacher at `base_url` that passes through and captures; ports are the system's choice.
    ///
    /// # Panics
    /// When there is no folder to be had.
    #[must_use]
    pub fn new(program: &str, base_url: &str) -> Self {
        // What a test puts into the data folder is as private as what the program does.
        rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
        let dir = tempfile::tempdir().unwrap();
        let (program, settings) = (program.into(), toml::Table::new());
        let mut world = Self { dir, program, first_arguments: Vec::new(), settings, env: Vec::new() };
        world.set("proxy.listen", "127.0.0.1:0").set("proxy.threads", 1).set("admin.listen", "127.0.0.1:0");
        world.set("teacher.base_url", base_url).set("teacher.key_env", "TEST_TEACHER_KEY");
        world.set("teacher.distillable", "yes").set("student.enabled", false);
        let (data, registry) = (world.data().display().to_string(), world.registry().display().to_string());
        world.set("data.dir", data).set("data.registry", registry);
        world
    }

    /// Takes the program for a wrapper that starts the real one, and puts `arguments` before that one's own.
    #[must_use]
    pub fn through(mut self, arguments: &[&str]) -> Self {
        self.first_arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        self
    }

    /// Sets one key of the configuration, such as `site.capture`; for the next start.
    ///
    /// # Panics
    /// When a part of `key` is no table.
    pub fn set(&mut self, key: &str, value: impl Into<toml::Value>) -> &mut Self {
        let mut parts: Vec<&str> = key.split('.').collect();
        let last = parts.pop().unwrap();
        let mut table = &mut self.settings;
        for part in parts {
            let inner = table.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            table = inner.as_table_mut().unwrap();
        }
        table.insert(last.to_owned(), value.into());
        self
    }

    /// Sets every key that a configuration's text has.
    ///
    /// # Panics
    /// When it is no TOML.
    pub fn merge(&mut self, text: &str) -> &mut Self {
        merge(&mut self.settings, text.parse().unwrap());
        self
    }

    /// Sets an environment variable of the program.
    pub fn env(&mut self, name: &str, value: &str) -> &mut Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    #[must_use]
    pub fn registry(&self) -> PathBuf {
        self.dir.path().join("registry")
    }

    /// Writes the configuration and names it.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        let path = self.dir.path().join("apprentice.toml");
        std::fs::write(&path, toml::to_string(&self.settings).unwrap()).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.first_arguments).args(arguments);
        self.prepared(command)
    }

    /// A command in the world's folder, with its environment and nobody's input.
    fn prepared(&self, mut command: Command) -> Command {
        command.current_dir(self.dir.path());
        for name in FOREIGN {
            command.env_remove(name);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command of the program to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Exit {
        Self::ended(&mut self.command(arguments))
    }

    /// Has the shell run `script` in the world's folder, to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn shell(&self, script: &str) -> Exit {
        let mut command = Command::new("/bin/sh");
        command.args(["-eu", "-c", script]);
        Self::ended(&mut self.prepared(command))
    }

    /// Runs a command to its end whose standard output nobody reads: a closed pipe.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run_unread(&self, arguments: &[&str]) -> Exit {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Self::ended(self.command(arguments).stdout(writer))
    }

    /// Runs a command to its end whose standard output is a file or a device.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run_into(&self, path: &str, arguments: &[&str]) -> Exit {
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        Self::ended(self.command(arguments).stdout(file))
    }

    fn ended(command: &mut Command) -> Exit {
        let mut running = Running::spawn(command);
        let code = running.wait();
        Exit { code, stdout: running.stdout(), stderr: running.stderr() }
    }

    /// Tries to serve with a configuration that must not work.
    ///
    /// # Panics
    /// When it does.
    #[must_use]
    pub fn fails_to_start(&self) -> Exit {
        let exit = self.run(&["serve", "--config", self.config().to_str().unwrap()]);
        assert_eq!(exit.code, Some(1), "{exit:?}");
        exit
    }

    /// Starts the proxy and waits until it listens.
    ///
    /// # Panics
    /// When it ends instead.
    #[must_use]
    pub fn start(&self) -> Apprentice {
        let config = self.config();
        let mut running = Running::spawn(&mut self.command(&["serve", "--config", config.to_str().unwrap()]));
        let address = |text: &str, what: &str| {
            let line = text.lines().find_map(|line| Some(line.strip_prefix(what)?.split_once("://")?.1))?;
            line.split(['/', ' ']).next()?.parse::<SocketAddr>().ok()
        };
        let (proxy, admin) = eventually("the proxy's addresses", || {
            assert!(running.child.try_wait().unwrap().is_none(), "the program ended: {}", running.stderr());
            let out = running.stdout();
            Some((address(&out, "proxy")?, address(&out, "admin")?))
        });
        Apprentice { running, proxy, admin, token: self.data().join("admin-token") }
    }
}

/// Puts `other` over `table`, key by key.
fn merge(table: &mut toml::Table, other: toml::Table) {
    for (key, value) in other {
        match (table.get_mut(&key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => merge(old, new),
            (_, value) => drop(table.insert(key, value)),
        }
    }
}

/// A running proxy; killed when it is dropped.
pub struct Apprentice {
    running: Running,
    pub proxy: SocketAddr,
    pub admin: SocketAddr,
    token: PathBuf,
}

impl Apprentice {
    /// Puts a chat request to call site `site`.
    #[must_use]
    pub fn chat(&self, site: &str, body: &str) -> Answer {
        self.post(&format!("/s/{site}/v1/chat/completions"), &[], body)
    }

    /// Posts JSON to the proxy.
    #[must_use]
    pub fn post(&self, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut all = vec![("content-type", "application/json")];
        all.extend_from_slice(headers);
        client::ask(self.proxy, "POST", target, &all, body.as_bytes())
    }

    /// Asks the admin API with the token from its file.
    ///
    /// # Panics
    /// When there is no token.
    #[must_use]
    pub fn admin(&self, method: &str, target: &str, body: &str) -> Answer {
        let authorization = format!("Bearer {}", self.token());
        client::ask(self.admin, method, target, &[("authorization", &authorization)], body.as_bytes())
    }

    /// The admin token.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn token(&self) -> String {
        std::fs::read_to_string(&self.token).unwrap().trim().to_owned()
    }

    /// How `site` stands, as the admin API says.
    #[must_use]
    pub fn site(&self, site: &str) -> serde_json::Value {
        self.admin("GET", &format!("/admin/call-sites/{site}"), "").json()
    }

    /// The same; nothing while the site is unknown.
    #[must_use]
    pub fn site_if_known(&self, site: &str) -> Option<serde_json::Value> {
        let answer = self.admin("GET", &format!("/admin/call-sites/{site}"), "");
        (answer.status() == 200).then(|| answer.json())
    }

    /// The sum of a metric's samples whose lines contain all of `labels`.
    ///
    /// # Panics
    /// When a sample is no number.
    #[must_use]
    pub fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let text = client::ask(self.admin, "GET", "/metrics", &[], b"").text();
        let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let lines = text.lines().filter(of_name).filter(|line| labels.iter().all(|label| line.contains(label)));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// Waits until so many exchanges are on disk, counted since the start.
    pub fn captured(&self, count: u32) {
        eventually(&format!("{count} captured exchanges"), || {
            (self.metric("apprentice_captured_total", &[]) >= f64::from(count)).then_some(())
        });
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.running.stderr()
    }

    /// Waits until it has written `text` to standard error.
    pub fn logs(&self, text: &str) {
        eventually(&format!("`{text}` in the log"), || self.log().contains(text).then_some(()));
    }

    #[must_use]
    pub fn id(&self) -> u32 {
        self.running.child.id()
    }

    /// Sends SIGTERM.
    pub fn ask_to_stop(&self) {
        self.running.signal(Signal::TERM);
    }

    /// Sends SIGHUP.
    pub fn ask_to_reload(&self) {
        self.running.signal(Signal::HUP);
    }

    /// The process ids of its children whose command line contains `word`.
    ///
    /// # Panics
    /// Without a `/proc`.
    #[must_use]
    pub fn children(&self, word: &str) -> Vec<i32> {
        let mut children = Vec::new();
        for task in std::fs::read_dir(format!("/proc/{}/task", self.id())).unwrap() {
            // A thread may have ended meanwhile.
            let listed = std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
            children.extend(listed.split_whitespace().map(|id| id.parse::<i32>().unwrap()));
        }
        let runs = |id: &i32| {
            std::fs::read(format!("/proc/{id}/cmdline"))
                .is_ok_and(|line| line.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes()))
        };
        children.into_iter().filter(runs).collect()
    }

    /// The most memory that it has held so far, in bytes.
    ///
    /// # Panics
    /// Without a `/proc`.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
    }

    /// Waits for its end.
    #[must_use]
    pub fn ended(mut self) -> Exit {
        let code = self.running.wait();
        Exit { code, stdout: self.running.stdout(), stderr: self.running.stderr() }
    }

    /// Sends SIGTERM and waits for the end.
    #[must_use]
    pub fn stop(self) -> Exit {
        self.ask_to_stop();
        self.ended()
    }

    /// Sends SIGKILL and waits until nothing is left of it.
    pub fn kill(self) {
        self.running.signal(Signal::KILL);
        assert_eq!(self.ended().code, None, "it should have been killed");
    }
}

/// Sends SIGKILL to a process that is not a child of the test's.
///
/// # Panics
/// When there is none of that id.
pub fn kill_id(id: i32) {
    kill_process(Pid::from_raw(id).unwrap(), Signal::KILL).unwrap();
}

/// Sends SIGTERM to a process that is not a child of the test's.
///
/// # Panics
/// When there is none of that id.
pub fn ask_id_to_stop(id: i32) {
    kill_process(Pid::from_raw(id).unwrap(), Signal::TERM).unwrap();
}

/// A child process and everything it has said.
struct Running {
    child: Child,
    outputs: [Arc<Mutex<String>>; 2],
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let outputs = [Arc::<Mutex<String>>::default(), Arc::default()];
        let stdout = child
            .stdout
            .take()
            .map_or_else(|| Box::new(std::io::empty()) as Box<dyn Read + Send>, |pipe| Box::new(pipe));
        let pipes: [Box<dyn Read + Send>; 2] = [stdout, Box::new(child.stderr.take().unwrap())];
        let read = |(pipe, output): (Box<dyn Read + Send>, &Arc<Mutex<String>>)| {
            let output = output.clone();
            thread::spawn(move || {
                for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                    let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
                    writeln!(output, "{}", String::from_utf8_lossy(&line)).unwrap();
                }
            })
        };
        let readers = pipes.into_iter().zip(&outputs).map(read).collect();
        Self { child, outputs, readers }
    }

    fn stdout(&self) -> String {
        self.outputs[0].lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stderr(&self) -> String {
        self.outputs[1].lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The exit code once it has ended and all that it said was read; `None` after a signal.
    fn wait(&mut self) -> Option<i32> {
        let status = eventually("the program's end", || self.child.try_wait().unwrap());
        // Its children may hold the pipes a moment longer.
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        status.code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Everything below `dir` and the texts, searched for `needle`; where it was found.
#[must_use]
pub fn places_of(needle: &str, dir: &Path, texts: &[(&str, &str)]) -> Vec<String> {
    let holds = |bytes: &[u8]| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
    let files = crate::kept::files(dir).into_iter().filter(|(_, bytes)| holds(bytes));
    let texts = texts.iter().filter(|(_, text)| text.contains(needle)).map(|(name, _)| (*name).to_owned());
    files.map(|(path, _)| path.display().to_string()).chain(texts).collect()
}
