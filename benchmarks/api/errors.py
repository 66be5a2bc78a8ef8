"""Everything that can go wrong for a user, as one tree.

    MFSRBenchError               exit  what it means
    |-- UsageError                 2   the command line or a user's file asks for nothing we have
    |   |-- UnknownNameError       2   a name that is not registered; carries the nearest ones
    |   `-- ConfigError            2   a value out of range or of the wrong type
    |-- DataError                  3   a data set or an image is missing, unreadable or not itself
    |   `-- ImageError             3   one image file
    |-- WeightsError               4   weights or credentials
    |   |-- WeightsMissingError    4   not on this machine
    |   |-- WeightsCorruptError    4   there, but not the file that the card describes
    |   `-- WeightsGatedError      4   the owner asks for a licence to be accepted first
    |-- ResourceError              5   memory, disk, device
    |-- ConflictError              6   what is on disk was made under other conditions; never merged
    |-- PluginError                7   a plugin of another package does not load
    |-- ScoreError                 1   a metric has no value for one image: recorded, and so on
    `-- MethodError                1   one image of one method: recorded, and the run goes on
        `-- OutputError            1   the method answered, but with a wrong size, NaN or nothing

Exit 0 is success, 1 is "finished, with recorded failures or a failed verification", 130 is Ctrl-C.
Catch the base class to catch them all:

    try:
        restorer = registry.restorer("osediff").load(runtime)
    except MFSRBenchError as error:
        print(error.cause, error.remedy, error.exit_code)
"""

from __future__ import annotations

from typing import ClassVar


class MFSRBenchError(Exception):
    """Base of all errors that a user can act on.

    Args:
        cause: one line, what happened, with the offending value.
        remedy: one line, what to do next, where possible a command.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, cause: str, remedy: str = "") -> None:
        super().__init__(cause, remedy)
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.cause}\n{self.remedy}" if self.remedy else self.cause


class UsageError(MFSRBenchError):
    """The command line, or a file that the user wrote, asks for something that does not exist."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that nothing is registered under."""


class ConfigError(UsageError):
    """A value of the wrong type or out of range."""


class DataError(MFSRBenchError):
    """A data set or an image is missing, unreadable or not what it claims to be."""

    exit_code = 3


class ImageError(DataError):
    """One image file cannot be used as it is."""


class WeightsError(MFSRBenchError):
    """Weights or the credentials for them."""

    exit_code = 4


class WeightsMissingError(WeightsError):
    """A weight file is not on this machine."""


class WeightsCorruptError(WeightsError):
    """A weight file is there but is not the one that the card describes."""


class WeightsGatedError(WeightsError):
    """The owner of the weights asks for a licence to be accepted first."""


class ResourceError(MFSRBenchError):
    """Memory, disk space or a device is lacking."""

    exit_code = 5


class ConflictError(MFSRBenchError):
    """What is on disk was made under other conditions and must not be merged with new work."""

    exit_code = 6


class PluginError(MFSRBenchError):
    """A plugin does not load or is not what its entry point promises."""

    exit_code = 7


class ScoreError(MFSRBenchError):
    """A metric has no value for one image or set. The scorer records it and goes on."""


class MethodError(MFSRBenchError):
    """A method failed on one image. The runner records it and goes on."""


class OutputError(MethodError):
    """A method answered with a wrong size, non-finite values or nothing."""
