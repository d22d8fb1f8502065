"""Runs figureground for long with every output on and checks that memory, threads and open files do not grow.

    python3 tests/system/soak.py FIGUREGROUND [--minutes 60] [--out SAMPLES.csv] [--bundle DIR]

The program reads a looping Y4M source as fast as it can, with page, metrics, MQTT, webhook and a rotated file on.
Readers of the page come and go; broker and web server restart ten times. Memory at the end must be within the larger of
2 % and 4 MB of that after 5 minutes, or after a twelfth of the time if that is shorter. Threads and open files must not
be more.

Memory swings by some megabytes within every window, so a single sample is not enough. The lowest and the highest of a
dozen samples after 5 minutes are compared with those of the last dozen. `--again SAMPLES.csv` compares the samples of
an earlier run.

Needs ffmpeg and mosquitto.
"""

import argparse
import base64
import csv
import http.server
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from demo import found, free_port, start


class Hook(http.server.BaseHTTPRequestHandler):
    taken = 0

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        Hook.taken += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def broker(port, folder):
    config = pathlib.Path(folder, "mosquitto.conf")
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    return subprocess.Popen([program, "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def web_server(port):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def read_page(address, seconds):
    """Reads the page's live channel for `seconds`. Returns the number of bytes."""
    host, port = address.removeprefix("http://").rstrip("/").split(":")
    count = 0
    with socket.create_connection((host, int(port)), timeout=10) as stream:
        key = base64.b64encode(os.urandom(16)).decode()
        stream.sendall(
            (
                f"GET /live HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
            ).encode()
        )
        until = time.time() + seconds
        while time.time() < until:
            got = stream.recv(65536)
            if not got:
                break
            count += len(got)
    return count


def readers(address, stop, heard):
    while not stop.is_set():
        try:
            heard.append(read_page(address, 17))
        except OSError:
            stop.wait(1)


def weigh(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    number = lambda key: int(re.search(rf"{key}:\s+(\d+)", status).group(1))
    return {"rss": number("VmRSS") * 1024, "threads": number("Threads"), "files": len(os.listdir(f"/proc/{pid}/fd"))}


def metric(text, name):
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))


def weighed(samples, settled):
    """Prints a summary of the samples and returns whether nothing has grown."""
    dozen = [sample for sample in samples if sample["seconds"] >= settled][:12]
    extremes = lambda some, key: (min(sample[key] for sample in some), max(sample[key] for sample in some))
    first, last = ({key: extremes(some, key) for key in ("rss", "threads", "files")} for some in (dozen, samples[-12:]))
    bound = max(0.02 * first["rss"][1], 4e6)
    growth = [after - before for before, after in zip(first["rss"], last["rss"])]
    print(
        f"resident {first['rss'][0] / 1e6:.2f} to {first['rss'][1] / 1e6:.2f} MB after {dozen[0]['seconds']:.0f} s, "
        f"{last['rss'][0] / 1e6:.2f} to {last['rss'][1] / 1e6:.2f} MB at the end: "
        f"{growth[0] / 1e6:+.2f} and {growth[1] / 1e6:+.2f} MB of {bound / 1e6:.2f}"
    )
    span = lambda which: "{:.0f} to {:.0f}".format(*which)
    print(
        f"threads {span(first['threads'])}, then {span(last['threads'])}; "
        f"open files {span(first['files'])}, then {span(last['files'])}"
    )
    # Name resolution and readers of the page have short-lived threads and files, so the minimum counts.
    return (
        max(growth) <= bound and last["threads"][0] <= first["threads"][0] and last["files"][0] <= first["files"][0] + 1
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", type=found)
    parser.add_argument("--again", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--bundle")
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.again:
        with arguments.again.open(newline="") as file:
            samples = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
        return 0 if weighed(samples, min(300, samples[-1]["seconds"] / 12)) else 1
    seconds, samples, stop, heard = 60 * arguments.minutes, [], threading.Event(), []
    settled = min(300, seconds / 12)
    with tempfile.TemporaryDirectory() as folder:
        mqtt, hook = free_port(), free_port()
        server, listener = broker(mqtt, folder), web_server(hook)
        others = [
            "--mqtt",
            f"mqtt://127.0.0.1:{mqtt}",
            "--mqtt-name",
            "soak",
            "--webhook",
            f"http://127.0.0.1:{hook}/",
            "--webhook-for",
            "every",
            "--lines",
            "verdicts.jsonl",
            "--lines-size",
            "1000000",
            "--lines-keep",
            "2",
        ]
        others += ["--bundle", os.path.abspath(arguments.bundle)] if arguments.bundle else []
        running, restarts, text = [], 0, ""
        try:
            feed, judge, url = start(arguments.program, folder, *others)
            running = [judge, feed]
            crowd = [threading.Thread(target=readers, args=(url, stop, heard), daemon=True) for _ in range(3)]
            [one.start() for one in crowd]
            began = time.time()
            while (passed := time.time() - began) < seconds:
                time.sleep(min(5, seconds / 60))
                assert judge.poll() is None, f"it ended with {judge.returncode}"
                with urllib.request.urlopen(url + "metrics", timeout=10) as answer:
                    text = answer.read().decode()
                samples.append(
                    {
                        "seconds": round(passed, 1),
                        **weigh(judge.pid),
                        "frames": metric(text, "figureground_frames_total"),
                        "windows": metric(text, "figureground_windows_total"),
                        "lost": metric(text, "figureground_lines_lost_total"),
                    }
                )
                # Ten times, and not in the last twelfth, so that queues are empty for the last samples.
                if passed > (restarts + 1) * seconds / 12 and restarts < 10:
                    restarts += 1
                    server.kill()
                    server.wait()
                    listener.shutdown()
                    listener.server_close()
                    time.sleep(min(3, seconds / 60))
                    server, listener = broker(mqtt, folder), web_server(hook)
            judge.terminate()
            code = judge.wait(timeout=30)
        finally:
            stop.set()
            for process in (*running, server):
                process.kill()
                process.wait()
        listener.shutdown()
    if arguments.out:
        with arguments.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, samples[0])
            writer.writeheader()
            writer.writerows(samples)
    last = samples[-1]
    print(
        f"{passed / 60:.1f} minutes, {last['frames']:.0f} frames, {last['windows']:.0f} windows, "
        f"{restarts} restarts of broker and web server"
    )
    # The outputs must have been in use.
    delivered = Hook.taken > 0 and sum(heard) > 1e6 and last["lost"] == 0
    is_flat = weighed(samples, settled)
    print(f"lines lost {last['lost']:.0f}, webhook {Hook.taken}, page {sum(heard) / 1e6:.1f} MB, exit code {code}")
    return 0 if is_flat and delivered and code == 143 and last["windows"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
