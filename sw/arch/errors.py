"""Every error that lifline raises on bad input; each names the value, the limit and the next step."""


class LiflineError(Exception):
    """Base of all typed errors, so that a caller can catch them in one clause."""


class ConfigError(LiflineError, ValueError):
    """An illegal combination of gateware parameters."""


class NetworkError(LiflineError, ValueError):
    """A network description that cannot mean anything (shapes, ranges, cycles without delay)."""


class CompileError(LiflineError, ValueError):
    """A valid network that this gateware configuration cannot run."""


class ProgramError(LiflineError, ValueError):
    """A program file that is truncated, corrupted, foreign, or for another configuration."""


class InputError(LiflineError, ValueError):
    """Spikes of the wrong shape, type or value."""


class OutputError(LiflineError, OSError):
    """A file that cannot be written: no room, no folder, or a place that is no regular file."""


class LinkError(LiflineError, OSError):
    """The byte stream to a device failed after all retries."""


class DeviceError(LiflineError, RuntimeError):
    """The device answered with an error, or is not the device it should be."""


class ToolError(LiflineError, RuntimeError):
    """An external tool (synthesis, compiler, simulator) is missing or failed."""


class ConversionError(LiflineError, ValueError):
    """A network of another framework that cannot be read, evaluated or translated."""


class TrainingError(LiflineError, ValueError):
    """A trainable network or a training run that is not possible as asked for."""


class MissingLibraryError(LiflineError, ImportError):
    """An optional library is not installed; the message names the extra that brings it."""


class DatasetError(LiflineError, ValueError):
    """A data set that is missing, truncated, or not of the layout that was asked for."""


class NetlistError(LiflineError, ValueError):
    """A netlist with cells, parameters or connections that no model describes, or that does not behave alike in all lanes."""
