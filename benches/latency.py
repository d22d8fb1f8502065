"""Measures the time from a window's last frame to its verdict when frames arrive faster than they can be processed.

    python3 benches/latency.py FIGUREGROUND [--bundle DIR] [--fps 30] [--windows 30]

A local server sends a stream at FPS. Each window's latency, taken from the metrics, is compared with two frame times
plus the time that the models took for that window.
"""

import argparse
import json
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

HOME = pathlib.Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--bundle")
    parser.add_argument("--fps", type=float, default=30)
    parser.add_argument("--windows", type=int, default=30)
    parser.add_argument("--stride", default="0.5")
    arguments = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        ["ffmpeg", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", HOME / "models/demo/out-of-context.gif",
         "-vf", f"fps={arguments.fps},scale=640:480", "-c:v", "mpeg2video", "-q:v", "4", "-g", "10", "-f", "mpegts",
         f"tcp://127.0.0.1:{port}?listen=1"], stdin=subprocess.DEVNULL)
    time.sleep(1)
    command = [arguments.program, "run", f"tcp://127.0.0.1:{port}", "--backend", "cpu", "--metrics", "127.0.0.1:0"]
    command += ["--window", "2", "--stride", arguments.stride]
    command += ["--bundle", arguments.bundle] if arguments.bundle else []
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    address, total, over, latencies, bounds = None, 0.0, 0, [], []
    try:
        while address is None:
            line = program.stderr.readline()
            assert line, "the program has ended"
            address = re.match(r"metrics: (http://\S+)", line)
        for window in range(arguments.windows):
            line = json.loads(program.stdout.readline())
            with urllib.request.urlopen(address.group(1) + "metrics") as answer:
                text = answer.read().decode()
            now = float(re.search(r"figureground_latency_seconds_sum (\S+)", text).group(1))
            count = int(re.search(r"figureground_latency_seconds_count (\d+)", text).group(1))
            dropped = int(re.search(r"figureground_frames_dropped_total (\d+)", text).group(1))
            took = sum(value for stage, value in line["timing_us"].items() if stage not in ("decode", "wait")) / 1e6
            # More than one window may have ended since the last scrape.
            if count == window + 1 and window > 2:
                latencies.append(now - total)
                bounds.append(2 / arguments.fps + took)
                over += latencies[-1] > bounds[-1]
            total = now
    finally:
        program.kill()
        server.kill()
    median, bound = (statistics.median(values) * 1e3 for values in (latencies, bounds))
    print(f"{len(latencies)} windows, {dropped} frames dropped; latency: median {median:.0f} ms, "
          f"largest {max(latencies) * 1e3:.0f} ms; bound: median {bound:.0f} ms; {over} windows exceeded theirs")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
