#!/usr/bin/env python3
"""Compares the clips a second of `validate` with those of a naive Python loop over the same clips, interleaved.

    pip install onnxruntime opencv-python-headless numpy
    python benches/throughput.py target/release/figureground SET --bundle DIR --peer FILE.py [--rounds 5] [--jobs 2]

SET has one folder of video files for each class (`--format folder`). The bundle's segmenter takes NHWC frames in
[0, 1] and outputs one probability; its encoder takes 224 pixels (CLIP). FILE.py contains the peer's stages, session,
sample, person_mask, views and pixel_values, one frame at a time with OpenCV and ONNX Runtime. Both programs load their
models once a round, decode for themselves, and use the same number of threads.
"""
import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np


def loaded(path):
    spec = importlib.util.spec_from_file_location("peer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def naive(peer, bundle, clips, threads):
    """Returns the seconds for all clips: segment, views, encode and score, clip by clip."""
    began = time.perf_counter()
    peer.cv2.setNumThreads(threads)
    segmenter, vision = (peer.session(str(bundle / name), threads) for name in ("segmenter.onnx", "vision.onnx"))
    bank = np.random.default_rng(0).standard_normal((400, vision.get_outputs()[0].shape[-1])).astype(np.float32)
    bank /= np.linalg.norm(bank, axis=1, keepdims=True)
    for clip in clips:
        frames = peer.sample(str(clip), 8)
        masks = [peer.person_mask(segmenter, frame) for frame in frames]
        seen = [peer.pixel_values(view) for frame, mask in zip(frames, masks) for view in peer.views(frame, mask)]
        embeddings = vision.run(None, {vision.get_inputs()[0].name: np.stack(seen)})[0].reshape(8, 3, -1).mean(0)
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        logits = 100 * embeddings @ bank.T
        np.exp(logits - logits.max(1, keepdims=True))
    return time.perf_counter() - began


def ours(figureground, bundle, root, count, threads, jobs):
    with tempfile.TemporaryDirectory() as out:
        command = [figureground, "validate", root, "--format", "folder", "--bundle", bundle, "--out", out, "--quiet"]
        began = time.perf_counter()
        subprocess.run([*command, "--backend", "cpu", "--threads", str(threads), "--jobs", str(jobs)], check=True)
        seconds = time.perf_counter() - began
        report = json.loads((Path(out) / "report.json").read_text())
        assert report["clips"] == count, f"{report['clips']} of {count} clips were scored"
        return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figureground")
    parser.add_argument("set", type=Path)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--peer", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    peer = loaded(options.peer)
    clips = sorted(path for path in options.set.glob("*/*") if path.is_file())
    pairs = []
    for number in range(options.rounds):
        theirs = naive(peer, options.bundle, clips, options.threads)
        own = ours(options.figureground, options.bundle, options.set, len(clips), options.threads, options.jobs)
        pairs.append((theirs, own))
        rates = [len(clips) / seconds for seconds in (theirs, own)]
        print(f"round {number + 1}: naive {rates[0]:.2f}, this {rates[1]:.2f} clips a second", flush=True)
    ratio = statistics.median(theirs / own for theirs, own in pairs)
    print(f"median ratio {ratio:.2f} ({len(clips)} clips, {options.threads} threads, {options.jobs} jobs)")


if __name__ == "__main__":
    main()
