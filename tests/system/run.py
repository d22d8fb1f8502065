"""Runs the tests of the whole program that need more than cargo: a browser, GStreamer, QEMU, a GPU, torch, a cluster.

    python3 tests/system/run.py FIGUREGROUND [--only NAME ...] [--require NAME ...] [--list]

Each test is a program beside this one and also runs by itself. A test whose needs are not met is skipped, loudly. Ends
with 1 if a test failed, or if a required one was skipped. Python packages have to be installed for the Python that runs
this file; GStreamer's bindings are looked for in /usr/bin/python3 as well.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

from demo import found

HERE = pathlib.Path(__file__).resolve().parent
# GStreamer's bindings come with Debian's Python only.
SYSTEM_PYTHON = "/usr/bin/python3" if pathlib.Path("/usr/bin/python3").exists() else sys.executable
GI = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
GSTREAMER_PACKAGES = (
    "gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad "
    "gstreamer1.0-plugins-ugly gstreamer1.0-libav python3-gi gir1.2-gst-rtsp-server-1.0"
)


@dataclass
class Machine:
    """The program under test and this computer."""

    program: str

    def devices(self):
        answer = subprocess.run([self.program, "devices", "--json"], capture_output=True, text=True, check=True)
        return json.loads(answer.stdout)

    def beside(self, name):
        """Returns the path of another program that cargo has built beside this one."""
        return pathlib.Path(self.program).with_name(name)


@dataclass
class Need:
    """Something that a test needs: its name, how to get it, and whether `machine` has it."""

    name: str
    remedy: str
    is_met: object


def command(name, package, *places):
    def is_met(_):
        return any(shutil.which(place) for place in (name, *places))

    return Need(name, f"apt-get install {package}", is_met)


def module(name, package=None):
    return Need(f"Python package {name}", f"pip install {package or name}", lambda _: importlib.util.find_spec(name))


def has_gi(_):
    return subprocess.run([SYSTEM_PYTHON, "-c", GI], capture_output=True).returncode == 0


FFMPEG = command("ffmpeg", "ffmpeg")
MOSQUITTO = command("mosquitto", "mosquitto", "/usr/sbin/mosquitto")
CHROMIUM = command(os.environ.get("CHROMIUM", "/usr/bin/chromium"), "chromium, or name a browser with CHROMIUM")
GSTREAMER = command("gst-launch-1.0", GSTREAMER_PACKAGES)
RTSP_SERVER = Need("GStreamer's RTSP server", "apt-get install python3-gi gir1.2-gst-rtsp-server-1.0", has_gi)
QEMU = command("qemu-system-x86_64", "qemu-system-x86")
BUSYBOX = command("busybox", "busybox-static")
CPIO = command("cpio", "cpio")
MODPROBE = command("modprobe", "kmod", "/usr/sbin/modprobe")
APT = command("apt-get", "apt (the kernel is one of Debian's packages)")
CAMERA = Need(
    "a build with cameras",
    "cargo build --features camera",
    lambda machine: "--features camera" not in (machine.devices()["cameras"]["reason"] or ""),
)
GPU = Need(
    "a GPU",
    "apt-get install mesa-vulkan-drivers (a GPU in software)",
    lambda machine: machine.devices()["gpus"]["found"],
)
PANTOMIME = Need(
    "pantomime beside the program",
    "cargo build -p pantomime, with --release where the program has it",
    lambda machine: machine.beside("pantomime").exists(),
)


@dataclass
class Test:
    """A test of the whole program: FILE.py FIGUREGROUND ARGUMENTS."""

    name: str
    about: str
    minutes: float
    needs: list = field(default_factory=list)
    arguments: tuple = ()
    # Clips that pantomime draws for it, whose folder is its second argument.
    clips: int = 0

    def missing(self, machine):
        return [need for need in self.needs if not need.is_met(machine)]

    def run(self, machine, is_required):
        with tempfile.TemporaryDirectory() as folder:
            given = [draw(machine, self.clips, folder)] if self.clips else []
            # This one skips single pipelines; required means all.
            given += ["--require"] if is_required and self.name == "gstreamer" else []
            arguments = [machine.program, *given, *self.arguments]
            return subprocess.run([sys.executable, "-B", HERE / f"{self.name}.py", *arguments]).returncode == 0


def draw(machine, clips, folder):
    """Draws a labelled set of `clips` clips and returns its folder."""
    out = pathlib.Path(folder, "set")
    options = ["--clips", str(clips), "--context", "free", "--seed", "1", "--out", out]
    subprocess.run([machine.beside("pantomime"), *options], check=True)
    return out


TESTS = [
    Test(
        "architectures",
        "the GPU engine equals the CPU engine on public networks with random weights",
        10,
        [GPU, module("torch"), module("torchvision"), module("open_clip", "open_clip_torch"), module("onnx")],
    ),
    Test("archive", "the archive of packaging/dist.sh holds a program that runs, under binstall's name", 1),
    Test("gstreamer", "GStreamer's pipelines of docs/jetson.md", 1, [FFMPEG, GSTREAMER, RTSP_SERVER]),
    Test("onnx_nodes", "the GPU engine passes ONNX's node tests", 10, [GPU, module("numpy"), module("onnx")]),
    Test(
        "page",
        "the live page in a browser, and its metrics in Prometheus's parser",
        3,
        [
            FFMPEG,
            CHROMIUM,
            module("playwright"),
            module("prometheus_client", "prometheus-client"),
            module("axe_playwright_python", "axe-playwright-python"),
        ],
    ),
    Test(
        "ray_cluster",
        "a set validated on a cluster, one worker killed, gives the records of one plain run",
        5,
        [FFMPEG, PANTOMIME, module("ray")],
        clips=200,
    ),
    Test(
        "restarts",
        "a validation that is killed 20 times gives the records of one plain run, and memory does not grow",
        5,
        [FFMPEG, PANTOMIME],
        clips=400,
    ),
    Test("rtsp", "an RTSP server is killed and comes back", 0.5, [FFMPEG, GSTREAMER, RTSP_SERVER]),
    Test("soak", "memory, threads and files do not grow in five minutes", 5, [FFMPEG, MOSQUITTO], ("--minutes", "5")),
    Test(
        "vivid",
        "a V4L2 camera in an emulated machine, unplugged in mid-stream",
        4,
        [CAMERA, QEMU, BUSYBOX, CPIO, MODPROBE, APT],
    ),
]


def show(tests):
    for test in tests:
        print(f"{test.name}, about {test.minutes:g} min: {test.about}")
        for need in test.needs:
            print(f"    needs {need.name} ({need.remedy})")


def attempt(test, machine, is_required):
    """Runs a test or skips it; returns what happened and why."""
    missing = test.missing(machine)
    if missing:
        reason = "; ".join(f"{need.name} is missing: {need.remedy}" for need in missing)
        print(f"SKIPPED: {test.name}: {reason}", flush=True)
        return "skipped", ("required; " if is_required else "") + reason
    print(f"\n== {test.name}: {test.about}, about {test.minutes:g} min", flush=True)
    passed = test.run(machine, is_required)
    return ("passed", "") if passed else ("failed", "see its output above")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [test.name for test in TESTS]
    parser.add_argument("program", metavar="FIGUREGROUND", nargs="?", type=found)
    parser.add_argument("--only", metavar="NAME", nargs="+", choices=names, default=names, help="run only these")
    parser.add_argument("--require", metavar="NAME", nargs="+", choices=names, default=[], help="fail if skipped")
    parser.add_argument("--list", action="store_true", help="print the tests and what they need, and run none")
    options = parser.parse_args()
    tests = [test for test in TESTS if test.name in options.only]
    if options.list:
        show(tests)
        return 0
    if options.program is None or shutil.which(options.program) is None:
        parser.error("name the program to test: FIGUREGROUND")
    excluded = set(options.require) - {test.name for test in tests}
    if excluded:
        parser.error(f"required, but not among --only: {', '.join(sorted(excluded))}")

    machine, rows = Machine(options.program), []
    for test in tests:
        began = time.monotonic()
        outcome, reason = attempt(test, machine, test.name in options.require)
        rows.append((test.name, outcome, time.monotonic() - began, reason))
    print()
    for name, outcome, seconds, reason in rows:
        print(f"{name:14} {outcome:8} {seconds:6.0f} s  {reason}".rstrip())
    counts = {outcome: sum(row[1] == outcome for row in rows) for outcome in ("passed", "failed", "skipped")}
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    required = any(row[1] == "skipped" and row[0] in options.require for row in rows)
    return int(counts["failed"] > 0 or required)


if __name__ == "__main__":
    sys.exit(main())
