"""Runs examples/ray_cluster.py on a local cluster of two workers, kills one of them, and compares with a plain run.

    pip install ray
    python tests/system/ray_cluster.py target/release/figureground set [--format mimetics] [--shards 4]

Ends with 1 if the records or the report differ.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from restarts import records

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/ray_cluster.py"


def workers(program):
    """Returns the Ray workers that run `program` at the moment."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
            if (
                os.readlink(stat.with_name("exe")) == str(program)
                and b"ray" in Path(f"/proc/{parent}/cmdline").read_bytes()
            ):
                found.add(parent)
        except OSError:
            continue  # It ended.
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figureground", type=Path)
    parser.add_argument("set", type=Path)
    parser.add_argument("--format", default="mimetics")
    parser.add_argument("--shards", type=int, default=4)
    options = parser.parse_args()
    program = options.figureground.resolve()

    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        plain = [program, "validate", options.set, "--format", options.format, "--out", place / "plain", "--quiet"]
        subprocess.run(plain, check=True)

        arguments = [program, options.set, "--format", options.format, "--out", place / "cluster"]
        arguments += ["--shards", options.shards, "--cpus", 2]
        cluster = subprocess.Popen([sys.executable, EXAMPLE, *map(str, arguments)])
        begun = lambda: sum(path.read_bytes().count(b"\n") > 3 for path in place.glob("cluster/shard-*/records.jsonl"))
        while begun() < 2 and cluster.poll() is None:
            time.sleep(0.05)
        there = workers(program)
        assert len(there) == 2, f"{len(there)} workers"
        os.kill(min(there), signal.SIGKILL)
        print("killed one of two workers")
        assert cluster.wait() == 0, cluster.returncode

        assert records(place / "cluster") == records(place / "plain"), "records differ"
        reports = [(place / name / "report.json").read_text() for name in ("cluster", "plain")]
        assert reports[0] == reports[1], "reports differ"
        print(f"{len(records(place / 'plain'))} records and the report are those of one plain run")


if __name__ == "__main__":
    main()
