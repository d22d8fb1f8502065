"""Helpers of the tests beside this file: figureground on its demo clip in a loop."""

import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading

CLIP = pathlib.Path(__file__).resolve().parents[2] / "models/demo/out-of-context.gif"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def found(program):
    """Returns the absolute path of `program`, which is a path or a name on PATH."""
    return str(pathlib.Path(shutil.which(program) or program).resolve())


def start(program, folder, *arguments, rate=None, video=("-stream_loop", "-1", "-i", CLIP), port=0):
    """Starts the program in `folder` on `video`, at `rate` frames a second or as fast as it reads.

    `video` are ffmpeg's arguments for the input. `port` is the page's; 0 is any free one. Returns the process that
    feeds the program, the program's process, and the address of its live page."""
    pace = ["-re"] if rate else []
    feed = subprocess.Popen(
        [
            "ffmpeg",
            "-loglevel",
            "error",
            *pace,
            *video,
            *(["-vf", f"fps={rate}"] if rate else []),
            "-pix_fmt",
            "yuv444p",
            "-strict",
            "-1",
            "-f",
            "yuv4mpegpipe",
            "-",
        ],
        stdout=subprocess.PIPE,
    )
    page = f"--page=127.0.0.1:{port}"
    judge = subprocess.Popen(
        [program, "run", "-", "--backend", "cpu", "--window", "2", "--stride", "0.5", page, *arguments],
        stdin=feed.stdout,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    feed.stdout.close()
    address = None
    while address is None:
        line = judge.stderr.readline()
        if not line:
            feed.kill()
            feed.wait()
            sys.exit(f"the program ended with {judge.wait()}")
        address = re.match(r"live page: (http://\S+)", line)
    threading.Thread(target=judge.stderr.read, daemon=True).start()
    return feed, judge, address.group(1)
