"""What a user names on the command line, as methods that are ready to run.

    name[@steps][+option=value ...]      mfsr@2, dit4sr@40+variant=q, osediff+mended
    name[+option=value ...]:argument     precomputed:SUPIR=results/supir, spandrel+tile=256:x.pth

All that changes numbers (steps, options, dtype, mended) is in the row key; a value that equals
the card's default is not, so `mfsr`, `mfsr@1` and `mfsr+dtype=bf16` are one row where these are the
defaults.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, get_args

from benchmarks import registry
from benchmarks.api.card import Dtype, MethodCard
from benchmarks.api.errors import ConfigError, UsageError
from benchmarks.api.names import unknown
from benchmarks.api.restorer import Restorer, Runtime
from benchmarks.api.text import one_line
from benchmarks.api.weights import WeightStore

_SEE = "mfsr-bench list methods"
_DIGITS = 4  # of a number of steps


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSpec:
    """A method as typed, taken apart."""

    name: str
    argument: str = ""
    steps: int | None = None
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is asked of all methods of a command; what a method's own text says wins."""

    device: str = "cpu"
    dtype: Dtype | None = None  # where the method supports it
    mended: bool = False  # where the method declares quirks
    offload: bool = False
    prompts: str = ""  # "none" or "given": part of the key of the methods that ask for prompts
    weights: WeightStore = field(default_factory=WeightStore)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One row of a table: a method with all that decides its numbers. It pickles."""

    key: str  # "mfsr@2": the row's name in every file
    title: str  # "MFSR-2s": the row's name in every table
    restorer: type[Restorer]
    runtime: Runtime
    steps: int | None
    fingerprint: str = ""

    @property
    def card(self) -> MethodCard:
        """What is known of the method."""
        return self.runtime.card

    @property
    def asks_for_prompts(self) -> bool:
        """Whether each image needs a prompt of its own."""
        return self.card.prompt not in ("none", "fixed")

    def identity(self, weights: dict[str, str]) -> dict[str, Any]:
        """Return as plain data what decides this row's numbers; `weights` are sha256 by name."""
        return {
            "title": self.title,
            "steps": self.steps,
            "options": dict(self.runtime.options),
            "dtype": self.runtime.dtype or self.card.dtypes[0],
            "faithful": bool(self.card.quirks) and not self.runtime.mended,
            "fingerprint": self.fingerprint,
            "weights": weights,
            "card": asdict(self.card),
        }


def parse(text: str) -> MethodSpec:
    """Take a method apart as it was typed.

    >>> parse("dit4sr@40+variant=q")
    MethodSpec(name='dit4sr', argument='', steps=40, options={'variant': 'q'})
    >>> parse("precomputed:SUPIR=results/a+b@2").argument
    'SUPIR=results/a+b@2'

    Raises:
        UsageError: it does not read as a method.
    """
    head, _, argument = text.partition(":")
    head, *parts = head.split("+")
    name, at, steps = head.partition("@")
    if at and not (steps.isascii() and steps.isdigit() and len(steps) <= _DIGITS):
        shown = one_line(text, longest=60)
        raise UsageError(
            f"'{shown}': the number of steps is not a number up to {10**_DIGITS - 1}.",
            f"Use, say: {name}@4",
        )
    options = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if not key or key in options:
            raise UsageError(f"'{text}': options are +name=value, each once.", f"See: {_SEE}")
        options[key] = value if equals else "true"
    return MethodSpec(
        name=name, argument=argument, steps=int(steps) if at else None, options=options
    )


def resolve(text: str, wishes: Wishes | None = None) -> Method:
    """Return the method that `text` names.

    Raises:
        UnknownNameError: no such method.
        UsageError: steps, option, dtype or argument that the method does not have.
    """
    wishes = wishes or Wishes()
    spec = parse(text)
    restorer = registry.restorer(spec.name)
    card = restorer.card_for(spec.argument)
    steps = spec.steps if restorer.steps_are_words else card.check_steps(spec.steps)
    options = dict(spec.options)
    dtype = _dtype(card, options.pop("dtype", None), wishes.dtype)
    mended = _mended(card, options, wishes.mended)
    options = _options(card, options)
    card = card.with_weights_for(options)
    runtime = Runtime(
        card=card,
        weights=wishes.weights,
        device=wishes.device,
        dtype=dtype,
        mended=mended,
        offload=wishes.offload,
        argument=spec.argument,
        options=options,
    )
    method = Method(
        key=f"{spec.name}:{card.name}" if spec.argument else card.name,
        title=card.title,
        restorer=restorer,
        runtime=runtime,
        steps=steps,
        fingerprint=restorer.fingerprint(spec.argument),
    )
    suffix = _suffix(runtime)
    if wishes.prompts and method.asks_for_prompts:
        suffix += f"+prompts={wishes.prompts}"
    return replace(
        method,
        key=method.key + ("" if steps is None else f"@{steps}") + suffix,
        title=_title(method.title, steps) + suffix.replace("+", " +"),
    )


def _title(title: str, steps: int | None) -> str:
    """Return a row's title, its steps before what stands in brackets.

    >>> _title("MFSR", 2), _title("MFSR (ours)", 2), _title("Bicubic", None)
    ('MFSR-2s', 'MFSR-2s (ours)', 'Bicubic')
    """
    name, bracket, rest = title.partition(" (")
    return name + ("" if steps is None else f"-{steps}s") + bracket + rest


def resolve_all(texts: Iterable[str], wishes: Wishes | None = None) -> tuple[Method, ...]:
    """Return the methods that `texts` name, in order, each once.

    Raises:
        UsageError: two of them would be one row but are not the same method.
    """
    found: dict[str, Method] = {}
    for text in texts:
        method = resolve(text, wishes)
        other = found.setdefault(method.key, method)
        if other != method:
            raise UsageError(
                f"'{text}' and another method would both be the row '{method.key}'.",
                "Give them different names.",
            )
    titles = [method.title for method in found.values()]
    return tuple(
        # Two rows of one title (a precomputed OSEDiff beside our own) show their keys.
        replace(method, title=f"{method.title} ({method.key})")
        if titles.count(method.title) > 1
        else method
        for method in found.values()
    )


def _dtype(card: MethodCard, given: str | None, wanted: Dtype | None) -> Dtype | None:
    """Return the dtype if it is not the card's first; a global wish applies where it is legal."""
    if given is not None and given not in card.dtypes:
        legal = ", ".join(card.dtypes)
        raise ConfigError(f"'{card.name}' does not run in {given!r}; it runs in {legal}.")
    for dtype in get_args(Dtype):
        if dtype == (given or wanted) and dtype in card.dtypes and dtype != card.dtypes[0]:
            checked: Dtype = dtype
            return checked
    return None


def _mended(card: MethodCard, options: dict[str, str], wanted: bool) -> bool:
    """Take `mended` out of the given options; a global wish applies where there are quirks."""
    if "faithful" in options:
        raise ConfigError(
            f"'{card.name}+faithful': the authors' program is the default.",
            f"Use: {card.name}, or {card.name}+mended for its declared quirks mended",
        )
    given = options.pop("mended", None)
    if given not in (None, "true", "false"):
        raise ConfigError(f"'{card.name}': +mended is true or false, not {given!r}.")
    if given == "true" and not card.quirks:
        raise ConfigError(f"'{card.name}' declares no upstream quirks to mend.")
    return bool(card.quirks) and (given == "true" if given is not None else wanted)


def _options(card: MethodCard, given: dict[str, str]) -> dict[str, str]:
    known = {option.name: option for option in card.options}
    for name, value in given.items():
        if name not in known:
            raise unknown(f"option of '{card.name}'", name, known, see=_SEE)
        choices = known[name].choices
        if choices and value not in choices:
            raise unknown(f"value of '{card.name}+{name}'", value, choices, see=_SEE)
    return {name: value for name, value in sorted(given.items()) if value != known[name].default}


def _suffix(runtime: Runtime) -> str:
    parts = [f"{name}={value}" for name, value in runtime.options.items()]
    if runtime.dtype:
        parts.append(f"dtype={runtime.dtype}")
    if runtime.mended:
        parts.append("mended")
    return "".join(f"+{part}" for part in parts)
