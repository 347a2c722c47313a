# Sourced by the other scripts: creates the virtual environment with the pinned packages, once.
#
#   ensure_venv serve | station | dev     sets $PYTHON to the interpreter of the environment
#
# A stamp (the requirement files and the interpreter's version) is written after the installation, so
# an interrupted installation leaves none. Later starts only compare the stamp.
# ECG_VENV selects another folder than .venv.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="${ECG_VENV:-$ROOT/.venv}"
PYTHON="$VENV/bin/python"
TORCH_CPU_INDEX="https://download.pytorch.org/whl/cpu"

say() { printf '%s\n' "$*" >&2; }

find_python() {
  local candidate
  for candidate in python3.13 python3.12 python3.11 python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      command -v "$candidate"
      return
    fi
  done
  say "No usable Python found: Python 3.11 or newer with the venv module is needed (Debian and Ubuntu: apt install python3-venv)."
  return 1
}

has_nvidia_driver() {
  [[ -e /dev/nvidia0 || -e /dev/nvidiactl || -e /dev/dxg ]] && return 0
  command -v nvidia-smi >/dev/null 2>&1 && return 0
  { ldconfig -p 2>/dev/null || true; } | grep 'libcuda\.so' >/dev/null
}

requirement_files() { # serve | station | dev | deploy
  if [[ "$1" == deploy ]]; then printf '%s\n' "$ROOT/requirements-deploy.txt"; return; fi
  printf '%s\n' "$ROOT/constraints.txt" "$ROOT/requirements.txt"
  if [[ "$1" != serve ]]; then printf '%s\n' "$ROOT/requirements-station.txt"; fi
  if [[ "$1" == dev ]]; then printf '%s\n' "$ROOT/requirements-training.txt" "$ROOT/requirements-dev.txt"; fi
}

stamp_text() { # serve | station | dev | deploy
  "$PYTHON" -V
  local file
  while read -r file; do cat "$file"; done < <(requirement_files "$1")
}

is_installed() { # serve | station | dev | deploy
  [[ -x "$PYTHON" && -f "$VENV/.installed-$1" ]] && stamp_text "$1" 2>/dev/null | cmp -s - "$VENV/.installed-$1"
}

write_stamp() { # serve | station | dev | deploy
  stamp_text "$1" >"$VENV/.installed-$1.part"
  mv "$VENV/.installed-$1.part" "$VENV/.installed-$1"
}

make_venv() {
  if "$PYTHON" -m pip --version >/dev/null 2>&1; then return; fi
  local base
  base="$(find_python)"
  say "Creating $VENV with $("$base" -V) ..."
  if [[ -f "$VENV/pyvenv.cfg" ]]; then # incomplete, or its Python was removed: start again
    find "$VENV" -mindepth 1 -maxdepth 1 ! -name .lock -exec rm -rf {} +
  fi
  "$base" -m venv "$VENV"
}

pip_install() { "$PYTHON" -m pip --disable-pip-version-check --no-input install --quiet --quiet "$@"; }

pytorch_index_answers() {
  "$PYTHON" - "$TORCH_CPU_INDEX/torch/" >/dev/null 2>&1 <<'PY'
import sys, urllib.request
urllib.request.urlopen(urllib.request.Request(sys.argv[1], method="HEAD"), timeout=4)
PY
}

# Without an NVIDIA driver PyTorch's CPU build is enough, and gigabytes smaller. Where it cannot be
# downloaded, the version pinned in requirements.txt is installed.
offer_cpu_torch() {
  local pin
  pin="$(sed -n 's/^torch==\([0-9.]*\).*/\1/p' "$ROOT/requirements.txt")"
  if [[ -z "$pin" || "$(uname -s)" != Linux ]] || has_nvidia_driver; then return; fi
  if "$PYTHON" -c "import importlib.metadata as m, sys; sys.exit(m.version('torch').split('+')[0] != '$pin')" 2>/dev/null; then return; fi
  if pytorch_index_answers && pip_install --no-deps --index-url "$TORCH_CPU_INDEX" "torch==$pin+cpu" 2>/dev/null; then
    say "No NVIDIA driver found: installed the CPU build of torch $pin from $TORCH_CPU_INDEX."
  elif pip_install --no-deps --retries 0 --timeout 10 "torch==$pin+cpu" 2>/dev/null; then
    say "No NVIDIA driver found: installed the CPU build of torch $pin from pip's configured index."
  else
    say "No NVIDIA driver found, and no CPU build of torch $pin available: installing the standard build."
  fi
}

install() { # serve | station | dev
  local list="$ROOT/requirements.txt"
  if [[ "$1" != serve ]]; then list="$ROOT/requirements-$1.txt"; fi
  make_venv
  say "Installing the packages of ${list##*/} (once; a few minutes) ..."
  offer_cpu_torch
  pip_install -c "$ROOT/constraints.txt" -r "$list"
  write_stamp serve
  if [[ "$1" != serve ]]; then write_stamp station; fi
  if [[ "$1" == dev ]]; then write_stamp dev; fi
}

ensure_venv() { # serve | station | dev
  if is_installed "$1"; then return; fi
  mkdir -p "$VENV"
  exec 9>"$VENV/.lock"
  if command -v flock >/dev/null 2>&1; then flock 9; fi
  if ! is_installed "$1"; then install "$1" 9>&-; fi
  exec 9>&-
}

# Sets $VENV and $PYTHON to the environment of requirements-deploy.txt. ECG_DEPLOY_VENV selects another folder than .venv-deploy.
use_deploy_venv() {
  VENV="${ECG_DEPLOY_VENV:-$ROOT/.venv-deploy}"
  PYTHON="$VENV/bin/python"
  if is_installed deploy; then return; fi
  mkdir -p "$VENV"
  exec 9>"$VENV/.lock"
  if command -v flock >/dev/null 2>&1; then flock 9; fi
  if ! is_installed deploy; then
    make_venv
    say "Installing the packages of requirements-deploy.txt (once; about 400 MB) ..."
    pip_install -r "$ROOT/requirements-deploy.txt" 9>&-
    write_stamp deploy
  fi
  exec 9>&-
}
