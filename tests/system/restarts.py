"""Validates a set and measures memory, then again with kills at random moments, and compares the records.

    cargo run --release -p pantomime -- --clips 2000 --context free --seed 1 --out set
    python tests/system/restarts.py target/release/figureground set [--kills 20] [--jobs 2] [--seed 0]

Ends with 1 if a record differs or is lost, or if the peak memory after the first 100 clips is more than 4 MB and 2 %
above the peak until then.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def records(folder):
    """Returns the records by clip, without times. Each clip must have one."""
    found = {}
    for line in (folder / "records.jsonl").read_text().splitlines()[1:]:
        record = json.loads(line)
        for field in ("timing_us", "at", "run"):
            record["outcome"].get("scored", {}).get("verdict", {}).pop(field, None)
        assert record["clip"] not in found, f"{record['clip']} twice"
        found[record["clip"]] = record
    return found


def resident(process):
    """Returns resident memory in kilobytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), 0)


def done(folder):
    path = folder / "records.jsonl"
    return path.read_bytes().count(b"\n") - 1 if path.exists() else 0


def watched(command, folder):
    """Runs the command to its end. Returns peak memory in the first 100 clips and after them, in kilobytes."""
    process = subprocess.Popen(command)
    peaks = [0, 0]
    while process.poll() is None:
        late = done(folder) >= 100
        peaks[late] = max(peaks[late], resident(process))
        time.sleep(0.2)
    assert process.returncode == 0, process.returncode
    return peaks


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figureground")
    parser.add_argument("set")
    parser.add_argument("--format", default="mimetics")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--jobs", default="2")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    dice = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as place:
        whole, killed = Path(place, "whole"), Path(place, "killed")

        def command(out):
            arguments = ["--format", options.format, "--jobs", options.jobs, "--quiet", "--out", out]
            return [options.figureground, "validate", options.set, *arguments]

        began = time.time()
        first, most = watched(command(whole), whole)
        seconds, count = time.time() - began, done(whole)
        print(
            f"{count} clips in {seconds:.0f} s; at most {first} KB in the first 100 clips, {most} KB after them",
            flush=True,
        )
        for _ in range(options.kills):
            process = subprocess.Popen(command(killed))
            time.sleep(dice.uniform(0.05, 1.5 * seconds / (options.kills + 1)))
            process.kill()
            process.wait()
        print(f"{options.kills} kills, {done(killed)} records", flush=True)
        subprocess.run(command(killed), check=True)
        same = records(whole) == records(killed)
        reports = [(folder / "report.json").read_bytes() for folder in (whole, killed)]
    print(
        "the same records" if same else "other records",
        "and report" if reports[0] == reports[1] else "and another report",
    )
    return int(not same or reports[0] != reports[1] or most > first + max(4096, first // 50))


if __name__ == "__main__":
    sys.exit(main())
