"""Which parts of a network learn, and which stand still."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["LearningParts", "learning_parts"]


def _is_below(name: str, prefixes: Sequence[str]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


class LearningParts:
    """Parameters that learn, and the modules that are in training mode meanwhile.

    A module is in training mode where it stands at or below a name of ``trainable``, and not at or
    below one of ``frozen_statistics``. All others, the modules around the trainable ones included,
    are in evaluation mode: batch normalisation keeps its statistics and dropout passes everything.

    Parameters
    ----------
    module : torch.nn.Module
    trainable : sequence of str, optional
        Names of submodules or parameters; None lets everything learn.
    frozen_statistics : sequence of str, default=()
        Names of submodules that stay in evaluation mode although their parameters learn.

    Raises
    ------
    ValueError
        A name fits nothing, or nothing is left that learns.
    """

    def __init__(
        self, module: Any, trainable: Sequence[str] | None, frozen_statistics: Sequence[str]
    ) -> None:
        named = dict(module.named_parameters())
        modules = dict(module.named_modules())
        for argument, prefixes in (
            ("trainable", trainable),
            ("frozen_statistics", frozen_statistics),
        ):
            if isinstance(prefixes, str):
                raise TypeError(f"Got {argument}={prefixes!r}, but expected a sequence of names.")
            for prefix in prefixes or ():
                if prefix not in modules and prefix not in named:
                    raise ValueError(
                        f"Got {argument} name {prefix!r}, which is no part of the net."
                    )
        self.module = module
        self.parameters = {
            name: parameter
            for name, parameter in named.items()
            if parameter.requires_grad and (trainable is None or _is_below(name, trainable))
        }
        if not self.parameters:
            raise ValueError(f"Got trainable={trainable!r}, but no parameter of the net can learn.")
        self._frozen = [
            parameter
            for name, parameter in named.items()
            if parameter.requires_grad and name not in self.parameters
        ]
        self._in_training = [
            part
            for name, part in modules.items()
            if (trainable is None or _is_below(name, trainable))
            and not _is_below(name, frozen_statistics)
        ]

    def set_modes(self) -> None:
        """Put each part into its mode for a step of training."""
        self.module.eval()
        for part in self._in_training:
            part.training = True

    def freeze(self, frozen: bool) -> None:
        """Take gradients from what does not learn, or give them back."""
        for parameter in self._frozen:
            parameter.requires_grad_(not frozen)


@contextmanager
def learning_parts(
    module: Any, trainable: Sequence[str] | None, frozen_statistics: Sequence[str]
) -> Iterator[LearningParts]:
    """Freeze the rest inside the block; the module leaves it in evaluation mode."""
    parts = LearningParts(module, trainable, frozen_statistics)
    parts.freeze(True)
    try:
        yield parts
    finally:
        parts.freeze(False)
        module.eval()
