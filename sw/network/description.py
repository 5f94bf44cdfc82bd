"""The JSON of network files as pydantic models: every field has to be there, of its own type, and no other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from .neurons import ResetRule


class Strict(BaseModel):
    """No conversions, no unknown fields; fields without a default have to be there."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class TensorReference(Strict):
    """An array of the file, by name."""

    tensor: str


class NeuronsDescription(Strict):
    """Fields of :class:`~lifline.network.model.Neurons`."""

    threshold: int | TensorReference
    decay_v: int
    decay_i: int
    bias: int | TensorReference
    reset: ResetRule
    v_reset: int
    strict: bool
    cap: int
    v_min: int | None
    budget: int | TensorReference | None


class PopulationDescription(Strict):
    """``neurons`` is null for the input."""

    name: str
    shape: list[int]
    neurons: NeuronsDescription | None


class ProjectionDescription(Strict):
    """Fields of :class:`~lifline.network.model.Projection`; all are fully connected."""

    source: str
    target: str
    weights: TensorReference
    weight_shift: int
    delays: int | TensorReference | None


ConnectionDescription = dict[str, str | int | list[int | list[int]] | TensorReference]
"""``kind``, and the fields of its class in :mod:`lifline.network.connections`; arrays only from version 3 on."""


class ConnectedDescription(ProjectionDescription):
    """A projection that says how it connects."""

    connection: ConnectionDescription


class EarlyExitDescription(Strict):
    """Fields of :class:`~lifline.network.model.EarlyExit`."""

    every: int
    margin: int


class NetworkDescription(Strict):
    """The entry ``network`` of the header of a network file of version 1."""

    name: str
    output: str
    state_bits: int
    early_exit: EarlyExitDescription | None
    metadata: dict[str, Any]
    populations: list[PopulationDescription]
    projections: Sequence[ProjectionDescription]


class ConnectedNetworkDescription(NetworkDescription):
    """The same of versions 2 and 3."""

    projections: Sequence[ConnectedDescription]


Description = TypeVar("Description", bound=Strict)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _one_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a field is there twice among {sorted(found)}")
    return found


def parse(text: str, kind: type[Description]) -> Description:
    """Read JSON as a description.

    Raises
    ------
    ValueError   naming the field: missing, unknown, there twice, of another type; NaN; nesting without end.
    """
    try:
        json.loads(text, parse_constant=_no_constant, object_pairs_hook=_one_of_each)  # what pydantic's reader lets pass
        return kind.model_validate_json(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}") from error
