#!/usr/bin/env python3
"""Times CLIP's ViT-B/32 image encoder on 24 images in f16: this engine, PyTorch eager, ONNX Runtime on the GPU.

    pip install torch transformers onnx onnxruntime onnxconverter-common   # and onnxruntime-webgpu or onnxruntime-gpu
    python benches/encoder.py target/release/figureground [--images 24] [--runs 30] [--rounds 5] [--work DIR]

Weights are random, from a seed. Images are on the device before the clock starts, and embeddings stay there. The
engines are interleaved: every round runs each of them once. Prints each engine's median over the rounds, its ratio to
this engine, and its share of the ceiling, which is the speed of PyTorch on one large f16 matrix product on the same
device.

Engines that are not installed are named and skipped. Without a GPU, everything runs where it can, which only shows
that the script works.
"""
import argparse
import importlib.util
import json
import re
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np
import torch
from transformers import CLIPConfig, CLIPModel

ROOT = Path(__file__).resolve().parent.parent
# Multiplications and additions of one image through ViT-B/32: 50 tokens, 12 layers, width 768.
OPERATIONS = 2 * (49 * 3072 * 768 + 12 * (50 * 12 * 768 * 768 + 2 * 50 * 50 * 768) + 768 * 512)


def bundle(figureground, work):
    """Returns ViT-B/32 with random weights as a transformers model, and its ONNX file in an imported bundle."""
    folder, made = work / "clip", work / "bundle"
    torch.manual_seed(7)
    config = CLIPConfig()
    model = CLIPModel(config).eval()
    if not made.exists():
        model.save_pretrained(folder)
        labels = work / "labels.txt"
        labels.write_text("a\nb\n")
        segmenter = ROOT / "models/pantomime/segmenter"
        arguments = ["--clip", folder, "--segmenter", segmenter / "segmenter.toml", "--labels", labels, "--out", made]
        arguments += ["--segmenter-model", segmenter / "segmenter.onnx"]
        subprocess.run([figureground, "import", "--quiet", *arguments], check=True)
    return model, made / "vision.onnx"


def this_engine(figureground, onnx_file, pixels, options):
    def run():
        command = [figureground, "infer", onnx_file, "--input", f"pixel_values={pixels}", "--backend", "gpu", "--quiet"]
        command += ["--precision", options.precision, "--runs", str(options.runs)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return float(re.match(r"([\d.]+) ms", printed)[1])

    return run


def clocked(step, wait, runs):
    """Returns the median time of a run in milliseconds, after one to warm up."""
    step()
    wait()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        step()
        wait()
        times.append((time.perf_counter() - began) * 1e3)
    return statistics.median(times)


def pytorch(model, values, device, runs):
    dtype = torch.float16 if device == "cuda" else torch.float32
    tower = model.to(device, dtype)
    inputs = torch.from_numpy(values).to(device, dtype)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None

    def run():
        with torch.inference_mode():
            return clocked(lambda: tower.get_image_features(pixel_values=inputs), wait, runs)

    return run


def onnxruntime(provider, onnx_file, values, runs):
    import onnx
    import onnxruntime as ort
    from onnxconverter_common.float16 import convert_float_to_float16

    if provider not in ort.get_available_providers():
        return None
    half = onnx_file.with_name(f"half-{onnx_file.name}")
    if not half.exists():
        onnx.save(convert_float_to_float16(onnx.load(onnx_file)), half)
    session = ort.InferenceSession(half, providers=[provider])
    binding = session.io_binding()
    device = {"CUDAExecutionProvider": "cuda", "WebGpuExecutionProvider": "webgpu"}.get(provider, "cpu")
    values = values.astype(np.float16)
    try:
        binding.bind_ortvalue_input(session.get_inputs()[0].name, ort.OrtValue.ortvalue_from_numpy(values, device, 0))
        binding.bind_output(session.get_outputs()[0].name, device, 0)
    except Exception:  # This build keeps no tensor on that device: every run uploads the images.
        binding.bind_cpu_input(session.get_inputs()[0].name, values)
        binding.bind_output(session.get_outputs()[0].name)
    return lambda: clocked(lambda: session.run_with_iobinding(binding), binding.synchronize_outputs, runs)


def ceiling(device):
    """Returns the operations a second of one large f16 matrix product."""
    side = 8192 if device == "cuda" else 512
    matrix = torch.randn(side, side, device=device, dtype=torch.float16 if device == "cuda" else torch.float32)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    return 2 * side**3 / (clocked(lambda: matrix @ matrix, wait, 10) / 1e3)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figureground", type=Path)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", default="f16", choices=["f16", "f32"])
    parser.add_argument("--work", type=Path, default=Path("bench-encoder"))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    figureground = options.figureground.resolve()
    model, onnx_file = bundle(figureground, options.work)
    values = np.random.default_rng(1).standard_normal((options.images, 3, 224, 224), np.float32)
    pixels = options.work / "pixels.npy"
    np.save(pixels, values)

    engines = {"figureground": this_engine(figureground, onnx_file, pixels, options)}
    engines[f"PyTorch eager, {device}"] = pytorch(model, values, device, options.runs)
    providers = ["WebGpuExecutionProvider", "CUDAExecutionProvider"] if device == "cuda" else ["CPUExecutionProvider"]
    if all(importlib.util.find_spec(module) for module in ("onnxruntime", "onnxconverter_common")):
        for provider in providers:
            run = onnxruntime(provider, onnx_file, values, options.runs)
            if run:
                engines[f"ONNX Runtime, {provider}"] = run
            else:
                print(f"ONNX Runtime has no {provider}")
    else:
        print("ONNX Runtime or onnxconverter-common is not installed")

    times = {name: [] for name in engines}
    for _ in range(options.rounds):
        for name, run in engines.items():
            times[name].append(run())
    most = ceiling(device)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    own = medians["figureground"]
    for name, milliseconds in medians.items():
        share = OPERATIONS * options.images / (milliseconds / 1e3) / most
        ratio = milliseconds / own
        print(f"{name:40} {milliseconds:9.3f} ms  {ratio:5.2f} of figureground's  {100 * share:5.1f} % of the ceiling")
    print(json.dumps({"images": options.images, "device": device, "ceiling_flops": most, "milliseconds": medians}))


if __name__ == "__main__":
    main()
