//! A real Prometheus beside the proxy: it scrapes what is exposed, understands every sample, and its alerts go off.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use harness::client;
use harness::program::World;
use harness::script;
use harness::teacher::ScriptedTeacher;
use harness::wait::eventually;
use serde_json::Value;

use crate::PROGRAM;

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/prometheus/alerts.yml");

/// A Prometheus that scrapes one target often.
struct Prometheus {
    process: Child,
    address: SocketAddr,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Prometheus {
    /// None where it is not installed, which is said aloud.
    fn start(world: &World, target: SocketAddr) -> Option<Self> {
        if Command::new("prometheus").arg("--version").output().is_err() {
            // Not by a macro, whose words the test runner would keep to itself.
            std::io::stderr().write_all(b"\nSKIPPED: no Prometheus (Debian: apt-get install prometheus)\n").unwrap();
            return None;
        }
        let config = world.dir.path().join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}\nrule_files: ['{RULES}']\nscrape_configs:\n\
             - {{job_name: apprentice, static_configs: [{{targets: ['{target}']}}]}}\n"
        );
        std::fs::write(&config, text).unwrap();
        // Nobody else takes the port in the moment between.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", world.dir.path().join("tsdb").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { process, address })
    }

    /// What it answers; nothing while it is not there yet.
    fn get(&self, path: &str) -> Option<Value> {
        std::net::TcpStream::connect(self.address).ok()?;
        let answer = client::ask(self.address, "GET", path, &[], b"");
        (answer.status() == 200).then(|| answer.json()["data"].clone())
    }

    /// The value of a query that has one.
    fn query(&self, query: &str) -> Option<f64> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let data = self.get(&format!("/api/v1/query?query={encoded}"))?;
        data["result"][0]["value"][1].as_str()?.parse().ok()
    }
}

#[test]
fn prometheus_scrapes_what_the_proxy_counts_and_its_alerts_go_off() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let mut world = World::new(PROGRAM, &teacher.base_url());
    let proxy = world.start();
    let Some(prometheus) = Prometheus::start(&world, proxy.admin) else { return };
    for number in 0..7 {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"Is {number} much?"}}]}}"#);
        assert_eq!(proxy.chat("shop", &body).status(), 200);
    }
    eventually("a scrape", || {
        let counted = prometheus.query(r#"sum(apprentice_requests_total{call_site="shop",code="200"})"#)?;
        (counted > 6.5).then(|| assert!((counted - 7.0).abs() < 0.1))
    });
    assert_eq!(prometheus.query("up"), Some(1.0));
    let targets = prometheus.get("/api/v1/targets").unwrap();
    assert_eq!(targets["activeTargets"][0]["lastError"], "", "every line was understood");
    // The rules are all loaded, and one goes off as soon as its reason is there.
    let health = |data: &Value| {
        let rules =
            data["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap().clone());
        rules.map(|rule| rule["health"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    eventually("the rules' first evaluation", || {
        let health = health(&prometheus.get("/api/v1/rules")?);
        (health.len() > 15 && health.iter().all(|health| health == "ok")).then_some(())
    });
    world.set("handover.quality_min", 7.0);
    assert!(world.config().is_file(), "written anew, with a value that cannot be");
    proxy.ask_to_reload();
    eventually("the alert", || {
        let alerts = prometheus.get("/api/v1/alerts")?;
        let named = |alert: &&Value| alert["labels"]["alertname"] == "ConfigReloadFailed";
        alerts["alerts"].as_array()?.iter().find(named).map(drop)
    });
}
