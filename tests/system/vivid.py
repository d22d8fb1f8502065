"""Tests a V4L2 camera without hardware: Debian's kernel with the driver `vivid` under QEMU, figureground inside.

    apt-get install qemu-system-x86 busybox-static cpio kmod          # and once: cargo build --features camera
    python3 tests/system/vivid.py target/debug/figureground [--work DIR]

Runs the program on /dev/video0 in each pixel format that the driver offers, then unbinds the driver in mid-stream and
binds it again. Ends with 1 if verdict lines are missing, or if the program did not count one reconnection.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests/fixtures"
# Formats that vivid sends and this program reads. Vivid has no MJPEG, and nokhwa knows GREY by another name.
FORMATS = ["yuyv", "nv12", "rgb", "bgr"]
# Seconds that one format may take in emulation.
LIMIT = 90

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev; mount -t tmpfs tmpfs /tmp
export PATH=/bin HOME=/tmp RUST_LOG=figureground=info
for module in $(cat /modules); do insmod /lib/modules/$module $(cat /lib/modules/$module.options 2>/dev/null); done
sleep 1
echo "@devices $(figureground devices --json | tr -d '\\n')"

begin() {
    figureground run camera:0 --bundle /bundle --backend cpu --threads 2 --window 1 --stride 1 --stall 5 $* \\
        >/tmp/out 2>/tmp/err &
}
lines() { wc -l </tmp/out; }
# Waits until there are $1 lines, the program has ended, or the time is up.
until_lines() {
    for tenth in $(seq LIMIT0); do
        [ $(lines) -ge $1 ] && return 0
        kill -0 $! 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}
finish() {
    kill -INT $! 2>/dev/null
    wait $!
    echo "@status $?"
    sed 's/^/@out /' /tmp/out
    sed 's/^/@err /' /tmp/err
    echo "@end"
}

for format in FORMATS; do
    echo "@begin $format"
    begin --camera-format $format
    until_lines 1
    finish
done

echo "@begin replug"
begin
until_lines 1
echo "@unbind $(lines)"
echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind
sleep 3
echo vivid.0 >/sys/bus/platform/drivers/vivid/bind
until_lines $(($(lines) + 2))
finish
poweroff -f
"""


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, **options)


def kernel(work):
    """Unpacks Debian's kernel. Returns its image, the root of its modules, and its version."""
    root = work / "kernel"
    if not root.exists():
        depends = run("apt-cache", "depends", "linux-image-amd64", capture_output=True, text=True).stdout
        package = re.search(r"Depends: (linux-image-\S+)", depends)[1]
        run("apt-get", "download", "-qq", package, cwd=work, stderr=subprocess.DEVNULL)
        run("dpkg-deb", "-x", next(work.glob("linux-image-*.deb")), root)
    image = next((root / "boot").glob("vmlinuz-*"))
    version = image.name.removeprefix("vmlinuz-")
    run("depmod", "-b", root, version)
    return image, root, version


def modules(root, version):
    """Returns the files of vivid's modules in loading order."""
    listed = run(
        "modprobe", "-d", root, "-S", version, "--show-depends", "vivid", capture_output=True, text=True
    ).stdout
    return [Path(line.split()[1]) for line in listed.splitlines() if line.startswith("insmod")]


def libraries(program):
    listed = run("ldd", program, capture_output=True, text=True).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", listed)]


def bundle(figureground, to):
    labels = FIXTURES / "demo/labels.txt"
    arguments = ["--clip", FIXTURES / "clip/hf", "--segmenter", FIXTURES / "demo/segmenter.toml", "--labels", labels]
    run(
        figureground,
        "import",
        "--quiet",
        *arguments,
        "--segmenter-model",
        FIXTURES / "demo/segmenter.onnx",
        "--out",
        to,
    )


def initramfs(figureground, work, root, version):
    place = work / "root"
    shutil.rmtree(place, ignore_errors=True)
    for folder in ["bin", "proc", "sys", "dev", "tmp", "lib/modules"]:
        (place / folder).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), place / "bin/busybox")
    shutil.copy(figureground, place / "bin/figureground")
    for library in libraries(figureground):
        target = place / library.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
    names = []
    for module in modules(root, version):
        name = module.name
        data = module.read_bytes()
        if name.endswith(".xz"):
            import lzma

            name, data = name.removesuffix(".xz"), lzma.decompress(data)
        (place / "lib/modules" / name).write_bytes(data)
        names.append(name)
    # One webcam only.
    (place / "lib/modules/vivid.ko.options").write_text("n_devs=1 node_types=0x1 num_inputs=1 input_types=0x0")
    (place / "modules").write_text("\n".join(names) + "\n")
    bundle(figureground, place / "bundle")
    init = place / "init"
    init.write_text(INIT.replace("LIMIT0", str(10 * LIMIT)).replace("FORMATS", " ".join(FORMATS)))
    init.chmod(0o755)
    archive = work / "initramfs"
    with archive.open("wb") as out:
        files = subprocess.Popen(["find", ".", "-print0"], cwd=place, stdout=subprocess.PIPE)
        run("cpio", "--null", "-o", "--format=newc", "--quiet", cwd=place, stdin=files.stdout, stdout=out)
    return archive


def boot(image, archive, log):
    # Emulated, because /dev/kvm is not reliable inside virtual machines.
    command = [
        "qemu-system-x86_64",
        "-accel",
        "tcg",
        "-cpu",
        "max",
        "-smp",
        "2",
        "-m",
        "2G",
        "-nographic",
        "-no-reboot",
    ]
    command += [
        "-nic",
        "none",
        "-kernel",
        image,
        "-initrd",
        archive,
        "-append",
        "console=ttyS0 quiet panic=-1 loglevel=3",
    ]
    limit = LIMIT * (len(FORMATS) + 2) + 120
    with log.open("wb") as out:
        subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, timeout=limit, check=True)
    return log.read_text(errors="replace").replace("\r", "")


def checked(name, text):
    """Returns the verdict lines and the messages of one run."""
    part = re.search(rf"@begin {name}\n(.*?)@end", text, re.S)
    assert part, f"{name}: it did not end"
    words = re.findall(r"@err (.*)", part[1])
    lines = [json.loads(line) for line in re.findall(r"@out (.*)", part[1])]
    status = re.search(r"@status (\d+)", part[1])[1]
    assert status == "130" and lines, f"{name}: status {status}, {len(lines)} lines\n" + "\n".join(words)
    assert all(a["time_us"][1] < b["time_us"][1] for a, b in zip(lines, lines[1:])), f"{name}: time runs back"
    return lines, "\n".join(words)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figureground", type=lambda name: Path(shutil.which(name) or name))
    parser.add_argument("--work", type=Path, help="folder that keeps the kernel between runs")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        work = options.work or Path(place)
        work.mkdir(parents=True, exist_ok=True)
        image, root, version = kernel(work)
        text = boot(image, initramfs(options.figureground.resolve(), work, root, version), work / "serial.log")
    devices = re.search(r"@devices (.*)", text)
    print(devices[1] if devices else text[-2000:])
    for format in FORMATS:
        lines, _ = checked(format, text)
        print(f"{format}: {len(lines)} verdict lines")
    lines, words = checked("replug", text)
    before = int(re.search(r"@unbind (\d+)", text)[1])
    counted = re.search(r"camera:0: dropped (\d+), reconnects (\d+)", words)
    assert len(lines) >= before + 2, f"{len(lines)} lines, {before} of them before the camera was gone\n{words}"
    assert counted and counted[2] == "1", words
    print(f"unbound and bound again: {before} verdict lines before, {len(lines) - before} after; {counted[0]}")
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
