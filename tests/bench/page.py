#!/usr/bin/env python3
"""What the page costs: python3 page.py PROGRAM BENCH_TEACHER; writes docs/benchmarks/page.md.

A proxy with fifty call sites before a teacher that answers at once. In turns, so that the machine's mood is the same for both: nobody watches, and
twenty pages are open (each listens for changes and fetches the view again when told, as a browser does), while clients ask. Then the view of
fifty sites by itself, the first view in a real Chromium, and `apprentice doctor`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from http.client import HTTPConnection
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/browser"), str(ROOT / "tests/bench")]
import found  # noqa: E402
import practice  # noqa: E402

SITES = 50
WATCHERS = 20
TURN_S = 20
TOKEN = "bench"


class Proxy:
    """The program, and its two addresses."""

    def __init__(self, program, teacher, folder):
        self.folder = Path(folder)
        config = self.folder / "apprentice.toml"
        config.write_text(
            f'[proxy]\nlisten = "127.0.0.1:18080"\n[admin]\nlisten = "127.0.0.1:18081"\n[teacher]\nbase_url = "{teacher}/v1"\n'
            f'[data]\ndir = "{folder}/data"\nregistry = "{folder}/registry"\n[student]\nenabled = false\n'
        )
        self.config, self.program = config, program
        environment = os.environ | {"APPRENTICE_ADMIN_TOKEN": TOKEN}
        self.process = subprocess.Popen([program, "serve", "--config", config], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.proxy, self.admin = ("127.0.0.1", 18080), ("127.0.0.1", 18081)
        wait_for(self.admin)
        self.cookie = self.sign_in()

    def sign_in(self):
        connection = HTTPConnection(*self.admin)
        connection.request("POST", "/sign-in", urllib.parse.urlencode({"token": TOKEN, "name": "bench"}), {"content-type": "application/x-www-form-urlencoded"})
        return connection.getresponse().getheader("set-cookie").split(";")[0]

    def cpu_s(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for(address):
    for _ in range(300):
        try:
            HTTPConnection(*address, timeout=1).connect()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"page: nobody listens at {address}")


def ask(connection, site, number):
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": f"Question {number} of {site}?"}]})
    began = time.perf_counter()
    connection.request("POST", f"/s/{site}/v1/chat/completions", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(f"page: the proxy answers {answer.status}")
    return time.perf_counter() - began


def watch(proxy, stop, fetched):
    """An open page."""
    events = HTTPConnection(*proxy.admin, timeout=60)
    events.request("GET", "/events", headers={"cookie": proxy.cookie})
    stream, page = events.getresponse(), HTTPConnection(*proxy.admin, timeout=60)
    while not stop.is_set():
        if stream.readline().startswith(b"data:"):
            page.request("GET", "/", headers={"cookie": proxy.cookie})
            fetched.append(len(page.getresponse().read()))
    events.close()


def turn(proxy, watchers, rate):
    """Waiting times of clients at `rate` a second in all, and the processor time that the program took."""
    stop, fetched = threading.Event(), []
    threads = [threading.Thread(target=watch, args=(proxy, stop, fetched), daemon=True) for _ in range(watchers)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    connection, waits, began, cpu = HTTPConnection(*proxy.proxy), [], time.perf_counter(), proxy.cpu_s()
    number = 0
    while time.perf_counter() - began < TURN_S:
        waits.append(ask(connection, f"site-{number % SITES}", time.time_ns()))
        number += 1
        time.sleep(max(0.0, began + number / rate - time.perf_counter()))
    used = (proxy.cpu_s() - cpu) / (time.perf_counter() - began)
    stop.set()
    return waits, used, len(fetched)


def p99(values):
    return sorted(values)[int(len(values) * 0.99)]


def spread(values, form="{:.2f}"):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{form.format(middle)} [{form.format(low)}-{form.format(high)}]"


def views(proxy):
    """Milliseconds until the view of fifty sites is there, and its bytes."""
    connection, times, size = HTTPConnection(*proxy.admin), [], 0
    for _ in range(200):
        began = time.perf_counter()
        connection.request("GET", "/", headers={"cookie": proxy.cookie})
        size = len(connection.getresponse().read())
        times.append(1000 * (time.perf_counter() - began))
    return times, size


def first_view(proxy):
    """Milliseconds of ten loads; nothing where there is no browser."""
    try:
        environment = found.environment()
    except LookupError as missing:
        print(f"page: {missing}", file=sys.stderr)
        return None
    script = [str(ROOT / "tests/browser/operator.cjs"), "http://127.0.0.1:18081", TOKEN, "load", "10"]
    return json.loads(subprocess.run(["node", *script], env=environment, check=True, capture_output=True, text=True).stdout)


def doctors(proxy):
    times = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([proxy.program, "doctor", "--config", proxy.config], capture_output=True)
        times.append(time.perf_counter() - began)
    return times


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("teacher")
    arguments.add_argument("--rounds", type=int, default=4)
    asked = arguments.parse_args()
    teacher = subprocess.Popen([asked.teacher, "127.0.0.1:18082"], stdout=subprocess.DEVNULL)
    wait_for(("127.0.0.1", 18082))
    try:
        with tempfile.TemporaryDirectory() as folder:
            proxy = Proxy(asked.program, "http://127.0.0.1:18082", folder)
            try:
                connection = HTTPConnection(*proxy.proxy)
                for site in range(SITES):
                    ask(connection, f"site-{site}", site)
                rounds = [(turn(proxy, 0, 50), turn(proxy, WATCHERS, 50)) for _ in range(asked.rounds)]
                times, size = views(proxy)
                loads, doctor = first_view(proxy), doctors(proxy)
            finally:
                proxy.process.terminate()
                proxy.process.wait(timeout=60)
    finally:
        teacher.kill()
    cost = [100 * (watched[1] - alone[1]) for alone, watched in rounds]
    ratio = [p99(watched[0]) / p99(alone[0]) for alone, watched in rounds]
    medians = [statistics.median(watched[0]) / statistics.median(alone[0]) for alone, watched in rounds]
    rows = [
        ("the view of 50 sites, from the request to its last byte, 200 times, ms", spread(times), "20"),
        ("its bytes", str(size), "150,000"),
        (f"processor time that {WATCHERS} open pages cost the proxy, % of a core ({asked.rounds} rounds; each told {rounds[0][1][2] // WATCHERS} times in {TURN_S} s)", spread(cost), "2"),
        ("clients' p99 with them over without, the same rounds", spread(ratio), "1.05"),
        ("clients' median with them over without", spread(medians), ""),
        ("`apprentice doctor`, the teacher reached, s", spread(doctor), "3"),
    ]
    if loads:
        rows.insert(2, ("the first view in Chromium until it can be used, 10 times, ms", spread(loads, "{:.0f}"), "300"))
    text = "# The page\n\n"
    text += f"`make bench-page`, made by `tests/bench/page.py`: medians and ranges. Machine: {practice.machine()}, load average {os.getloadavg()[0]:.1f} at the end; {time.strftime('%Y-%m-%d')}. The program as `cargo build` makes it (not a release build), 50 call sites without students, 50 requests a second.\n\n"
    text += "| what | figure | wanted at most |\n|---|---|---|\n"
    text += "".join(f"| {what} | {figure} | {wanted} |\n" for what, figure, wanted in rows)
    (ROOT / "docs/benchmarks/page.md").write_text(text)
    print(text)


main()
