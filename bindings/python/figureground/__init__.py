"""Action recognition that knows when it is only reading the room."""

from ._figureground import Error, Gate, Pipeline, Verdict

__all__ = ["Error", "Gate", "Pipeline", "Verdict"]
