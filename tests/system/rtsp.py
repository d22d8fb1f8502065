"""Kills and restarts a real RTSP server while figureground watches its stream.

    python3 tests/system/rtsp.py FIGUREGROUND

Needs Debian's python3-gi, gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-good, -bad and -ugly, and ffmpeg.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from gstreamer import PORT, serve


def main(program):
    server = serve()
    assert server.poll() is None, "no RTSP server: apt-get install python3-gi gir1.2-gst-rtsp-server-1.0"
    arguments = [
        "run",
        f"rtsp://user:hunter2@127.0.0.1:{PORT}/stream",
        "--backend",
        "cpu",
        "--window",
        "1",
        "--stride",
        "0.5",
        "--stall",
        "3",
    ]
    environment = dict(os.environ, RUST_LOG="figureground=info")
    judge = subprocess.Popen(
        [program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    complaints = []
    threading.Thread(target=lambda: complaints.extend(judge.stderr), daemon=True).start()
    watchdog = threading.Timer(120, judge.kill)
    watchdog.start()
    try:
        seen = [json.loads(judge.stdout.readline()) for _ in range(3)]
        server.kill()
        server.wait()
        time.sleep(2)
        server = serve()
        began = time.time()
        # Windows that were complete before the server was killed may still arrive.
        while True:
            seen.append(json.loads(judge.stdout.readline()))
            if seen[-1]["time_us"][0] > seen[-2]["time_us"][1]:
                break
        gone = time.time() - began
        seen += [json.loads(judge.stdout.readline()) for _ in range(3)]
        judge.send_signal(signal.SIGTERM)
        judge.wait(timeout=30)
    finally:
        watchdog.cancel()
        server.kill()
        judge.kill()
    time.sleep(0.5)
    told = "".join(complaints)
    assert "reconnects 1" in told, told
    assert "hunter2" not in told + json.dumps(seen), "a password was shown"
    assert all(line["source"] == f"rtsp://***:***@127.0.0.1:{PORT}/stream" for line in seen)
    assert judge.returncode == 143, judge.returncode
    print(f"{len(seen)} windows, back {gone:.1f} s after the server was, reconnects 1")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
