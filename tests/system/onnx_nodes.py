"""Runs ONNX's node tests on the GPU engine.

    pip install onnx numpy
    python tests/system/onnx_nodes.py target/debug/figureground [PATTERN]

Runs every test whose tensors are f32 or i64 by `figureground infer` on both backends. The first input stays an input,
the others become constants. Counts operators that a backend refuses. Ends with 1 if the GPU's output is wrong and the
CPU's is right.
"""

import collections
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases


def infer(program, folder, name, backend):
    out = folder / backend
    command = [program, "infer", folder / "model.onnx", "--input", f"{name}={folder}/input.npy"]
    ended = subprocess.run([*command, "--backend", backend, "--output-dir", out], capture_output=True, text=True)
    return out, ended


def close(got, want):
    return got.shape == want.shape and np.allclose(got, want.astype(np.float64), rtol=1e-3, atol=1e-5, equal_nan=True)


def fixed(model, inputs):
    """Fixes the shape of the first input and turns the other inputs into constants."""
    graph = model.graph
    for value, tensor in list(zip(graph.input, inputs))[1:]:
        graph.initializer.append(numpy_helper.from_array(tensor, value.name))
    del graph.input[1:]
    shape = graph.input[0].type.tensor_type.shape
    del shape.dim[:]
    for size in inputs[0].shape:
        shape.dim.add().dim_value = size


def check(program, case):
    """Returns the outcome of one test, and the error if the GPU refused it."""
    model, (inputs, wanted) = case.model, case.data_sets[0]
    arrays = all(isinstance(t, np.ndarray) and t.dtype in (np.float32, np.int64) and t.size for t in [*inputs, *wanted])
    if not inputs or not arrays or len(inputs) != len(model.graph.input):
        return "other types", ""
    fixed(model, inputs)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        onnx.save(model, folder / "model.onnx")
        np.save(folder / "input.npy", inputs[0])
        name = model.graph.input[0].name
        cpu, ended = infer(program, folder, name, "cpu")
        if ended.returncode:
            return "refused by the CPU", ""
        gpu, ended = infer(program, folder, name, "gpu")
        if ended.returncode:
            return "refused by the GPU", ended.stderr.strip().split("\n")[-1]
        files = [re.sub(r"[^A-Za-z0-9._-]", "_", output.name) + ".npy" for output in model.graph.output]
        for file, want in zip(files, wanted):
            if not close(np.load(gpu / file), want):
                return ("wrong" if close(np.load(cpu / file), want) else "wrong on both"), ""
    return "right", ""


def main(program, pattern="."):
    np.seterr(all="ignore")
    counts = collections.Counter()
    for case in collect_testcases(None):
        if not re.search(pattern, case.name) or case.model is None or not case.data_sets:
            continue
        result, why = check(program, case)
        counts[result] += 1
        if result not in ("right", "other types", "refused by the CPU"):
            print(f"{case.name}: {result} {why}")
    print(dict(counts))
    return int(counts["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
