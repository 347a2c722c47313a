"""Write the files of earlier versions with the code of these versions.

python -m tests.upgrades.write_older     writes tests/data_files/older/ again

Each version is taken from git and run in a folder of its own. It writes small files of its format,
and what it answered with them, which the tests compare with what this version answers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile

from tests.data import CARRIED
from tests.house.tree import ROOT

OLDER = ROOT / "tests" / "data_files" / "older"

SEGMENTS = """
def segments(leads, samples):
    values = np.random.default_rng(0).normal(0, 0.3, (2, leads, samples)).astype(np.float32)
    if leads == 13:
        values[:, 12] = 1.0  # the recording is everywhere, in known units
    return values
"""

# The first bundle: ECG-FM, converted from a checkpoint; and the lock of what was pulled.
ECG_FM = """
from model_store.convert import convert
from model_store.lock import Locked, write_lock
from encoder.runner import EncoderRunner, load_encoder_file
bundle = convert(checkpoint, folder / "bundle", name="tiny").bundle
encoder = load_encoder_file(bundle.config, bundle.weights_path)
encoded = EncoderRunner(encoder).run(segments(12, 2500))
write_lock(folder, "ecg-fm-clinical", Locked("wanglab/ecg-fm", "0" * 40, {"x.pt": "0" * 64}))
"""

# A compact network; before 7479ed5 its tensors had other names.
COMPACT = """
import torch
from encoder.compact import Compact
from encoder.config import CompactConfig, ConvLayer
from encoder.runner import EncoderRunner, load_encoder_file
from model_store.bundle import WEIGHTS_FILE, Bundle, Source, Weights, write_bundle_file
from model_store.labels import Label
from model_store.weights_file import shapes_of, write_float32
from signals.band import Band
from signals.segments import Millivolt, Preprocessing
millivolt = Millivolt(Band(0.5, 34.0, 42.0), 5.0, 0.982)
preprocessing = Preprocessing(100.0, 10.0, "band", "millivolt", True, millivolt, 5.0)
config = CompactConfig(ConvLayer(8, 7, 2), (ConvLayer(8, 5, 2), ConvLayer(16, 5, 2)), 4, 2, 16, 3)
torch.manual_seed(0)
net = Compact(config)
(folder / "bundle").mkdir()
weights = folder / "bundle" / WEIGHTS_FILE
values = {name: value.numpy() for name, value in net.state_dict().items()}
sha256 = write_float32(weights, shapes_of(config), values)
labels = tuple(Label(name, "mean", None, 0.5, name) for name in ("a", "b", "c"))
size = Weights(weights.stat().st_size, sha256)
source = Source(None, None, {})
about = (1, "tiny", "classifier", source, "compact", config, preprocessing, labels, size)
write_bundle_file(Bundle(*about, "MIT", None), folder / "bundle")
encoded = EncoderRunner(load_encoder_file(config, weights)).run(segments(13, 1000))
"""

# The first heads that the server used: three versions, a promotion and a rollback.
HEADS = """
from heads.folder import write_head
from heads.head import EncoderReference, Head, HeadLabel
from heads.registry import Registry
registry = Registry(folder)
random = np.random.default_rng(0)
labels = (HeadLabel("A", 0.4, 1.5, -0.2, "first"), HeadLabel("B"))
embedding = random.normal(size=8).astype(np.float32)
answers = []
for number in range(3):
    layers = tuple(
        tuple(random.normal(size=size).astype(np.float32) for size in ((out, inputs), out))
        for out, inputs in ((4, 8), (2, 4))
    )
    trained_on = np.arange(number + 1, dtype=np.uint64)
    made = {"kind": "mlp"}
    encoder = EncoderReference("tiny", None, "a" * 64)
    head = Head("rhythm", encoder, labels, layers, trained_on, made)
    write_head(head, folder / f"made-{number}")
    registry.install(folder / f"made-{number}")
    shutil.rmtree(folder / f"made-{number}")
    probabilities = head.predict(embedding).probabilities
    answers.append([probabilities[label.name] for label in labels])
registry.promote("rhythm", 2, reason="better")
registry.promote("rhythm", 3, reason="better still")
registry.rollback("rhythm", reason="false alarms")
"""

ANSWERS_OF_ENCODER = (
    'np.savez(folder / "answers.npz", embeddings=encoded.pooled, logits=encoded.logits)'
)
ANSWERS_OF_HEADS = 'np.savez(folder / "answers.npz", embedding=embedding, probabilities=answers)'

# Commit -> what its code runs.
VERSIONS = {
    "0883faa": ECG_FM + ANSWERS_OF_ENCODER,
    "703eddb": COMPACT + ANSWERS_OF_ENCODER,
    "7479ed5": COMPACT.replace("write_float32", "write_weights") + ANSWERS_OF_ENCODER,
    "3bb7396": HEADS + ANSWERS_OF_HEADS,
}


def write(commit: str, code: str) -> None:
    """Run the code in a checkout of the commit; it writes into OLDER/commit."""
    folder = OLDER / commit
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="ecg-older-") as checkout:
        archive = subprocess.run(
            ["git", "archive", commit], cwd=ROOT, check=True, capture_output=True
        ).stdout
        subprocess.run(["tar", "x", "-C", checkout], input=archive, check=True)
        head = "import shutil, sys\nimport numpy as np\nfrom pathlib import Path\n"
        head += "folder, checkpoint = map(Path, sys.argv[1:])\n"
        subprocess.run(
            [
                sys.executable,
                *("-c", head + SEGMENTS + code),
                *(str(folder), str(CARRIED / "tiny_finetuned_old.pt")),
            ],
            cwd=checkout,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
            check=True,
        )
    for lock_file in folder.rglob(".*"):
        lock_file.unlink()


if __name__ == "__main__":
    for name in sys.argv[1:] or VERSIONS:
        write(name, VERSIONS[name])
