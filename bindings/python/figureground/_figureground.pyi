from os import PathLike
from typing import Literal, Optional, Sequence, Tuple, final

import numpy as np
import numpy.typing as npt

class Error(Exception):
    """An error: its stage, what was expected, what was found, and what to try next."""

@final
class Verdict:
    """Verdict on one window."""

    @property
    def label(self) -> str:
        """The predicted class."""
    @property
    def decision(self) -> Literal["accept", "flag", "abstain"]: ...
    @property
    def reason(self) -> Optional[str]:
        """Reason of a flag or an abstention."""
    @property
    def p(self) -> Tuple[float, float, float]:
        """Probability of the label in the whole picture, the person alone and the background alone, 0 to 1."""
    @property
    def dominance(self) -> float:
        """Probability of the label in the background minus that in the person."""
    @property
    def threshold(self) -> float:
        """Threshold of the dominance in force."""
    @property
    def background_rank(self) -> int:
        """Rank of the label in the background, from 1. Only a first label is flagged as the background's."""
    @property
    def explained_by(self) -> Literal["person", "background", "both", "neither"]:
        """The views that rank the label first."""
    @property
    def scores(self) -> dict[str, float]:
        """The gate's scores by name."""
    @property
    def person_area(self) -> float:
        """Fraction of the crop that the person covers."""
    @property
    def background_area(self) -> float:
        """Fraction of the crop that is visible background."""
    @property
    def calibrated(self) -> Optional[Literal["labels", "unlabelled", "overridden"]]:
        """How the gate was calibrated; None if it was not."""
    @property
    def distinct_frames(self) -> int:
        """Number of distinct frames of the window."""
    @property
    def frames(self) -> list[int]:
        """Indices of the window's frames in the stream; empty for a gate alone."""
    @property
    def times(self) -> Tuple[float, float]:
        """Capture times of the first and the last of these frames, in seconds."""
    @property
    def line(self) -> Optional[str]:
        """The verdict line, JSON as `figureground run` writes it; None for a gate alone."""

@final
class Gate:
    """Judges the windows of one stream by the log-probabilities of three views."""

    def __init__(
        self,
        tau: float = 0.0,
        hysteresis: float = 0.05,
        min_confidence: float = 0.1,
        *,
        temperature: float = 1.0,
        risk: Optional[Tuple[str, float]] = None,
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
        """Returns the verdict on one window; each view is [classes], log-probabilities or logits."""
    def reset(self) -> None:
        """Resets the gate for another stream."""

@final
class Pipeline:
    """Frames to verdicts. ``bundle`` is a directory; the default is the built-in bundle, trained on drawn people."""

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
        """Takes the next frame, [height, width, 3] RGB, and returns the verdict on the window that it completes, or None.
        ``time`` is its capture time in seconds; the default is 1/25 after the last frame."""
    def reset(self) -> None:
        """Drops all frames and begins another stream."""
    @property
    def labels(self) -> list[str]:
        """The labels, sorted. Setting them embeds them at once, which may take seconds."""
    @labels.setter
    def labels(self, labels: Sequence[str]) -> None: ...
    def set_tau(self, tau: float) -> None:
        """Sets the threshold above which the gate flags, from the next window on."""
    @property
    def backend(self) -> str: ...
