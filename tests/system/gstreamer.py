"""Runs the GStreamer pipelines of docs/jetson.md with software elements in place of NVIDIA's hardware.

    python3 tests/system/gstreamer.py FIGUREGROUND [--require]

Needs Debian's gstreamer1.0-tools, gstreamer1.0-plugins-base, -good and -bad, gstreamer1.0-libav and ffmpeg, and for
RTSP python3-gi and gir1.2-gst-rtsp-server-1.0. Skips pipelines whose elements are missing and names the elements;
with --require that is a failure.
"""

import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HOME = pathlib.Path(__file__).resolve().parents[2]
PORT = 18554
# Number of pipelines in docs/jetson.md, so that a layout that is not recognised fails.
PIPELINES = 5

# Software elements in place of hardware. Everything else runs as written.
STAND_INS = [
    (r"nvarguscamerasrc", "videotestsrc pattern=ball is-live=true"),
    (r"libcamerasrc", "videotestsrc pattern=ball is-live=true"),
    (r"\(memory:NVMM\)", ""),
    (r"nvv4l2decoder mjpeg=1", "jpegdec"),
    (r"nvv4l2decoder", "avdec_h264"),
    (r"nvvidconv", "videoconvert"),
    (
        r"v4l2src device=/dev/video0",
        "videotestsrc pattern=ball is-live=true ! 'video/x-raw,width=1280,height=720,framerate=30/1' ! jpegenc",
    ),
    (r"rtsp://camera.lan/stream", f"rtsp://127.0.0.1:{PORT}/stream"),
]

SERVER = f"""
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer.new()
server.set_address("127.0.0.1")
server.set_service("{PORT}")
factory = GstRtspServer.RTSPMediaFactory.new()
factory.set_launch("( videotestsrc pattern=ball is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 "
                   "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 "
                   "! h264parse ! rtph264pay name=pay0 pt=96 )")
factory.set_shared(True)
server.get_mount_points().add_factory("/stream", factory)
server.attach(None)
GLib.MainLoop().run()
"""


def serve():
    """Starts an RTSP server with Debian's Python, the only one with GStreamer's bindings."""
    python = "/usr/bin/python3" if pathlib.Path("/usr/bin/python3").exists() else sys.executable
    server = subprocess.Popen([python, "-c", SERVER], stderr=subprocess.DEVNULL)
    time.sleep(1.5)
    return server


def pipelines():
    text = (HOME / "docs/jetson.md").read_text()
    blocks = re.findall(r"((?:[^\n]+\n)*[^\n]+):\n\n```sh\n(gst-launch.*?)```", text, re.S)
    assert len(blocks) == PIPELINES, f"{len(blocks)} pipelines in docs/jetson.md"
    return [(title.replace("\n", " ")[:70], block.replace("\\\n", " ")) for title, block in blocks]


def stand_in(command):
    for pattern, element in STAND_INS:
        command = re.sub(pattern, lambda _: element, command)
    return command


def missing(command):
    elements = re.findall(r"(?:^|!)\s*([a-z0-9_]+)", command.split("gst-launch-1.0 -q", 1)[1].split("|")[0])
    return [name for name in elements if subprocess.run(["gst-inspect-1.0", "--exists", name]).returncode != 0]


def main(program):
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                "ffmpeg",
                "-v",
                "error",
                "-f",
                "lavfi",
                "-i",
                "testsrc=size=320x240:rate=25:duration=3",
                "-c:v",
                "libx264",
                "-pix_fmt",
                "yuv420p",
                f"{folder}/clip.mp4",
            ],
            check=True,
        )
        server = serve()
        try:
            for title, written in pipelines():
                command = stand_in(written)
                absent = missing(command)
                if "rtspsrc" in command and server.poll() is not None:
                    absent.append("gst-rtsp-server")
                if absent:
                    print(f"SKIPPED: {title}: missing {', '.join(absent)}")
                    failed += "--require" in sys.argv
                    continue
                left, right = command.split("| figureground run -")
                lines = watch(program, left, shlex.split(right), folder)
                verdicts = [json.loads(line)["verdict"] for line in lines]
                print(f"{title}: {len(verdicts)} windows, {verdicts[:3]}")
                if not verdicts:
                    failed += 1
        finally:
            server.kill()
            server.wait()
    return 1 if failed else 0


def watch(program, pipeline, arguments, folder):
    """Returns the verdict lines of a pipeline; only the first three if it does not end by itself."""
    ends = "--window" not in arguments
    feed = subprocess.Popen(["sh", "-c", "exec " + pipeline.strip()], stdout=subprocess.PIPE, cwd=folder)
    judge = subprocess.Popen(
        [program, "run", "-", "--backend", "cpu", *arguments],
        stdin=feed.stdout,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    feed.stdout.close()
    watchdog = threading.Timer(120, judge.kill)
    watchdog.start()
    try:
        if ends:
            lines = judge.communicate()[0].splitlines()
            assert feed.wait(timeout=30) == 0 and judge.returncode == 0, (feed.returncode, judge.returncode)
            return lines
        lines = [judge.stdout.readline() for _ in range(3)]
        feed.terminate()
        feed.wait(timeout=30)
        judge.communicate()
        return [line for line in lines if line]
    finally:
        watchdog.cancel()
        for process in (feed, judge):
            process.kill()
            process.wait()


if __name__ == "__main__":
    if len(sys.argv) < 2 or shutil.which(sys.argv[1]) is None:
        sys.exit(__doc__)
    sys.exit(main(str(pathlib.Path(shutil.which(sys.argv[1])).resolve())))
