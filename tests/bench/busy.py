"""What a lesson beside it costs the requests of a proxy, in one interleaved run.

Usage: busy.py APPRENTICE [--rounds N] [--seconds S] [--rate R]

A proxy with one call site, a teacher that answers at once, requests at a constant rate one after another on a kept connection, and on the same
machine the training process of a lesson on the practice base (two threads, never ending). Four proxies take turns: without a lesson, with a lesson of
the proxy's own priority that is never stopped, with one that is niced, and with one that is niced and stands still while the proxy is busy (the
default). A round's ratios are to its own idle proxy. Prints the table, writes docs/benchmarks/busy.md.
"""

import argparse
import http.client
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WAYS = [
    ("idle", None),
    ("a lesson of the same priority", (0, 0.0)),
    ("a lesson with nice 10", (10, 0.0)),
    ("a lesson with nice 10 that is paused (default)", (10, 4.0)),
]
CONFIG = """
[proxy]
listen = "127.0.0.1:0"
threads = 1
[admin]
listen = "127.0.0.1:0"
[teacher]
base_url = "http://127.0.0.1:{teacher}/v1"
key_env = "BENCH_KEY"
distillable = "yes"
[data]
dir = "{dir}/data"
registry = "{dir}/registry"
[student]
enabled = true
base = "{root}/models/practice"
format = "f32"
context = 256
[handover]
audit_share_shadow = 0.000001
[lessons]
enabled = {enabled}
exchanges_min = 60
check_every_ms = 100
nice = {nice}
quiet = {{ window_s = 1, requests_per_s = 1000.0 }}
pause = {{ requests_per_s = {pause} }}
[lessons.train]
threads = 2
max_steps = 10000000
epochs = 0.0
patience = 0
evaluate_every_steps = 0
"""


class Teacher(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave together, and at once: delayed acknowledgements would be all that is measured.
    wbufsize = -1
    disable_nagle_algorithm = True
    answer = json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "A rope is nine gold coins, friend."}}], "usage": {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}}).encode()

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_):
        pass


class Proxy:
    def __init__(self, program, teacher, way):
        self.dir = tempfile.TemporaryDirectory(prefix="bench-busy-")
        nice, pause = way or (10, 0.0)
        path = os.path.join(self.dir.name, "apprentice.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(teacher=teacher, dir=self.dir.name, root=ROOT, enabled=str(way is not None).lower(), nice=nice, pause=pause))
        self.log = open(os.path.join(self.dir.name, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen([program, "serve", "--config", path], stdout=subprocess.PIPE, stderr=self.log, text=True)
        ports = []
        while len(ports) < 2:
            line = self.process.stdout.readline()
            if not line:
                sys.exit(f"the proxy ended: {open(self.log.name, encoding='utf-8').read()}")
            ports += re.findall(r"^(?:proxy|admin) +http://127.0.0.1:(\d+)", line)
        self.port, self.admin = map(int, ports)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.count = 0

    def ask(self):
        self.count += 1
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": f"How much is rope number {self.count}?"}]})
        began = time.perf_counter()
        self.connection.request("POST", "/s/shop/v1/chat/completions", body, {"content-type": "application/json"})
        self.connection.getresponse().read()
        return time.perf_counter() - began

    def lesson(self):
        with open(os.path.join(self.dir.name, "data", "admin-token"), encoding="utf-8") as file:
            token = file.read().strip()
        admin = http.client.HTTPConnection("127.0.0.1", self.admin)
        admin.request("GET", "/admin/call-sites/shop", headers={"authorization": f"Bearer {token}"})
        return json.loads(admin.getresponse().read()).get("lesson") or {}

    def train(self):
        """Until the lesson's training has made some steps."""
        for _ in range(150):
            self.ask()
        end = time.time() + 120
        while time.time() < end:
            lesson = self.lesson()
            if lesson.get("problem"):
                sys.exit(f"the lesson failed: {lesson}")
            if lesson.get("steps_done", 0) >= 3:
                return
            time.sleep(0.2)
        sys.exit(f"no lesson began: {self.lesson()}")

    def load(self, seconds, rate):
        """Requests at a constant rate; those of the first second, in which the lesson is stopped, are a client's too."""
        times, began, count = [], time.perf_counter(), 0
        while (now := time.perf_counter() - began) < seconds:
            if now < count / rate:
                time.sleep(count / rate - now)
            times.append(self.ask() * 1000)
            count += 1
        return times

    def end(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        self.dir.cleanup()


def quantile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("apprentice", nargs="?")
    parser.add_argument("--teacher", action="store_true", help="only answer, as the process beside it does")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=100.0)
    arguments = parser.parse_args()
    os.environ["BENCH_KEY"] = "sk-bench"
    if arguments.teacher:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Teacher)
        print(server.server_port, flush=True)
        return server.serve_forever()
    # A process of its own: in this one it would wait for the client's turn of the interpreter.
    teacher = subprocess.Popen([sys.executable, __file__, "--teacher"], stdout=subprocess.PIPE, text=True)
    port = int(teacher.stdout.readline())
    rows = {name: [] for name, _ in WAYS}
    for round_number in range(arguments.rounds):
        for name, way in WAYS if round_number % 2 == 0 else WAYS[::-1]:
            proxy = Proxy(arguments.apprentice, port, way)
            try:
                if way:
                    proxy.train()
                else:
                    for _ in range(150):
                        proxy.ask()
                time.sleep(2)
                before = proxy.lesson().get("steps_done", 0)
                times = proxy.load(arguments.seconds, arguments.rate)
                steps = proxy.lesson().get("steps_done", 0) - before
            finally:
                proxy.end()
            row = (quantile(times, 0.5), quantile(times, 0.99), len(times), steps)
            rows[name].append(row)
            print(f"round {round_number + 1}: {name}: p50 {row[0]:.2f} ms, p99 {row[1]:.2f} ms, {row[2]} requests, {steps} steps", flush=True)
    teacher.kill()
    spread = lambda values, digits=2: f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}-{max(values):.{digits}f}]"
    processor = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")), platform.machine())
    lines = [
        "# A lesson beside the proxy's requests",
        "",
        f"`make bench-busy`, made by `tests/bench/busy.py`: {arguments.rate:.0f} requests a second, one after another, for {arguments.seconds:.0f} s; {arguments.rounds} interleaved rounds. "
        "The lesson trains the practice base with two threads and does not end. Ratios are to the same round's idle proxy: median [lowest-highest]. The client "
        "and the teacher are Python's and share the machine.",
        "",
        f"Machine: {os.cpu_count()} x {processor}, load average {os.getloadavg()[0]:.1f} at the end; {time.strftime('%Y-%m-%d')}.",
        "",
        "| beside | p50, ms | p99, ms | p99 / idle | steps of the lesson meanwhile |",
        "|---|---|---|---|---|",
    ]
    for name, _ in WAYS:
        p99 = [row[1] for row in rows[name]]
        ratio = [own / idle[1] for own, idle in zip(p99, rows["idle"])]
        lines.append(f"| {name} | {spread([row[0] for row in rows[name]])} | {spread(p99)} | {spread(ratio)} | {spread([row[3] for row in rows[name]], 0)} |")
    lines += [
        "",
        "The paused lesson's first tenths of a second, until the rate is seen, are among its requests. What else runs on the machine is in every row.",
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    with open(os.path.join(ROOT, "docs", "benchmarks", "busy.md"), "w", encoding="utf-8") as out:
        out.write(text)


if __name__ == "__main__":
    main()
