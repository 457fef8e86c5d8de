"""The whole loop with nothing made up but the players: a real model that varies as the teacher, real Gemma 3 270M as
the student's base, a real sentence encoder as the similarity, one call site of an innkeeper.

Usage: run.py BINARY [--audits N] [--requests N] [--limit-s S] [--from run|answers|report]
Prints a table, writes docs/benchmarks/real-teacher.md and .svg and target/bench/real-teacher.json. Whatever the
verdict is, it is written down; exits 1 when the loop itself did not work. --from begins at a later step, on what the last
run left in target/bench/real-teacher.
"""

import argparse
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import report

HERE = os.path.dirname(os.path.abspath(__file__))
DIR = os.path.abspath("target/bench/real-teacher")
SITE = "innkeeper"
CANNOT = 75  # of deploy/setup-real-models.sh
ENDED = ("published", "failed")

NAMES = "Marta Edwin Rosalind Tobias Greta Alaric Beatrix Osric Helga Finn".split()
TOWNS = "Oakham Ravenford Millbrook Stonebridge Greyhaven Thornwick Eastmere Larkhill".split()
GOODS = ["bread", "apple pie", "honey cake", "onion soup", "roast duck", "red wine", "dark ale", "cheese"]
MOODS = "cheerful grumpy tired proud nervous friendly".split()
LINES = [
    "How much is the {item}?", "What is this town called?", "I am hungry. What can I eat here?", "Is the {item} any good?",
    "How are you today?", "Can I have the {item} for less?", "What is your name, innkeeper?", "I would like to buy the {item}.",
    "Tell me about {town}.", "Why are you so {mood}?", "Do you have a room for the night?", "What does the {item} cost?",
    "Good evening! Anything to drink?", "I have only two coins.", "Goodbye!",
]
TASK = "Answer with one short sentence."
CONFIG = """
[proxy]
listen = "{proxy}"
[admin]
listen = "{admin}"
[teacher]
base_url = "{teacher}/v1"
key_env = "APPRENTICE_BENCH_KEY"
# SmolLM2 is under Apache-2.0.
distillable = "yes"
[data]
dir = "data"
registry = "registry"
[student]
base = "{base}"
context = 512
[similarity]
encoder = "{encoder}"
[site]
comparison = "auto"
max_tokens = 48
[handover]
# Every request is audited: on two cores the audits, not the players, are what takes the time.
audit_share_shadow = 1.0
# The evidence, not the exam, decides.
exam_min = 0.0
[lessons]
exchanges_min = 300
check_every_ms = 1000
# The players stop while a lesson runs; there is nothing to wait for.
quiet = {{ window_s = 1, requests_per_s = 100.0 }}
pause = {{ requests_per_s = 0.0 }}
[lessons.train]
rank = 8
alpha = 16.0
learning_rate = 1e-3
schedule = "cosine"
warmup_steps = 3
batch_size = 8
micro_batch_tokens = 512
max_tokens = 256
max_steps = {steps}
evaluate_every_steps = 20
"""


def prompts(seed):
    """Distinct requests in random order: a persona with facts, and a player's line about them."""
    all_of = [
        (name, town, item, price, mood, line)
        for name, town, item, mood, line in itertools.product(NAMES, TOWNS, GOODS, MOODS, LINES)
        for price in (3, 5, 8, 12)
    ]
    random.Random(seed).shuffle(all_of)
    for name, town, item, price, mood, line in all_of:
        turns = [
            ("system", f"You are {name}, the {mood} innkeeper of {town}. You sell {item} for {price} gold coins. {TASK}"),
            # Without an example of its manner a teacher this small loses its part.
            ("user", "Who are you?"), ("assistant", f"I am {name}, the innkeeper of {town}."),
            ("user", "What do you sell?"), ("assistant", f"I sell {item} for {price} gold coins."),
            ("user", line.format(item=item, town=town, mood=mood)),
        ]
        yield [{"role": role, "content": content} for role, content in turns]


def body(messages):
    # A speech bubble holds one sentence: what comes after its end is not asked for.
    stop = ["\n", ". ", "! ", "? "]
    return {"model": "teacher", "messages": messages, "max_tokens": 48, "temperature": 0.8, "stop": stop}


def call(url, value=None, headers=None, timeout=120):
    data = None if value is None else json.dumps(value).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **(headers or {})})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.headers, answer.read().decode()


class Child:
    """A server that says on stdout or stderr where it listens."""

    def __init__(self, name, command, env=None):
        self.log = os.path.join(DIR, f"{name}.log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=DIR, env={**os.environ, **(env or {})})
        self.name = name

    def find(self, pattern, seconds=120):
        end = time.time() + seconds
        while time.time() < end:
            with open(self.log, encoding="utf-8") as log:
                text = re.sub(r"\x1b\[[0-9;]*m", "", log.read())
            found = re.search(pattern, text)
            if found:
                return found.group(1)
            if self.process.poll() is not None:
                break
            time.sleep(0.2)
        sys.exit(f"{self.name} did not come up:\n{text[-3000:]}")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Servers:
    """The teacher and the program; they end with this block, whatever ends it."""

    def __init__(self):
        self.children = []

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
        return self

    def __exit__(self, *_):
        for child in reversed(self.children):
            child.end()

    def teacher(self, models, port="0"):
        command = ["node", os.path.join(HERE, "teacher.mjs"), os.path.join(models, "teacher.gguf"), os.path.join(models, "node_modules"), port]
        self.children.append(Child("teacher", command))
        return self.children[-1].find(r"listening on (http://\S+)")

    def serve(self, binary, name, settings):
        with open(os.path.join(DIR, f"{name}.toml"), "w", encoding="utf-8") as file:
            file.write(settings)
        child = Child(name, [binary, "serve", "--config", f"{name}.toml"], {"APPRENTICE_BENCH_KEY": "bench"})
        self.children.append(child)
        proxy, admin = (child.find(rf"(?m)^{part} +(http://[0-9.:]+)") for part in ("proxy", "admin"))
        with open(os.path.join(DIR, "data/admin-token"), encoding="utf-8") as file:
            return Loop(proxy, admin, file.read().strip())


def skip(why):
    print(f"SKIPPED bench-real-teacher: {why}")
    sys.exit(0)


def fetch(script, cannot):
    """The folder that a setup script prints."""
    done = subprocess.run(["sh", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    sys.stderr.write(done.stderr)
    if done.returncode and cannot(done):
        skip((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    if done.returncode:
        sys.exit(f"{script} failed")
    return done.stdout.strip().splitlines()[-1]


class Loop:
    def __init__(self, proxy, admin, token):
        self.proxy, self.admin, self.headers = proxy, admin, {"authorization": f"Bearer {token}"}
        self.begun, self.counts, self.series, self.seconds = time.time(), {}, [], []
        self.lesson = None

    def ask(self, messages):
        begun = time.time()
        try:
            headers, text = call(f"{self.proxy}/s/{SITE}/v1/chat/completions", body(messages), {"authorization": "Bearer bench"})
        except (urllib.error.URLError, OSError) as error:
            self.count("failed")
            print("request failed:", error, file=sys.stderr)
            return None, None
        choice = json.loads(text)["choices"][0]
        route = headers["x-apprentice-route"]
        self.count(route)
        if route == "teacher":
            self.count(f"teacher_{choice['finish_reason']}")
        self.seconds.append((route, time.time() - begun))
        return choice["message"]["content"], route

    def count(self, name):
        self.counts[name] = self.counts.get(name, 0) + 1

    def requests(self):
        return sum(self.counts.get(name, 0) for name in ("teacher", "student", "failed"))

    def site(self):
        try:
            return json.loads(call(f"{self.admin}/admin/call-sites/{SITE}", headers=self.headers)[1])
        except urllib.error.HTTPError:
            # Nothing was asked of it yet.
            return {"state": "teacher", "audits": 0, "lesson": None}

    def audits_ended(self):
        text = call(f"{self.admin}/metrics", headers=self.headers)[1]
        found = re.findall(r'^apprentice_audits(?:_lost)?_total\{[^}]*call_site="%s"[^}]*\} ([0-9.e+]+)' % SITE, text, re.M)
        return sum(float(value) for value in found)

    def metrics(self):
        return call(f"{self.admin}/metrics", headers=self.headers)[1]

    def wait_for_audit(self, before):
        end = time.time() + 60
        while self.audits_ended() <= before and time.time() < end:
            time.sleep(0.1)

    def log(self):
        entries, before = [], None
        while True:
            page = "" if before is None else f"&before={before}"
            got = json.loads(call(f"{self.admin}/admin/audit?site={SITE}&limit=1000{page}", headers=self.headers)[1])
            entries += got
            if len(got) < 1000:
                return sorted(entries, key=lambda entry: entry["seq"])
            before = min(entry["seq"] for entry in got)

    def note(self, what):
        print(f"{time.time() - self.begun:6.0f} s  {self.requests():5} requests  {what}", file=sys.stderr, flush=True)


def drive(loop, arguments):
    """Plays until the site is handed over and was served for a while, or the audits or the time are spent."""
    deck, served_until, phases = prompts(arguments.seed), None, {}
    loop.drawn = 0
    last = None
    for messages in deck:
        site = loop.site()
        state = site["state"]
        if state != last:
            loop.note(f"state {state}, measure {((site.get('measure') or {}).get('why'))}")
            phases.setdefault(state, round(time.time() - loop.begun, 1))
            last = state
        if time.time() - loop.begun > arguments.limit_s:
            return phases, "the time was spent"
        lesson = site.get("lesson")
        if lesson and lesson["step"] not in ENDED and state == "teacher":
            phases.setdefault("lesson", round(time.time() - loop.begun, 1))
            # The players wait: on two cores their traffic would make the lesson longer, not the figures better.
            while site["state"] == "teacher" and site["lesson"]["step"] not in ENDED and time.time() - loop.begun < arguments.limit_s:
                loop.note(f"lesson: {site['lesson']}")
                time.sleep(10)
                site = loop.site()
            loop.lesson = site["lesson"]
            continue
        if state == "student" and served_until is None:
            served_until = loop.requests() + arguments.served
        if served_until is not None and loop.requests() >= max(served_until, arguments.requests):
            return phases, "handed over"
        if state in ("shadow", "canary") and site["audits"] >= arguments.audits and loop.requests() >= arguments.requests:
            return phases, "the audits were spent"
        before = loop.audits_ended()
        loop.drawn += 1
        loop.ask(messages)
        if state == "shadow":
            loop.wait_for_audit(before)
            seen = loop.site()
            loop.series.append([seen["audits"], seen["quality"], seen["lower_bound"], seen["upper_bound"], seen["quality_min"]])
            if len(loop.series) % 25 == 0:
                loop.note(f"{seen['audits']} audits, quality {seen['quality']}, bound {seen['lower_bound']}")
    return phases, "the prompts were spent"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--requests", type=int, default=600)
    parser.add_argument("--audits", type=int, default=250)
    parser.add_argument("--served", type=int, default=60, help="requests after the hand-over")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--limit-s", type=float, default=1800)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", dest="first", choices=("run", "answers", "report"), default="run")
    arguments = parser.parse_args()
    raw = os.path.join(DIR, "raw.json")
    if arguments.first == "run":
        run(arguments, raw)
    if arguments.first != "report":
        answers(arguments, raw)
    with open(raw, encoding="utf-8") as file:
        return report.write(json.load(file))


def run(arguments, raw):
    begun = time.time()
    binary = os.path.abspath(arguments.binary)
    models = fetch("deploy/setup-real-models.sh", lambda done: done.returncode == CANNOT)
    minilm = fetch("deploy/setup-minilm.sh", lambda done: "could not fetch" in done.stderr)
    shutil.rmtree(DIR, ignore_errors=True)
    os.makedirs(DIR)
    encoder = os.path.join(DIR, "encoder")
    subprocess.run([binary, "export-encoder", "--base", minilm, "--out", encoder], check=True, stdout=subprocess.DEVNULL)
    setup_s = time.time() - begun

    proxy, admin = (f"127.0.0.1:{free_port()}" for _ in range(2))
    with Servers() as servers:
        teacher = servers.teacher(models)
        settings = CONFIG.format(
            teacher=teacher, proxy=proxy, admin=admin, base=os.path.join(models, "gemma"), encoder=encoder, steps=arguments.steps
        )
        loop = servers.serve(binary, "serve", settings)
        phases, end = drive(loop, arguments)
        loop.note(end)
        wall = time.time() - begun
        site, log, metrics = loop.site(), loop.log(), loop.metrics()
        kept = {
            "machine": report.machine(), "load": os.getloadavg()[2], "date": time.strftime("%Y-%m-%d"), "end": end,
            "wall_s": wall, "setup_s": setup_s, "loop_s": time.time() - loop.begun, "phases": phases, "drawn": loop.drawn, "counts": loop.counts, "series": loop.series,
            "seconds": loop.seconds, "lesson": loop.lesson, "site": site, "log": log, "config": settings, "metrics": metrics, "steps": arguments.steps,
        }
        with open(raw, "w", encoding="utf-8") as file:
            json.dump(kept, file)


# Thresholds that anything passes: a trial only so that the student's answers can be seen, after the evidence is in.
ANYTHING = """
[handover]
quality_min = 0.02
quality_floor = 0.01
promote_alpha = 0.5
risk_alpha = 0.9
risk_delta = 0.5
bad_below = 0.01
coverage_min = 0.0
drift_audits = 1e9
audit_share_shadow = 1.0
canary = [{ share = 1.0, audits = 1 }]
exam_min = 0.0
[lessons]
enabled = false
"""


def answers(arguments, raw):
    """Ten prompts that were in no lesson, answered by the teacher twice and by the student. A client never sees what a
    student in Shadow says, so where it was not promoted the program is started again on the same data with other
    thresholds; the figures were written down before."""
    with open(raw, encoding="utf-8") as file:
        kept = json.load(file)
    if not kept["site"].get("version"):
        return
    settings, serving, binary = kept["config"], kept["site"]["state"] == "student", os.path.abspath(arguments.binary)
    deck = itertools.islice(prompts(arguments.seed), kept["drawn"], None)
    rows, begun = [], time.time()
    with Servers() as servers:
        url = servers.teacher(fetch("deploy/setup-real-models.sh", lambda _: False), re.search(r":(\d+)/v1", settings).group(1))
        if not serving:
            # First the policy, then the comparison: a trial that both begin at once would keep the measure it had.
            settings = settings[: settings.index("[handover]")] + ANYTHING
            servers.serve(binary, "policy", settings).ask(next(deck))
            servers.children.pop().end()
            settings = settings.replace('"auto"', '"similar"')
        loop = servers.serve(binary, "answers", settings)
        end = time.time() + 240
        while len(rows) < 10 and time.time() < end:
            before, state = loop.audits_ended(), loop.site()["state"]
            messages = next(deck)
            text, route = loop.ask(messages)
            if route == "student":
                own = [json.loads(call(f"{url}/v1/chat/completions", body(messages))[1])["choices"][0]["message"]["content"] for _ in range(2)]
                rows.append([messages[0]["content"].removesuffix(TASK).strip(), messages[-1]["content"], text, *own])
            elif state == "shadow":
                loop.wait_for_audit(before)
        loop.note(f"{len(rows)} answers of the student, state {loop.site()['state']}")
        kept["answers"], kept["answers_s"] = rows, time.time() - begun
    with open(raw, "w", encoding="utf-8") as file:
        json.dump(kept, file)


if __name__ == "__main__":
    sys.exit(main())
