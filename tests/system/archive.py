"""Packs a program with packaging/dist.sh and checks the archive as someone without Rust uses it.

    python tests/system/archive.py FIGUREGROUND

Ends with 1 if a file is missing, a checksum is wrong, cargo-binstall would look for another name, the unpacked program
does not run, or a missing linker is not named.
"""

import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIST = ROOT / "packaging/dist.sh"
TARGET = "x86_64-unknown-linux-gnu"
FILES = {
    "figureground",
    "completions/figureground.bash",
    "completions/_figureground",
    "completions/figureground.fish",
    "README.md",
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "figureground.toml",
    "figureground.service",
}


def expanded(template, package):
    """Returns a template of cargo-binstall with its variables filled in."""
    values = {
        "repo": "https://example.invalid",
        "name": package["name"],
        "version": package["version"],
        "target": TARGET,
        "bin": "figureground",
        "binary-ext": "",
        "archive-suffix": ".tgz",
    }
    return re.sub(r"\{ ([a-z-]+) \}", lambda variable: values[variable[1]], template)


def check(program, folder):
    out, unpacked = pathlib.Path(folder, "dist"), pathlib.Path(folder, "unpacked")
    subprocess.run([DIST, "--out", out, "--program", program, TARGET], check=True, cwd=folder)
    (archive,) = out.glob("*.tgz")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert (out / "SHA256SUMS").read_text() == f"{digest}  {archive.name}\n"

    package = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]
    binstall = package["metadata"]["binstall"]
    assert expanded(binstall["pkg-url"], package).endswith(f"/{archive.name}"), binstall
    assert binstall["pkg-fmt"] == "tgz"

    with tarfile.open(archive) as tar:
        found = {member.name for member in tar.getmembers() if member.isfile()}
        tar.extractall(unpacked)
    stem = archive.name.removesuffix(".tgz")
    assert found == {f"{stem}/{name}" for name in FILES}, found
    binary = unpacked / expanded(binstall["bin-dir"], package)
    version = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout
    assert version.split() == ["figureground", package["version"]], version
    bash = (unpacked / stem / "completions/figureground.bash").read_text()
    assert "calibrate" in bash and "validate" in bash

    first = archive.read_bytes()
    subprocess.run([DIST, "--out", out, "--program", program, TARGET], check=True, cwd=folder)
    assert archive.read_bytes() == first, "the same program gives other bytes"


def check_refusals(folder):
    """A missing linker is one sentence that says how to get it, before anything is built."""
    environment = {**os.environ, "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER": "no-such-linker"}
    # Without rustup on PATH only the linker is looked for.
    environment["PATH"] = "/usr/bin:/bin"
    out = pathlib.Path(folder, "refused")
    command = [DIST, "--out", out, "aarch64-unknown-linux-gnu"]
    if os.uname().machine != "aarch64":
        ended = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert ended.returncode == 2, ended
        assert "no-such-linker" in ended.stderr and "gcc-aarch64-linux-gnu" in ended.stderr, ended.stderr
        assert not list(out.iterdir())
    ended = subprocess.run([DIST, "--out", out, "--typo"], capture_output=True, text=True)
    assert ended.returncode == 2 and "--typo" in ended.stderr, ended


def main():
    with tempfile.TemporaryDirectory() as folder:
        check(sys.argv[1], folder)
        check_refusals(folder)
    print(f"archive: {len(FILES)} files, checksum, binstall's names and refusals are right")


if __name__ == "__main__":
    main()
