"""A Dockerfile as stages of instructions, with build arguments and variables replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
# Docker replaces variables in these; in RUN the shell does.
REPLACED = ("FROM", "COPY", "ENV", "ARG", "USER", "WORKDIR", "EXPOSE", "VOLUME")


@dataclass(frozen=True)
class Instruction:
    """One instruction: `COPY --from=torch /layer /usr` has the flag from=torch."""

    name: str
    text: str
    flags: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        """The arguments; those of the exec form where it is one."""
        if self.text.startswith("["):
            return list(json.loads(self.text))
        return self.text.split()

    @property
    def is_exec_form(self) -> bool:
        return self.text.startswith("[")


@dataclass(frozen=True)
class Stage:
    image: str
    name: str
    instructions: tuple[Instruction, ...]

    def all(self, name: str) -> list[Instruction]:
        return [step for step in self.instructions if step.name == name]

    def environment(self) -> dict[str, str]:
        pairs = (word for step in self.all("ENV") for word in step.words)
        return dict(pair.split("=", 1) for pair in pairs)

    def copied_from_context(self) -> list[str]:
        """Return the sources that come from the build context."""
        steps = [step for step in self.all("COPY") if "from" not in step.flags]
        return [source for step in steps for source in step.words[:-1]]


def parse(path: Path, arguments: Mapping[str, str] | None = None) -> list[Stage]:
    """Return the stages. arguments: as of `docker build --build-arg`."""
    given = dict(arguments or {})
    global_values: dict[str, str] = {}
    stages: list[tuple[str, str, list[Instruction]]] = []
    values: dict[str, str] = {}
    for line in _logical_lines(path.read_text(encoding="utf-8")):
        is_global = not stages or line.upper().startswith("FROM ")
        step = _instruction(line, global_values if is_global else values)
        if step.name == "ARG":
            name, _, default = step.text.partition("=")
            (values if stages else global_values)[name] = given.get(name, default)
        elif step.name == "FROM":
            image, *rest = step.words
            stages.append((image, rest[1] if rest else "", []))
            values = {}
            continue
        elif step.name == "ENV":
            values |= dict(word.split("=", 1) for word in step.words)
        if stages:
            stages[-1][2].append(step)
    return [Stage(image, name, tuple(steps)) for image, name, steps in stages]


def build_arguments(stage: Stage, given: Mapping[str, str]) -> dict[str, str]:
    """Return the values of a stage's ARG instructions, which its RUN steps see."""
    pairs = [step.text.partition("=") for step in stage.all("ARG")]
    return {name: given.get(name, default) for name, _, default in pairs}


def _logical_lines(text: str) -> Iterator[str]:
    """Yield the instructions without comments, continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    yield from (line.strip() for line in joined.splitlines() if line.strip())


def _instruction(line: str, values: Mapping[str, str]) -> Instruction:
    name, _, text = line.partition(" ")
    name, text = name.upper(), text.strip()
    flags = {}
    while found := re.match(r"--([\w-]+)=(\S+)\s+", text):
        flags[found[1]] = found[2]
        text = text[found.end() :]
    if name in REPLACED:
        text = VARIABLE.sub(lambda match: values.get(match[1] or match[2], match[0]), text)
    return Instruction(name, text, flags)
