"""The wheel from Python: the gate, a stream, and wrong input. Run with: python -m pytest bindings/python/tests"""

import json
import math
import threading

import numpy as np
import pytest

import figureground
from figureground import Error, Gate, Pipeline


def pictures(count, side=64):
    y, x = np.mgrid[0:side, 0:side]
    for number in range(count):
        frame = np.stack([2 * x, 3 * y, np.full_like(x, 60)], axis=-1).astype(np.uint8)
        frame[12:, 14 + number % 20 : 26 + number % 20] = (200, 120, 90)
        yield frame


def test_the_gate_matches_a_case_computed_by_hand():
    gate = Gate(tau=0.5)
    full, person, background = (np.log(np.array(p, dtype=np.float32)) for p in ([0.8, 0.2], [0.3, 0.7], [0.9, 0.1]))
    verdict = gate.judge(full, person, background, ["dancing", "walking"])
    assert (verdict.label, verdict.decision, verdict.reason) == ("dancing", "flag", "background-dominates")
    assert verdict.dominance == pytest.approx(0.9 - 0.3, abs=1e-5)
    assert (verdict.explained_by, verdict.background_rank, verdict.threshold) == ("background", 1, 0.5)
    assert (verdict.calibrated, verdict.line) == (None, None)
    assert verdict.scores["log-ratio"] == pytest.approx(math.log(0.9 / 0.3), abs=1e-5)
    assert verdict.p == pytest.approx((0.8, 0.3, 0.9), abs=1e-5)
    names = "max-softmax max-person full-person-mean dominance log-ratio margin tie disagreement"
    assert set(verdict.scores) == set(names.split())
    disagrees = Gate(tau=1.0, risk=("max-softmax", 0.1)).judge(full, person, background, ["dancing", "walking"])
    assert (disagrees.decision, disagrees.reason) == ("flag", "person-disagrees")
    assert gate.judge(full, full, person, ["dancing", "walking"]).decision == "accept"
    assert gate.judge(full, full, person, ["a", "b"], person_area=0.0).reason == "no-person"


def test_a_stream_is_judged_window_by_window():
    pipeline = Pipeline(window=1.0, stride=0.5, threads=1)
    verdicts = [verdict for verdict in map(pipeline.step, pictures(60)) if verdict]
    assert len(verdicts) == 3
    assert all(verdict.label in pipeline.labels for verdict in verdicts)
    lines = [json.loads(verdict.line) for verdict in verdicts]
    assert all(line["schema"] == 2 and line["p"]["full"] == pytest.approx(v.p[0]) for line, v in zip(lines, verdicts))
    assert all(len(verdict.frames) == 8 and verdict.times[0] < verdict.times[1] for verdict in verdicts)
    assert "Verdict" in repr(verdicts[0]) and pipeline.backend == "cpu"
    # After a reset the same frames give the same verdicts.
    pipeline.reset()
    again = [verdict for verdict in map(pipeline.step, pictures(60)) if verdict]
    assert [(v.label, v.p, v.frames) for v in again] == [(v.label, v.p, v.frames) for v in verdicts]


def test_labels_and_tau_take_effect_with_the_next_window():
    pipeline = Pipeline(window=1.0, stride=0.5, threads=1)
    pipeline.labels = ["waving", "sitting down", "jumping"]
    assert pipeline.labels == ["jumping", "sitting down", "waving"]
    pipeline.set_tau(-1000.0)
    verdicts = [verdict for verdict in map(pipeline.step, pictures(60)) if verdict]
    assert all(verdict.label in pipeline.labels and verdict.decision != "accept" for verdict in verdicts)


def test_other_threads_run_while_a_window_is_encoded():
    pipeline, ticks, done = Pipeline(window=1.0, stride=0.5, threads=1), [0], threading.Event()

    def tick():
        while not done.is_set():
            ticks[0] += 1
            done.wait(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    for frame in pictures(60):
        pipeline.step(frame)
    done.set()
    thread.join()
    assert ticks[0] > 10


def test_wrong_input_raises_an_error():
    pipeline = Pipeline(window=1.0, stride=0.5, threads=1)
    for frame in [np.zeros((64, 64, 4), np.uint8), np.zeros((0, 0, 3), np.uint8), np.zeros((1, 1, 3), np.uint8)]:
        with pytest.raises(Error, match="frame: expected"):
            pipeline.step(frame)
    with pytest.raises(Error, match="ascontiguousarray"):
        pipeline.step(np.zeros((64, 128, 3), np.uint8)[:, ::2])
    for time in [-1.0, float("nan"), 1.7e18]:
        with pytest.raises(Error, match="time"):
            pipeline.step(next(pictures(1)), time=time)
    with pytest.raises(TypeError):
        pipeline.step(np.zeros((64, 64, 3), np.float32))
    for wrong in [dict(window=0.0), dict(backend="npu"), dict(bundle="/no/such/bundle")]:
        with pytest.raises(Error, match="expected"):
            Pipeline(**wrong)
    for labels in [[], ["a", "a"], ["x" * 2000]]:
        with pytest.raises(Error, match="label bank"):
            pipeline.labels = labels
    with pytest.raises(Error, match="log-ratio"):
        Gate(risk=("entropy", 0.1))
    with pytest.raises(Error):
        Gate(tau=float("nan"))
    nan = np.array([np.nan, 0.0], np.float32)
    with pytest.raises(Error, match="finite"):
        Gate().judge(nan, nan, nan, ["a", "b"])
    assert pipeline.step(next(pictures(1))) is None


def test_the_stubs_cover_the_whole_module():
    import ast
    import pathlib

    tree = ast.parse(pathlib.Path(figureground.__file__).with_name("_figureground.pyi").read_text())
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found = getattr(figureground, node.name)
            stubs = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
            public = {name for name in vars(found) if not name.startswith("_")}
            assert public <= stubs and stubs - {"__init__"} <= public, (node.name, public ^ stubs)
