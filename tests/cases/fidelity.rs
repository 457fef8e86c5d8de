//! What gateways are measured by, one test a row: what a client says reaches the teacher, and what the teacher says reaches the client,
//! as it was said. Every known gateway fails some of them.

use std::time::{Duration, Instant};

use harness::client::{self, Answer, Connection, Piece};
use harness::program::{Apprentice, World};
use harness::script::{self, Gate, Script, Step};
use harness::teacher::{Received, ScriptedTeacher};
use harness::wait::eventually;

use crate::PROGRAM;

/// A request with everything that clients have been seen to send, and some that nobody knows yet.
const REQUEST: &str = "{\n \"model\": \"gpt-5-mini\", \"seed\": 9007199254740993, \"metadata\": {\"quest\": \"42\"}, \"store\": true,\n \"prompt_cache_key\": \"k\", \"safety_identifier\": \"u-1\", \"logit_bias\": {\"50256\": -100}, \"some_field_of_2027\": {\"deep\": [1.0, 1e2, null]},\n \"messages\": [{\"role\":\"system\",\"content\":\"A\"},{\"role\":\"developer\",\"content\":\"B\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"caf\\u00e9 \u{1f701}\"}],\"name\":\"p\"}],\n \"tools\": [{\"type\":\"function\",\"function\":{\"name\":\"give\",\"strict\":true,\"parameters\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"maximum\":1E3}},\"required\":[\"n\"],\"additionalProperties\":false}}}],\n \"response_format\": {\"type\":\"json_schema\",\"json_schema\":{\"name\":\"s\",\"strict\":true,\"schema\":{\"type\":\"object\"}}} }\r\n";

/// An answer likewise.
const ANSWER: &str = "{ \"id\": \"chatcmpl-1\", \"object\":\"chat.completion\", \"created\":1741569952, \"model\":\"gpt-5-mini-2025-08-07\",\n\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Aye\",\"refusal\":null,\"annotations\":[],\"thinking_of_2027\":[1, 2.50, 1e400, \"\\u00e9é\"]},\"logprobs\":{\"content\":[{\"token\":\"Aye\",\"logprob\":-0.10,\"bytes\":[65],\"top_logprobs\":[]}]},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9007199254740993,\"completion_tokens\":1,\"total_tokens\":2,\"prompt_tokens_details\":{\"cached_tokens\":7,\"audio_tokens\":0}},\"service_tier\":\"default\",\"system_fingerprint\":null }";

fn between(answering: impl Fn(&Received) -> Script + Send + Sync + 'static) -> (ScriptedTeacher, World) {
    let teacher = ScriptedTeacher::start(answering);
    let world = World::new(PROGRAM, &teacher.base_url());
    (teacher, world)
}

/// On the way that is learnt from, by path and by default, and on one that is passed through.
const PATHS: [&str; 3] = ["/v1/chat/completions", "/s/shop/v1/chat/completions", "/v1/some-endpoint-of-2027"];

/// Clients that leave, one after the other, and how soon the teacher is left at the median: a busy machine holds up some of them.
const LEAVINGS: usize = 21;
const LEFT_TIME_MAX: Duration = Duration::from_millis(50);

fn ask(proxy: &Apprentice, path: &str, headers: &[(&str, &str)]) -> Answer {
    client::ask(proxy.proxy, "POST", path, headers, REQUEST.as_bytes())
}

#[test]
fn the_bytes_of_an_answer_are_identical() {
    let (_teacher, world) = between(|_| script::json(ANSWER));
    let proxy = world.start();
    for path in PATHS {
        let answer = ask(&proxy, path, &[]);
        assert_eq!((answer.status(), answer.text().as_str(), answer.clean), (200, ANSWER, true), "{path}");
    }
}

#[test]
fn every_field_of_a_request_reaches_the_teacher() {
    let (teacher, world) = between(|_| script::json(ANSWER));
    let proxy = world.start();
    for path in PATHS {
        assert_eq!(ask(&proxy, path, &[]).status(), 200);
    }
    assert_eq!(teacher.received().len(), PATHS.len());
    for received in teacher.received() {
        assert_eq!(String::from_utf8(received.body).unwrap(), REQUEST);
    }
}

#[test]
fn a_seed_of_two_to_the_fifty_third_and_one_stays_that_number() {
    let (teacher, world) = between(|_| script::json(ANSWER));
    assert_eq!(ask(&world.start(), PATHS[0], &[]).status(), 200);
    assert_eq!(teacher.only().json()["seed"], 9_007_199_254_740_993_i64);
}

#[test]
fn trace_and_custom_headers_are_forwarded() {
    let (teacher, world) = between(|_| script::json(ANSWER));
    let proxy = world.start();
    let headers = [
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("tracestate", "vendor=1"),
        ("baggage", "player=7"),
        ("x-client-request-id", "abc"),
        ("x-studio", "a, b;  c=\"d\""),
        ("x-stainless-lang", "python"),
        ("openai-beta", "assistants=v2"),
        ("cookie", "session=1"),
        ("openai-organization", "org-1"),
        ("openai-project", "proj-1"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("user-agent", "AsyncOpenAI/Python 2.9.0"),
    ];
    for path in PATHS {
        assert_eq!(ask(&proxy, path, &headers).status(), 200);
    }
    for received in teacher.received() {
        for (name, value) in headers {
            assert_eq!(received.header(name), Some(value), "{name} on {}", received.target());
        }
    }
}

#[test]
fn the_teachers_own_headers_come_back() {
    const HEADERS: [(&str, &str); 11] = [
        ("content-type", "application/json; charset=utf-8"),
        ("x-request-id", "req_42"),
        ("openai-processing-ms", "731"),
        ("openai-version", "2020-10-01"),
        ("openai-organization", "mill"),
        ("x-ratelimit-limit-requests", "500"),
        ("x-ratelimit-remaining-tokens", "149984"),
        ("x-ratelimit-reset-tokens", "6ms"),
        ("x-should-retry", "true"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ];
    let (_teacher, world) = between(|_| script::whole("200 OK", &HEADERS, ANSWER.as_bytes()));
    let proxy = world.start();
    for path in PATHS {
        let answer = ask(&proxy, path, &[]);
        let found = answer.head.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let sent = |(name, _): &(&str, &str)| HEADERS.iter().any(|(sent, _)| sent == name);
        assert_eq!(found.filter(sent).collect::<Vec<_>>(), HEADERS, "{path}");
    }
}

#[test]
fn the_bytes_of_a_stream_are_identical_and_come_event_by_event() {
    let events = [
        ": keep-alive\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"refusal\":null},\"logprobs\":null}],\"obfuscation\":\"x\"}\n\n",
        "event: note\nid: 7\nretry: 10\ndata: {\"of\":2027}\ndata: {\"two\":\"lines\"}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"caf\u{e9}\"}}]}\r\n\r\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"cost\":0.1}}\n\n",
        "data: [DONE]\n\n",
    ];
    for path in PATHS {
        let gates: Vec<Gate> = events.iter().map(|_| Gate::default()).collect();
        let scripted = gates.clone();
        let (_teacher, world) = between(move |_| {
            let mut steps = vec![script::stream_head()];
            for (event, gate) in events.iter().zip(&scripted) {
                steps.extend([script::chunk(event.as_bytes()), Step::Wait(gate.clone())]);
            }
            steps.push(script::last_chunk());
            steps
        });
        let proxy = world.start();
        let mut connection = Connection::open(proxy.proxy);
        connection.send(&client::request("POST", path, &[], REQUEST.as_bytes()));
        assert_eq!(connection.head().header("content-type"), "text/event-stream");
        for (event, gate) in events.iter().zip(&gates) {
            assert_eq!(connection.piece(), Piece::Data(event.as_bytes().to_vec()), "{path}");
            gate.open();
        }
        assert_eq!(connection.piece(), Piece::End);
    }
}

/// A teacher's error with everything that clients go by.
fn an_error_comes_back(status: &'static str, body: &'static str) {
    const HEADERS: [(&str, &str); 3] = [("retry-after", "7"), ("retry-after-ms", "6500"), ("x-request-id", "req_9")];
    let (teacher, world) = between(move |_| script::whole(status, &HEADERS, body.as_bytes()));
    let proxy = world.start();
    for path in PATHS {
        let answer = ask(&proxy, path, &[]);
        assert!(status.starts_with(&answer.status().to_string()), "{status}: {answer:?}");
        assert_eq!(answer.text(), body);
        for (name, value) in HEADERS {
            assert_eq!(answer.head.find(name), Some(value), "{name} on {path}");
        }
        assert_eq!(answer.head.find("x-should-retry"), None, "whether to retry is the teacher's to say");
    }
    // Nothing is asked again unbidden, and the next request finds no door shut by the last one.
    assert_eq!(teacher.asked(), PATHS.len());
}

#[test]
fn a_429_comes_back_with_its_retry_after() {
    an_error_comes_back(
        "429 Too Many Requests",
        r#"{"error":{"message":"Rate limit reached","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
    );
}

#[test]
fn a_400_comes_back_as_it_is() {
    an_error_comes_back(
        "400 Bad Request",
        r#"{"error":{"message":"Unsupported value: 'temperature'","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}"#,
    );
}

#[test]
fn a_500_comes_back_as_it_is() {
    an_error_comes_back("500 Internal Server Error", "upstream connect error");
}

#[test]
fn any_other_error_comes_back_as_it_is() {
    an_error_comes_back("401 Unauthorized", r#"{"error":{"message":"no such key"}}"#);
    an_error_comes_back("502 Bad Gateway", "<html>bad gateway\r\n</html>");
    an_error_comes_back("418 I'm a teapot", "");
}

#[test]
fn the_teacher_is_left_as_soon_as_the_client_has_left() {
    for (path, streaming) in PATHS.iter().flat_map(|path| [(path, false), (path, true)]) {
        let (teacher, world) = between(move |_| {
            let mut steps =
                if streaming { vec![script::stream_head(), script::chunk(b"data: {}\n\n")] } else { vec![] };
            steps.push(Step::Hang);
            steps
        });
        let proxy = world.start();
        let leave = |at| {
            let mut connection = Connection::open(proxy.proxy);
            connection.send(&client::request("POST", path, &[], REQUEST.as_bytes()));
            teacher.eventually(at, "the request", |received| received.whole);
            if streaming {
                assert_eq!(connection.head().status, 200);
                assert!(matches!(connection.piece(), Piece::Data(_)));
            }
            let left = Instant::now();
            connection.leave();
            let seen =
                teacher.eventually(at, "the end of what nobody waits for", |received| received.abandoned.is_some());
            seen.abandoned.unwrap() - left
        };
        let mut times: Vec<Duration> = (0..LEAVINGS).map(leave).collect();
        times.sort();
        println!("{path}, streaming {streaming}: {times:?}");
        assert!(times[LEAVINGS / 2] < LEFT_TIME_MAX, "{path}, streaming {streaming}: {times:?}");
        eventually("no request in flight", || {
            (proxy.metric("apprentice_requests_in_flight", &[]) == 0.0).then_some(())
        });
    }
}

#[test]
fn an_endpoint_that_nobody_knows_is_forwarded_whatever_the_method_and_the_form() {
    let form = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n\u{0}\u{1}\r\n--b--\r\n";
    let (teacher, world) = between(|_| script::whole("207 Multi-Status", &[("x-odd", "kept")], &[0, 159, 146, 150]));
    let proxy = world.start();
    let cases = [
        ("POST", "/v1/files", "multipart/form-data; boundary=b", form),
        ("PUT", "/v1/a/b%2Fc?d=%20e&d", "application/octet-stream", "\u{0}"),
        ("DELETE", "/v1/responses/resp_1", "text/plain", ""),
        ("PATCH", "/v1/x", "application/json", "{}"),
        ("OPTIONS", "/v1/models", "text/plain", ""),
    ];
    for (method, path, kind, body) in cases {
        let answer = client::ask(proxy.proxy, method, path, &[("content-type", kind)], body.as_bytes());
        assert_eq!((answer.status(), answer.header("x-odd")), (207, "kept"), "{method} {path}");
        assert_eq!(answer.body, [0, 159, 146, 150]);
        let received = teacher.received().pop().unwrap();
        assert!(received.head.starts_with(&format!("{method} {path} HTTP/1.1")), "{}", received.head);
        assert_eq!((received.body.as_slice(), received.header("content-type")), (body.as_bytes(), Some(kind)));
    }
}
