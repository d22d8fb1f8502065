"""Validates a large set on a cluster. Each shard is a task of Ray (https://docs.ray.io), which calls this program.

    pip install ray
    python examples/ray_cluster.py target/release/figureground set --format mimetics --out report [--shards 16] \\
        [-- --bundle DIR]

OUT must be a folder that all machines share. A worker that dies ends its program too. Ray then gives the shard to
another worker, which resumes after the last record. Arguments after -- are passed to `validate`.
"""

import argparse
import ctypes
import signal
import subprocess
from pathlib import Path

import ray


def die_with_parent():
    """Ends this process with its parent (Linux), so that no two programs write the same records."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


# A shard is retried when its worker dies, but not when the program fails: it would fail again.
@ray.remote(num_cpus=1, max_retries=-1)
def validate(command):
    ended = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent
    )
    return ended.returncode, ended.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figureground", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--format", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--cpus", type=int, help="of a local cluster, where no other is running")
    parser.add_argument("more", nargs="*", help="for validate")
    options = parser.parse_args()

    program, data, out = options.figureground.resolve(), options.data.resolve(), options.out.resolve()
    ray.init(num_cpus=options.cpus, log_to_driver=False)
    folders = [out / f"shard-{index}" for index in range(1, options.shards + 1)]
    tasks = {}
    for index, folder in enumerate(folders, 1):
        command = [program, "validate", data, "--format", options.format, "--out", folder, "--threads", "1", "--quiet"]
        tasks[validate.remote([*map(str, command), "--shard", f"{index}/{options.shards}", *options.more])] = index

    waiting = list(tasks)
    while waiting:
        done, waiting = ray.wait(waiting)
        status, words = ray.get(done[0])
        if status != 0:
            raise SystemExit(f"shard {tasks[done[0]]}: {words.strip() or status}")
        print(f"{options.shards - len(waiting)} of {options.shards} shards", flush=True)

    bundle = options.more[options.more.index("--bundle") :][:2] if "--bundle" in options.more else []
    raise SystemExit(subprocess.run([program, "merge", *folders, "--out", out, *bundle]).returncode)


if __name__ == "__main__":
    main()
