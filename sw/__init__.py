"""lifline: spiking neural networks on FPGAs, every bit predicted and checked.

The names below are what most users need; they are loaded when first used, so that importing ``lifline`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .arch.config import Config, preset
    from .arch.config_file import load_config, save_config
    from .arch.errors import (
        CompileError,
        ConfigError,
        ConversionError,
        DatasetError,
        DeviceError,
        InputError,
        LiflineError,
        LinkError,
        MissingLibraryError,
        NetlistError,
        NetworkError,
        OutputError,
        ProgramError,
        ToolError,
        TrainingError,
    )
    from .arch.program import Mode
    from .compiler.compile import compile_network
    from .compiler.program_file import load as load_program
    from .compiler.program_file import save as save_program
    from .convert.floating.from_relu import from_relu
    from .convert.frameworks.from_norse import from_norse
    from .convert.frameworks.from_rockpool import from_rockpool
    from .convert.frameworks.from_sinabs import from_sinabs
    from .convert.frameworks.from_snntorch import from_snntorch
    from .convert.frameworks.from_spikingjelly import from_spikingjelly
    from .convert.nir.import_graph import import_nir
    from .driver.choose import compile_auto
    from .driver.device import open
    from .driver.estimate import estimate
    from .network.connections.convolution import Convolution
    from .network.connections.fully_connected import FullyConnected
    from .network.connections.identity import Identity
    from .network.connections.pooling import Pooling
    from .network.connections.sparse import Sparse
    from .network.file import load as load_network
    from .network.file import save as save_network
    from .network.model import EarlyExit, Network, Neurons, Population, Projection, ResetRule
    from .sensor.event_clock import EventClock

_PLACES = {
    "Config": "arch.config:Config",
    "load_config": "arch.config_file:load_config",
    "save_config": "arch.config_file:save_config",
    "Mode": "arch.program:Mode",
    "preset": "arch.config:preset",
    "Network": "network.model:Network",
    "Population": "network.model:Population",
    "Projection": "network.model:Projection",
    "FullyConnected": "network.connections.fully_connected:FullyConnected",
    "Convolution": "network.connections.convolution:Convolution",
    "Pooling": "network.connections.pooling:Pooling",
    "Identity": "network.connections.identity:Identity",
    "Sparse": "network.connections.sparse:Sparse",
    "Neurons": "network.model:Neurons",
    "ResetRule": "network.model:ResetRule",
    "EarlyExit": "network.model:EarlyExit",
    "load_network": "network.file:load",
    "save_network": "network.file:save",
    "compile_network": "compiler.compile:compile_network",
    "compile_auto": "driver.choose:compile_auto",
    "load_program": "compiler.program_file:load",
    "save_program": "compiler.program_file:save",
    "open": "driver.device:open",
    "estimate": "driver.estimate:estimate",
    "EventClock": "sensor.event_clock:EventClock",
    "import_nir": "convert.nir.import_graph:import_nir",
    "from_snntorch": "convert.frameworks.from_snntorch:from_snntorch",
    "from_norse": "convert.frameworks.from_norse:from_norse",
    "from_spikingjelly": "convert.frameworks.from_spikingjelly:from_spikingjelly",
    "from_sinabs": "convert.frameworks.from_sinabs:from_sinabs",
    "from_rockpool": "convert.frameworks.from_rockpool:from_rockpool",
    "from_relu": "convert.floating.from_relu:from_relu",
    **{
        name: f"arch.errors:{name}"
        for name in (
            "LiflineError", "CompileError", "ConfigError", "ConversionError", "DatasetError", "DeviceError", "InputError", "LinkError",
            "MissingLibraryError", "NetlistError", "NetworkError", "OutputError", "ProgramError", "ToolError", "TrainingError",
        )
    },
}  # fmt: skip

__all__ = [
    "CompileError", "Config", "ConfigError", "ConversionError", "Convolution", "DatasetError", "DeviceError", "EarlyExit", "EventClock",
    "FullyConnected", "Identity", "InputError",
    "LiflineError", "LinkError", "MissingLibraryError", "Mode", "NetlistError", "Network", "NetworkError", "Neurons", "OutputError",
    "Pooling", "Population", "ProgramError", "Projection", "ResetRule", "Sparse", "ToolError", "TrainingError", "compile_auto",
    "compile_network", "estimate", "from_norse", "from_relu", "from_rockpool", "from_sinabs", "from_snntorch",
    "from_spikingjelly", "import_nir", "load_config", "load_network", "load_program", "open", "preset", "save_config", "save_network",
    "save_program",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'lifline' has no attribute {name!r}")
    module, _, attribute = _PLACES[name].partition(":")
    return getattr(import_module(f"lifline.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
