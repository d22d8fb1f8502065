from os import PathLike
from typing import Literal, Optional, Sequence, Tuple, final

import numpy as np
import numpy.typing as npt

class Error(Exception):
    """What went wrong: stage, what was expected, what came, and what to try next."""

@final
class Verdict:
    """What is said of one window."""

    @property
    def label(self) -> str:
        """The predicted class."""
    @property
    def decision(self) -> Literal["accept", "flag", "abstain"]: ...
    @property
    def reason(self) -> Optional[str]:
        """Why it was flagged, or why there is no decision."""
    @property
    def p(self) -> Tuple[float, float, float]:
        """Probability of the label in the whole picture, the person alone and the background alone, 0 to 1."""
    @property
    def dominance(self) -> float:
        """ln p of the label in the background less that in the person, in nats."""
    @property
    def scores(self) -> dict[str, float]:
        """Every score of the gate by its name."""
    @property
    def person_area(self) -> float:
        """Fraction of the crop that the person covers."""
    @property
    def background_area(self) -> float:
        """Fraction of the crop that is visible background."""
    @property
    def calibrated(self) -> bool: ...
    @property
    def frames(self) -> list[int]:
        """Which frames of the stream were looked at; empty for a gate on its own."""
    @property
    def times(self) -> Tuple[float, float]:
        """When the first and the last of them were captured, in seconds."""

@final
class Gate:
    """Judges the windows of one stream by log-probabilities of three views."""

    def __init__(
        self,
        score: Literal["log-ratio", "margin", "tie", "disagreement"] = "log-ratio",
        tau: float = 0.0,
        hysteresis: float = 0.1,
        min_confidence: float = 0.1,
    ) -> None: ...
    def judge(
        self,
        full: npt.NDArray[np.float32],
        person: npt.NDArray[np.float32],
        background: npt.NDArray[np.float32],
        labels: Sequence[str],
        person_area: float = 0.2,
        background_area: float = 0.6,
    ) -> Verdict:
        """The verdict on one window; each view is [classes], log-probabilities or logits."""
    def reset(self) -> None:
        """Forgets the windows so far: another stream begins."""

@final
class Pipeline:
    """Frames to verdicts. ``bundle`` is a directory; without one, the bundle inside, which knows drawn people."""

    def __init__(
        self,
        bundle: Optional[str | PathLike[str]] = None,
        *,
        window: float = 2.0,
        stride: float = 0.5,
        backend: Literal["auto", "cpu", "gpu"] = "cpu",
        threads: Optional[int] = None,
    ) -> None: ...
    def step(self, frame: npt.NDArray[np.uint8], time: Optional[float] = None) -> Optional[Verdict]:
        """Takes the next frame, [height, width, 3] RGB, captured at ``time`` in seconds (1/25 after the one before where it is
        not given); the verdict on the window that it completes, or None."""
    def reset(self) -> None:
        """Forgets the frames so far: another stream begins."""
    @property
    def labels(self) -> list[str]:
        """What is told apart, sorted. Setting it embeds other labels, which may take seconds."""
    @labels.setter
    def labels(self, labels: Sequence[str]) -> None: ...
    def set_tau(self, tau: float) -> None:
        """Flags above ``tau`` from the next window on."""
    @property
    def backend(self) -> str: ...
