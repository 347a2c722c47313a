"""The steps of a Dockerfile, carried out without a container engine.

A mount namespace of its own holds one root folder for each stage. It has this machine's /usr,
/etc and the like instead of the base image's, and this interpreter, without its packages, at
/usr/local. COPY and RUN are carried out as written, in order; apt-get is not, as the folder of
packages is this machine's. The finished root is made read-only, and its command is run as its user.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.deploy.dockerfile import Stage, build_arguments, parse
from tests.house.tree import ROOT

READ_ONLY = ("usr", "lib", "lib64", "bin", "sbin", "opt")  # of this machine; /opt may hold wheels
SHARED = ("dev", "proc", "sys")
STEP_TIMEOUT_S = 1500
PATHS = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    # In a base image the loader's cache names it; here the cache is this machine's.
    "LD_LIBRARY_PATH": "/usr/local/lib",
}


def missing() -> str | None:
    """Return what this machine lacks to replay a Dockerfile, None if it has all."""
    for tool in ("unshare", "nsenter", "chroot", "setpriv", "mount"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    if os.geteuid() != 0:
        return "only root can mount"
    if Path(sys.base_prefix) == Path("/usr"):
        return "this interpreter belongs to the system and cannot be put at /usr/local"
    probe = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"],
        capture_output=True,
        check=False,
    )
    return None if probe.returncode == 0 else "this machine does not let processes mount"


class Replay:
    """The build of one Dockerfile in a folder. Leaving the block removes all mounts."""

    def __init__(
        self, dockerfile: Path, folder: Path, context: Path, arguments: Mapping[str, str]
    ) -> None:
        self.stages = parse(dockerfile, arguments)
        self._arguments = arguments
        self._folder = folder
        self._context = context
        # Lives as long as the namespace; its mounts end with it.
        self._keeper = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", "echo; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._keeper.stdout is not None
        self._keeper.stdout.readline()

    def __enter__(self) -> Replay:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._keeper.kill()
        self._keeper.communicate()

    @property
    def final(self) -> Stage:
        return self.stages[-1]

    def root(self, stage: Stage) -> Path:
        return self._folder / f"stage-{self.stages.index(stage)}"

    def build(self) -> None:
        for stage in self.stages:
            self._lay_base(self.root(stage))
            self._carry_out(stage)

    def make_read_only(self, writable: Sequence[str]) -> None:
        """Mount the finished root read-only, with an empty folder at each of `writable`."""
        root = self.root(self.final)
        for place in ("usr/local", "etc", "."):
            self._inside("mount", "-o", "remount,bind,ro", str((root / place).resolve()))
        for place in writable:
            folder = root / place.lstrip("/")
            self._inside("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", str(folder))

    def command_line(self, command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
        """Return how to run a command of the finished image: as its user, without any privilege."""
        stage = self.final
        user, _, group = stage.all("USER")[-1].text.partition(":")
        folder = stage.all("WORKDIR")[-1].text
        as_user = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
        as_user += ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        variables = PATHS | stage.environment() | dict(environment)
        pairs = [f"{name}={value}" for name, value in variables.items()]
        shell = ["sh", "-c", 'cd "$0" && exec "$@"', folder, *command]
        return [
            *self._enter(),
            *("chroot", str(self.root(stage)), "env", "-i", *pairs),
            *as_user,
            *shell,
        ]

    def _lay_base(self, root: Path) -> None:
        """Make the root of `python:slim`: this machine's system, and a Python with pip."""
        for place in (*READ_ONLY, *SHARED, "etc", "tmp", "root", "usr-local", "usr-local-work"):
            (root / place).mkdir(parents=True, exist_ok=True)
        (root / "tmp").chmod(0o1777)
        self._inside("mount", "--bind", str(root), str(root))
        for place in (*READ_ONLY, *SHARED):
            if Path("/", place).is_dir():
                self._inside("mount", "--rbind", f"/{place}", str(root / place))
        self._overlay(root, Path("/etc"), "etc")
        # A base image has no users but the system's.
        for table in ("passwd", "group"):
            path = root / "etc" / table
            keep = f"awk -F: '$3 < 1000 || $3 > 60000' {path} > {path}.new && mv {path}.new {path}"
            self._inside("sh", "-c", keep)
        self._overlay(root, Path(sys.base_prefix), "usr/local")
        packages = root / f"usr/local/lib/python{sys.version_info[0]}.{sys.version_info[1]}"
        self._inside("sh", "-c", f"rm -rf {packages}/site-packages/* {root}/usr/local/bin/pip*")
        self._run(root, "python3 -m ensurepip >/dev/null && ln -sf pip3 /usr/local/bin/pip", "/")

    def _overlay(self, root: Path, lower: Path, place: str) -> None:
        """Mount a folder of this machine into the root; the replay keeps what changes in it."""
        upper = self._folder / "changes" / root.name / place.replace("/", "-")
        work = upper.with_name(upper.name + "-work")
        upper.mkdir(parents=True)
        work.mkdir()
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        self._inside("mount", "-t", "overlay", "overlay", "-o", options, str(root / place))

    def _carry_out(self, stage: Stage) -> None:
        root, folder = self.root(stage), "/"
        variables = build_arguments(stage, self._arguments)
        for step in stage.instructions:
            if step.name == "WORKDIR":
                folder = step.text
                self._inside("mkdir", "-p", f"{root}{folder}")
            elif step.name == "ENV":
                variables |= dict(word.split("=", 1) for word in step.words)
            elif step.name == "COPY":
                *sources, target = step.words
                self._copy(stage, sources, f"{root}{Path(folder, target)}", step.flags)
            elif step.name == "RUN" and not step.text.startswith("apt-get "):
                self._run(root, step.text, folder, variables)

    def _copy(
        self, stage: Stage, sources: Sequence[str], target: str, flags: Mapping[str, str]
    ) -> None:
        """Copy as Docker does: the content of a folder, or files into a folder."""
        if "from" in flags:
            origin = self.root(next(s for s in self.stages if s.name == flags["from"]))
        else:
            origin = self._context
        self._inside("mkdir", "-p", target)
        for source in sources:
            path = origin / source.lstrip("/")
            self._inside("cp", "-a", f"{path}/." if path.is_dir() else str(path), target)
        if "chown" in flags:
            self._inside("chown", "-R", flags["chown"], target)

    def _run(
        self, root: Path, text: str, folder: str, variables: Mapping[str, str] | None = None
    ) -> None:
        pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        environment = {**pip, **PATHS, "HOME": "/root", **(variables or {})}
        pairs = [f"{name}={value}" for name, value in environment.items()]
        self._inside(
            *("chroot", str(root), "env", "-i", *pairs),
            *("sh", "-ec", f"cd {folder}; {text}"),
        )

    def _enter(self) -> list[str]:
        return ["nsenter", f"--mount=/proc/{self._keeper.pid}/ns/mnt", "--"]

    def _inside(self, *command: str) -> None:
        """Run a command in the namespace. Raises AssertionError with what it wrote if it fails."""
        done = subprocess.run(
            [*self._enter(), *command],
            cwd="/",
            capture_output=True,
            text=True,
            timeout=STEP_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-4000:]}{done.stderr[-4000:]}"


def clean_context(folder: Path) -> Path:
    """Copy what git tracks, less .dockerignore, as a build context."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT)
    for name in listed.decode().splitlines():
        top = name.split("/")[0]
        if any(fnmatch.fnmatch(name, pattern) or top == pattern for pattern in ignored):
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    return folder
