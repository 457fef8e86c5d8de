//! What packages ship beside the program agrees with it: configurations, probes, names of secrets, versions, time to end.

use std::path::{Path, PathBuf};

use harness::client;
use harness::program::World;
use harness::script;
use harness::teacher::ScriptedTeacher;

use crate::PROGRAM;

const UNIT: &str = include_str!("../../deploy/apprentice.service");
const MANIFEST: &str = include_str!("../../src/apprentice/Cargo.toml");
const CHART: &str = include_str!("../../deploy/helm/apprentice/Chart.yaml");
const CHART_CONFIG: &str = include_str!("../../deploy/helm/apprentice/files/apprentice.toml");
const POD: &str = include_str!("../../deploy/helm/apprentice/templates/statefulset.yaml");
const DEBIAN: &str = include_str!("../../deploy/debian/apprentice.toml");
const DOCKER: &str = include_str!("../../deploy/docker/apprentice.toml");
const DOCKERFILE: &str = include_str!("../../deploy/docker/Dockerfile");
const COMPOSE: &str = include_str!("../../deploy/docker/compose.yml");

/// The chart's expressions, as a template engine would fill them in.
const FILLED_IN: [(&str, &str); 10] = [
    ("{{ include \"apprentice.hosts\" . }}", "[\"release-apprentice.default\", \"llm.studio.example\"]"),
    ("{{ .Values.teacher.baseUrl | quote }}", "\"https://api.openai.com/v1\""),
    ("{{ .Values.teacher.distillable | quote }}", "\"unknown\""),
    ("{{ .Values.student.enabled }}", "false"),
    ("{{ .Values.student.base | quote }}", "\"/models/gemma-3-1b-it\""),
    ("{{ $name }}", "shop-server"),
    ("{{ $key.hash | quote }}", "\"0000000000000000000000000000000000000000000000000000000000000000\""),
    ("{{ . | quote }}", "\"shopkeeper\""),
    ("requests_per_minute = {{ int64 . }}", "requests_per_minute = 600"),
    ("tokens_per_day = {{ int64 . }}", "tokens_per_day = 20000000"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The chart's configuration with one key in it. `make check-packages` has Helm itself render it.
fn of_the_chart() -> String {
    let lines = CHART_CONFIG.lines().filter(|line| !line.starts_with("{{-"));
    let mut text = lines.collect::<Vec<_>>().join("\n");
    for (expression, value) in FILLED_IN {
        assert!(text.contains(expression), "the chart's configuration has no {expression}");
        text = text.replace(expression, value);
    }
    assert!(!text.contains("{{"), "an expression of the chart's is not known here: {text}");
    text
}

/// What follows `key` on the lines that begin with it.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let found = text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix(key));
    let found: Vec<&str> = found.map(|value| value.trim().trim_matches('"')).collect();
    assert!(!found.is_empty(), "no line begins with {key}");
    found
}

fn only<'a>(text: &'a str, key: &str) -> &'a str {
    let found = values(text, key);
    assert_eq!(found.len(), 1, "{key}: {found:?}");
    found[0]
}

/// The words of the program that an instruction of the Dockerfile's last stage starts.
fn of_the_image(instruction: &str) -> Vec<String> {
    let stage = DOCKERFILE.rsplit("\nFROM ").next().unwrap();
    let line = stage.lines().find(|line| line.starts_with(instruction)).unwrap();
    let (_, words) = line.split_once('[').unwrap();
    serde_json::from_str(&format!("[{words}")).unwrap()
}

#[test]
fn the_image_asks_the_port_that_it_serves() {
    // Without --admin the default one is asked.
    assert_eq!(of_the_image("HEALTHCHECK"), ["apprentice", "health"]);
    assert_eq!(of_the_image("ENTRYPOINT"), ["apprentice"]);
    assert_eq!(of_the_image("CMD")[0], "serve");
    let docker: toml::Table = DOCKER.parse().unwrap();
    assert_eq!(docker["admin"]["listen"].as_str(), Some("0.0.0.0:8081"));
    let world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    let help = world.run(&["health", "--help"]);
    assert!(help.stdout.contains("[default: http://127.0.0.1:8081]"), "{help:?}");
}

#[test]
fn every_configuration_that_is_shipped_is_one_that_the_program_reads() {
    let world = World::new(PROGRAM, "http://127.0.0.1:9/v1");
    let chart = of_the_chart();
    for (name, text) in [("debian.toml", DEBIAN), ("docker.toml", DOCKER), ("chart.toml", chart.as_str())] {
        let path = world.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let exit = world.run(&["check", "--config", path.to_str().unwrap()]);
        assert_eq!(exit.code, Some(0), "{name}: {exit:?}");
    }
}

#[test]
fn what_asks_whether_it_lives_is_answered() {
    let teacher = ScriptedTeacher::start(|_| script::says("ok"));
    let chart = of_the_chart();
    for text in [DEBIAN, DOCKER, chart.as_str()] {
        let mut world = World::new(PROGRAM, &teacher.base_url());
        let (data, registry) = (world.data().display().to_string(), world.registry().display().to_string());
        world.merge(text).set("data.dir", data).set("data.registry", registry);
        world.set("proxy.listen", "127.0.0.1:0").set("admin.listen", "127.0.0.1:0");
        world.set("teacher.base_url", teacher.base_url()).set("teacher.key_env", "TEST_TEACHER_KEY");
        let proxy = world.env("TEST_TEACHER_KEY", "sk-own").start();
        let mut paths = values(POD, "path:");
        assert_eq!(paths.len(), 3, "startup, readiness, liveness");
        paths.extend(values(include_str!("../../deploy/helm/apprentice/templates/servicemonitor.yaml"), "path:"));
        for path in paths {
            // By an address, as a kubelet and Prometheus ask.
            let answer = client::ask(proxy.admin, "GET", path, &[], b"");
            assert_eq!(answer.status(), 200, "{path}");
        }
        let (check, admin) = (of_the_image("HEALTHCHECK"), format!("http://{}", proxy.admin));
        let mut check: Vec<&str> = check.iter().map(String::as_str).collect();
        assert_eq!(check.remove(0), "apprentice");
        check.extend(["--admin", &admin]);
        assert_eq!(world.run(&check).code, Some(0), "{check:?}");
        assert_eq!(proxy.stop().code, Some(0));
    }
}

#[test]
fn the_secrets_of_the_unit_and_of_the_chart_are_named_as_the_program_asks_for_them() {
    let config: toml::Table = include_str!("../../policies/default.toml").parse().unwrap();
    let name = |section: &str, key: &str| config[section][key].as_str().unwrap().to_owned();
    let wanted = [name("teacher", "key_env"), name("admin", "token_env")];
    let loaded = values(UNIT, "LoadCredential=");
    let names: Vec<&str> = loaded.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(names, wanted);
    let debian: toml::Table = DEBIAN.parse().unwrap();
    assert_eq!(debian["teacher"]["key_env"].as_str(), Some(&*wanted[0]));
    let secret = include_str!("../../deploy/helm/apprentice/templates/secret.yaml");
    assert!(secret.contains(&format!("  {}: ", wanted[1])), "{secret}");
    for name in &wanted {
        assert!(COMPOSE.contains(&format!("      {name}: ")), "compose.yml does not set {name}");
    }
}

#[test]
fn a_package_puts_things_where_the_unit_and_the_configuration_look() {
    let program = only(UNIT, "ExecStart=");
    assert_eq!(program, "/usr/bin/apprentice serve --config /etc/apprentice/apprentice.toml");
    let manifest: toml::Table = MANIFEST.parse().unwrap();
    let deb = &manifest["package"]["metadata"]["deb"];
    let assets = deb["assets"].as_array().unwrap();
    let asset = |asset: &toml::Value, at: usize| asset[at].as_str().unwrap().to_owned();
    let targets: Vec<String> = assets.iter().map(|one| asset(one, 1)).collect();
    assert!(targets.contains(&"usr/bin/".to_owned()) && targets.contains(&"etc/apprentice/".to_owned()));
    // What is not made by the build lies in the repository.
    for source in assets.iter().map(|one| asset(one, 0)).filter(|source| !source.contains("target/")) {
        let path = root().join("src/apprentice").join(source.split('*').next().unwrap());
        assert!(path.try_exists().unwrap(), "{source} is not there");
    }
    let state = format!("/var/lib/{}", only(UNIT, "StateDirectory="));
    let debian: toml::Table = DEBIAN.parse().unwrap();
    for (section, key) in [("data", "dir"), ("data", "registry"), ("student", "base")] {
        let path = debian[section][key].as_str().unwrap();
        assert!(path.starts_with(&state), "{section}.{key} = {path} is not below {state}");
    }
}

#[test]
fn images_and_charts_carry_the_programs_version() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!((only(CHART, "version:"), only(CHART, "appVersion:")), (version, version));
    assert!(COMPOSE.contains(&format!("image: apprentice:{version}\n")), "compose.yml's image has another tag");
}

#[test]
fn whoever_ends_it_gives_it_the_time_that_running_requests_get() {
    let config: toml::Table = include_str!("../../policies/default.toml").parse().unwrap();
    let drain_s = config["proxy"]["drain_s"].as_integer().unwrap();
    let chart = include_str!("../../deploy/helm/apprentice/values.yaml");
    let given = [
        only(UNIT, "TimeoutStopSec="),
        only(chart, "terminationGracePeriodSeconds:"),
        only(COMPOSE, "stop_grace_period:").trim_end_matches('s'),
    ];
    for seconds in given {
        assert!(seconds.parse::<i64>().unwrap() >= drain_s + 15, "{seconds} s, and proxy.drain_s is {drain_s}");
    }
}

#[test]
fn notices_are_made_for_the_licences_that_are_allowed() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap().parse::<toml::Table>().unwrap();
    assert_eq!(read("deploy/about.toml")["accepted"], read("deny.toml")["licenses"]["allow"]);
}
