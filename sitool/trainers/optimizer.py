"""AdamW over the trained weights, in full precision, and its state on disk.

Weights in bfloat16 lose steps smaller than 1/256 of themselves, which most
steps of fine-tuning are. Such weights get a copy in float32 (a master) that the
optimizer moves and that is rounded into the network after every step.

    optimizer.safetensors    step, exp_avg and exp_avg_sq of each weight by name,
                             and the master of each that has one
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from sitool.config import TrainerSettings
from sitool.errors import TrainerError
from sitool.models.memory import unless_exhausted

FILE = "optimizer.safetensors"
STATE = ("step", "exp_avg", "exp_avg_sq")


class Optimizer:
    """AdamW with gradient clipping; gradients reach it through the network's own weights.

    Raises:
        TrainerError: There is no memory for the masters.
    """

    def __init__(self, weights: Mapping[str, nn.Parameter], settings: TrainerSettings) -> None:
        self._settings = settings
        self._weights = dict(weights)
        moved = unless_exhausted(self._in_full_precision)
        if moved is None:
            raise self._too_many()
        self._moved = moved
        self._masters = {
            name: master for name, master in self._moved.items() if master is not weights[name]
        }
        self._hooks = [self._hand_on(name) for name in self._masters]
        self._adamw = torch.optim.AdamW(
            self._moved.values(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )

    def _hand_on(self, name: str) -> RemovableHandle:
        """Add each gradient of a weight to its master's, in float32."""
        master = self._masters[name]

        def hand_on(weight: Tensor) -> None:
            if weight.grad is not None:
                grad = weight.grad.to(master.dtype)
                master.grad = grad if master.grad is None else master.grad.add_(grad)
                weight.grad = None

        weight: Any = self._weights[name]
        handle: RemovableHandle = weight.register_post_accumulate_grad_hook(hand_on)
        return handle

    def forget(self) -> None:
        """Drop all gradients."""
        self._adamw.zero_grad(set_to_none=True)
        for name in self._masters:
            self._weights[name].grad = None

    def step(self, rate: float) -> None:
        """Move the weights at a learning rate.

        Raises:
            TrainerError: Memory runs out.
        """
        for group in self._adamw.param_groups:
            group["lr"] = rate
        if unless_exhausted(self._step) is None:
            raise self._too_many()

    def _in_full_precision(self) -> dict[str, nn.Parameter]:
        wide = (torch.float32, torch.float64)
        return {
            name: weight if weight.dtype in wide else nn.Parameter(weight.detach().float())
            for name, weight in self._weights.items()
        }

    def _too_many(self) -> TrainerError:
        count = sum(weight.numel() for weight in self._weights.values())
        return TrainerError(
            f"Memory runs out in AdamW, which keeps two to three numbers for each of"
            f" {count / 1e6:,.1f} M trained weights.",
            "try: trainer.method=lora, a lower trainer.rank, or a smaller base",
        )

    def _step(self) -> bool:
        if self._settings.clip_norm:
            torch.nn.utils.clip_grad_norm_(self._moved.values(), self._settings.clip_norm)
        self._adamw.step()
        with torch.no_grad():
            for name, master in self._masters.items():
                self._weights[name].copy_(master)
        return True

    def let_go(self) -> None:
        """Take the hooks off the network's weights, and the gradients with them."""
        self.forget()
        for hook in self._hooks:
            hook.remove()

    def save(self, folder: Path) -> None:
        """Write the state into a round's folder."""
        state = self._adamw.state_dict()["state"]
        tensors = {
            f"{key}.{name}": value
            for number, (name, weight) in enumerate(self._moved.items())
            for key, value in (state.get(number) or _no_steps_yet(weight)).items()
        }
        tensors |= {f"master.{name}": master for name, master in self._masters.items()}
        draft = folder / f".{FILE}.draft"
        save_file({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, draft)
        draft.replace(folder / FILE)

    def load(self, folder: Path) -> None:
        """Go on from the state in a round's folder.

        Raises:
            TrainerError: There is none, or it is of other weights.
        """
        try:
            tensors = load_file(folder / FILE)
            state = {
                number: {key: tensors[f"{key}.{name}"] for key in STATE}
                for number, name in enumerate(self._moved)
            }
            with torch.no_grad():
                for name, master in self._masters.items():
                    master.copy_(tensors[f"master.{name}"])
        except Exception as error:
            raise TrainerError(
                f"The optimizer state in {str(folder)!r} cannot be read: {error}.",
                "try: set trainer.optimizer_state to 'fresh'",
            ) from error
        self._adamw.load_state_dict({**self._adamw.state_dict(), "state": state})


def _no_steps_yet(weight: Tensor) -> dict[str, Any]:
    """Return the state of a weight that has had no gradient."""
    return {"step": torch.tensor(0.0)} | {key: torch.zeros_like(weight) for key in STATE[1:]}
