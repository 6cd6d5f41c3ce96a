"""The controls of a study's curriculum: which levels the next round draws from.

What this leaves out: how a mixture comes about (`sitool.curriculum`).
"""

from collections.abc import Callable, Mapping
from typing import Any

from sitool.config import CurriculumSettings
from sitool.curriculum import rules
from sitool.study.view import StudyView


class Curriculum:
    """Which levels the next round draws from, and how to change it.

    Args:
        study: Whose next round it is.
        configure: Changes settings, as `Study.configure` does.
    """

    def __init__(self, study: StudyView, configure: Callable[..., object]) -> None:
        self._study = study
        self._configure = configure

    @property
    def settings(self) -> CurriculumSettings:
        """The curriculum's settings of the next round."""
        return self._study.settings.curriculum

    @property
    def weights(self) -> Mapping[int, float]:
        """The next round's weight by level, summing to 1."""
        return self._study.plan().weights

    def harder(self) -> Mapping[int, float]:
        """Move the mixture one level harder; returns the next round's weights."""
        return self._move(rules.harder(self.settings, list(self._study.task.levels)))

    def easier(self) -> Mapping[int, float]:
        """Move the mixture one level easier; returns the next round's weights."""
        return self._move(rules.easier(self.settings, list(self._study.task.levels)))

    def set(self, **changes: Any) -> Mapping[int, float]:
        """Change settings such as `rule="manual"` or `weights={5: 1, 6: 2}`.

        Returns:
            The next round's weights; none as long as the base is not measured.

        Raises:
            ConfigError: A setting is wrong; nothing is changed.
        """
        self._configure(table={"curriculum": changes})
        return {} if self._study.head is None else self.weights

    def _move(self, settings: CurriculumSettings) -> Mapping[int, float]:
        """Move by a notch; one that would change no weight is not taken, so that none pile up."""
        shift, measured = self.settings.shift, self._study.head is not None
        before = self.weights if measured else {}
        after = self.set(shift=settings.shift)
        return self.set(shift=shift) if measured and after == before else after
