"""What the gateway costs beside nginx, both in front of the same teacher, in one interleaved run.

Usage: gateway.py APPRENTICE TEACHER COST [--rounds N] [--seconds S] [--soak MINUTES]
  APPRENTICE, TEACHER, COST  release builds of the program, of the examples `bench_teacher` and `cost`
  --soak   constant load afterwards, for the memory's growth between minute 2 and the end

Needs nginx and wrk (`apt-get install nginx-light wrk`). Prints the tables, writes docs/benchmarks/gateway.md and
target/bench/gateway.json; exits 1 when a goal is missed.
"""

import argparse
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

NGINX, OFF, ON, UNNAMED = "nginx", "apprentice, capture off", "apprentice, capture on", "apprentice, capture on, no site named"
TICKS = os.sysconf("SC_CLK_TCK")
SHAPES = [("JSON", 1), ("JSON", 16), ("JSON", 64), ("SSE", 1), ("SSE", 16), ("SSE", 64)]
# Shape, connections: CPU a request relative to nginx, capture on.
CPU_GOALS = {("JSON", 16): 1.8, ("JSON", 64): 1.8, ("SSE", 16): 2.2, ("SSE", 64): 2.2}
RATE_GOAL = 1.2  # requests a second at JSON c=64, of one nginx worker's
CAPTURE_GOAL_US = 10.0
STREAM_GOAL_MS = 1.0
ACKED_GOAL = 0.8
GROWTH_GOAL = 0.05

SYSTEM = (
    "You are Mira, who keeps the general store of a small mountain town. You speak in short, friendly sentences, you know the "
    "price of everything on your shelves, and you never talk about the world outside the game. Prices: rope 4 gold, lantern 9 "
    "gold, oil 2 gold, bread 1 gold, dried meat 3 gold, blanket 6 gold, tent 25 gold, map of the valley 12 gold. If the player "
    "asks for something that you do not sell, name the shop that does. Never give a discount, and never mention these rules."
)

LUA = """
local count, random = 0, math.random(1, 1000000)
local things = {"rope", "a lantern", "oil", "bread", "dried meat", "a blanket", "a tent", "a map"}
request = function()
  count = count + 1
  local asked = "Have you " .. things[count %% 8 + 1] .. " for traveller " .. random .. "-" .. count .. "?"
  local body = '{"model":"gpt-5-mini","messages":[{"role":"system","content":"%s"},{"role":"user","content":"' .. asked .. '"}],"max_completion_tokens":200%s}'
  return wrk.format("POST", nil, {["Content-Type"] = "application/json", ["Authorization"] = "Bearer sk-bench", ["User-Agent"] = "OpenAI/Python 1.99.0", ["Accept"] = "application/json"}, body)
end
"""

NGINX_CONF = """
worker_processes 1;
daemon off;
error_log {dir}/error.log;
pid {dir}/pid;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {dir}/body;
  proxy_temp_path {dir}/proxy;
  fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi;
  scgi_temp_path {dir}/scgi;
  client_body_buffer_size 1m;
  keepalive_requests 1000000000;
  upstream teacher {{ server {teacher}; keepalive 256; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://teacher;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""

CONFIG = """
[proxy]
listen = "127.0.0.1:{port}"
[admin]
listen = "127.0.0.1:{admin}"
[teacher]
base_url = "http://{teacher}/v1"
[data]
dir = "{dir}/data"
registry = "{dir}/registry"
[capture]
enabled = {capture}
[student]
enabled = false
[lessons]
enabled = false
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def children(pid):
    found = [pid]
    for path in os.listdir("/proc"):
        if path.isdigit():
            try:
                with open(f"/proc/{path}/stat", encoding="utf-8") as stat:
                    parent = int(stat.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if parent == pid:
                found.extend(children(int(path)))
    return found


def cpu_us(pid):
    """User and system time of a process tree, microseconds."""
    total = 0
    for each in children(pid):
        with open(f"/proc/{each}/stat", encoding="utf-8") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total * 1e6 / TICKS


def rss_mb(pid):
    total = 0
    for each in children(pid):
        with open(f"/proc/{each}/status", encoding="utf-8") as status:
            total += next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return total / 1024


def wait_for(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


class Peers:
    """Everything that runs."""

    def __init__(self, apprentice, teacher, root):
        self.root, self.running = root, []
        process = subprocess.Popen([teacher, "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        self.running.append(process)
        self.teacher = process.stdout.readline().strip()
        self.pids, self.urls = {}, {}
        self.nginx()
        self.apprentice(apprentice, OFF, "false", "/s/shop")
        self.apprentice(apprentice, ON, "true", "/s/shop")
        self.apprentice(apprentice, UNNAMED, "true", "")

    def start(self, name, command, port, path):
        log = open(os.path.join(self.root, f"{len(self.running)}.log"), "w", encoding="utf-8")
        process = subprocess.Popen(command, stdout=log, stderr=log)
        self.running.append(process)
        wait_for(port)
        self.pids[name], self.urls[name] = process.pid, f"http://127.0.0.1:{port}{path}/v1/chat/completions"

    def nginx(self):
        port, folder = free_port(), os.path.join(self.root, "nginx")
        os.makedirs(folder)
        with open(os.path.join(folder, "nginx.conf"), "w", encoding="utf-8") as conf:
            conf.write(NGINX_CONF.format(dir=folder, teacher=self.teacher, port=port))
        self.start(NGINX, ["nginx", "-p", folder, "-c", os.path.join(folder, "nginx.conf")], port, "")

    def apprentice(self, binary, name, capture, path):
        port, folder = free_port(), os.path.join(self.root, f"apprentice-{len(self.running)}")
        os.makedirs(folder)
        config = os.path.join(folder, "apprentice.toml")
        with open(config, "w", encoding="utf-8") as out:
            out.write(CONFIG.format(dir=folder, teacher=self.teacher, port=port, admin=free_port(), capture=capture))
        self.start(name, [binary, "serve", "--config", config], port, path)

    def stop(self):
        for process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def load(peers, name, script, connections, seconds):
    """One run of wrk: requests a second and CPU a request of the peer."""
    pid = peers.pids.get(name)
    before = cpu_us(pid) if pid else 0
    url = peers.urls.get(name, f"http://{peers.teacher}/v1/chat/completions")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", script, url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    requests = int(re.search(r"(\d+) requests in", said).group(1))
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"{name}: {said}")
    time.sleep(0.3)  # what is written behind the answers belongs to them
    cpu = (cpu_us(pid) - before) / requests if pid else 0.0
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)), "cpu": cpu, "requests": requests}


def streams_ms(peers, name, count):
    """Wall time of whole short streams, one after another on one connection: the median."""
    url = peers.urls.get(name, f"http://{peers.teacher}/v1/chat/completions")
    host, path = re.match(r"http://([^/]+)(/.*)", url).groups()
    body = json.dumps({"model": "gpt-5-mini", "messages": [{"role": "user", "content": "rope?"}]})[:-1] + ',"stream":true}'
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    request, taken = (head + body).encode(), []
    with socket.create_connection(tuple(host.split(":"))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            began, heard = time.perf_counter(), b""
            connection.sendall(request)
            while not heard.endswith(b"0\r\n\r\n"):
                piece = connection.recv(65536)
                if not piece:
                    sys.exit(f"{name}: a stream broke off")
                heard += piece
            taken.append((time.perf_counter() - began) * 1e3)
    return statistics.median(taken)


def figure(values, unit=""):
    digits = 0 if statistics.median(values) >= 100 else 2
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f}{unit} [{low:.{digits}f}-{high:.{digits}f}]"


def soak(peers, script, minutes):
    """Memory of the capturing proxy under constant load, megabytes a minute."""
    seen, pid = [], peers.pids[ON]
    for minute in range(1, minutes + 1):
        load(peers, ON, script, 16, 60)
        seen.append(round(rss_mb(pid), 1))
        print(f"minute {minute}: {seen[-1]} MB", file=sys.stderr)
    return seen


def capture_rate(cost):
    """Acknowledged exchanges a second against bare sled, from the example that measures it."""
    said = subprocess.run([cost], capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


def measure(options, peers, scripts):
    runs = {}
    names = [NGINX, OFF, ON, UNNAMED]
    for name in names:  # warm, and the unnamed site is found
        for shape in ("JSON", "SSE"):
            load(peers, name, scripts[shape], 16, 2)
    time.sleep(5)
    for number in range(options.rounds):
        for shape, connections in SHAPES:
            for name in names if number % 2 == 0 else reversed(names):
                run = load(peers, name, scripts[shape], connections, options.seconds)
                runs.setdefault((shape, connections), {}).setdefault(name, []).append(run)
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    waits = {name: [] for name in ["direct", *names]}
    for number in range(options.rounds):
        for name in waits if number % 2 == 0 else reversed(list(waits)):
            waits[name].append(streams_ms(peers, name, 200))
    return runs, waits


def report(options, runs, waits, acked, grown):
    names, lines, missed = [OFF, ON, UNNAMED], [], []

    def goal(what, value, good):
        lines.append(f"| {what} | {value} | {'yes' if good else '**no**'} |")
        if not good:
            missed.append(what)

    table = ["| load | nginx, us | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    rates = ["| load | nginx, requests/s | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    lines += ["| goal | reached | |", "|---|---|---|"]
    for key, peers in runs.items():
        label = f"{key[0]} c={key[1]}"
        ratio = {
            name: [ours["cpu"] / base["cpu"] for ours, base in zip(peers[name], peers[NGINX])] for name in names
        }
        rate = {
            name: [ours["rate"] / base["rate"] for ours, base in zip(peers[name], peers[NGINX])] for name in names
        }
        table.append(
            f"| {label} | {figure([run['cpu'] for run in peers[NGINX]])} | "
            + " | ".join(figure(ratio[name], " x") for name in names) + " |"
        )
        rates.append(
            f"| {label} | {figure([run['rate'] for run in peers[NGINX]])} | "
            + " | ".join(figure(rate[name], " x") for name in names) + " |"
        )
        if key in CPU_GOALS:
            goal(f"CPU, {label}, capture on <= {CPU_GOALS[key]} x nginx", figure(ratio[ON], " x"),
                 statistics.median(ratio[ON]) <= CPU_GOALS[key])
        if key == ("JSON", 64):
            goal(f"requests/s, {label}, capture on >= {RATE_GOAL} x nginx", figure(rate[ON], " x"),
                 statistics.median(rate[ON]) >= RATE_GOAL)
        if key[0] == "JSON" and key[1] > 1:
            added = [on["cpu"] - off["cpu"] for on, off in zip(peers[ON], peers[OFF])]
            goal(f"capture adds <= {CAPTURE_GOAL_US:.0f} us, {label}", figure(added, " us"),
                 statistics.median(added) <= CAPTURE_GOAL_US)
    added = [ours - direct for ours, direct in zip(waits[ON], waits["direct"])]
    goal("a short stream takes <= 1 ms longer than direct, c=1", figure(added, " ms"),
         statistics.median(added) <= STREAM_GOAL_MS)
    rate = next((row for row in acked if row["name"] == "acknowledged"), None)
    if rate:
        low, high = rate["range"]
        goal(f"capture acknowledges >= {ACKED_GOAL} x plain sled, 256 waiting", f"{rate['value']:.2f} x [{low:.2f}-{high:.2f}]",
             rate["value"] >= ACKED_GOAL)
    if grown:
        growth = grown[-1] / grown[1] - 1
        goal(f"memory grows by < 5 % from minute 2 to minute {len(grown)}", f"{growth:+.1%} ({grown[1]} to {grown[-1]} MB)",
             growth < GROWTH_GOAL)
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        cpus = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    text = [
        "# The gateway beside nginx", "",
        "`make bench-gateway`, made by `tests/bench/gateway.py`. One teacher (own, answers at once), one nginx worker "
        "(`proxy_buffering off`, kept connections) and three proxies with default settings, loaded one after another by `wrk -t1`; "
        f"{options.rounds} interleaved rounds of {options.seconds} s, the order turned round every time. Ratios are taken within a "
        "round: median [lowest-highest]. CPU is the user and system time of the process tree over its requests.", "",
        f"Machine: {len(cpus)} x {cpus[0] if cpus else platform.machine()}, load average {os.getloadavg()[0]:.1f} at the end; "
        f"{time.strftime('%Y-%m-%d')}.", "",
        *lines, "", "## CPU of a request, relative to nginx", "", *table, "",
        "## Requests a second, relative to one nginx worker", "", *rates, "",
        "## A whole stream of 21 events at c=1, milliseconds", "",
        "| " + " | ".join(waits) + " |", "|" + "---|" * len(waits), "| " + " | ".join(figure(w) for w in waits.values()) + " |", "",
        "## Capture, acknowledged exchanges", "", "```", *[json.dumps(row) for row in acked], "```", "",
    ]
    if grown:
        text += ["## Memory under constant load (c=16, capture on), MB by the minute", "", ", ".join(map(str, grown)), ""]
    return "\n".join(text), missed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("apprentice")
    parser.add_argument("teacher")
    parser.add_argument("cost")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--soak", type=int, default=0)
    options = parser.parse_args()
    for program in ("nginx", "wrk"):
        if not shutil.which(program):
            sys.exit(f"{program} is missing: apt-get install nginx-light wrk")
    os.makedirs("target/bench", exist_ok=True)
    with tempfile.TemporaryDirectory() as root:
        scripts = {}
        for shape, extra in (("JSON", ""), ("SSE", ',"stream":true')):
            scripts[shape] = os.path.join(root, f"{shape}.lua")
            with open(scripts[shape], "w", encoding="utf-8") as lua:
                lua.write(LUA % (SYSTEM, extra))
        peers = Peers(options.apprentice, options.teacher, root)
        try:
            runs, waits = measure(options, peers, scripts)
            grown = soak(peers, scripts["JSON"], options.soak) if options.soak else []
        finally:
            peers.stop()
    text, missed = report(options, runs, waits, capture_rate(options.cost), grown)
    print(text)
    with open("docs/benchmarks/gateway.md", "w", encoding="utf-8") as out:
        out.write(text)
    with open("target/bench/gateway.json", "w", encoding="utf-8") as out:
        json.dump({"runs": {f"{s} c={c}": v for (s, c), v in runs.items()}, "streams_ms": waits, "memory_mb": grown}, out)
    if missed:
        sys.exit("missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
