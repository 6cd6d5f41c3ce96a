"""Models whose adapter does something, as a fresh one does not."""

import torch

from sitool.models import lora
from sitool.models.local import LocalModel


def with_effect(model: LocalModel, seed: int = 3, size: float = 0.1) -> LocalModel:
    """Draw the adapter's weights at random, and return the model."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in lora.lora_parameters(model.network).values():
            parameter.normal_(0, size)
    return model
