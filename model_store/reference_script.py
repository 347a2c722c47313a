"""Compute the outputs of fairseq-signals for given segments; run by the interpreter that has it.

    python reference_script.py CHECKPOINT SEGMENTS.npy ANSWERS.npz

SEGMENTS is (B, 12, 2500) float32, standardised. ANSWERS holds `embedding` (B, D) and, of a
fine-tuned model, `logits` (B, labels). The syntax is that of Python 3.9, which fairseq-signals
needs. The calls are those of bowang-lab/ECG-FM 9cc0d3f, infer_quickstart and scripts/embs.py.
"""

import sys

import numpy as np

NO_FAIRSEQ_SIGNALS = 3  # exit code


def main() -> int:
    checkpoint, segments_path, answers_path = sys.argv[1:]
    try:
        import torch

        # fairseq-signals is never installed in the server's environment.
        from fairseq_signals.models import (  # type: ignore[import-not-found]
            build_model_from_checkpoint,
        )
    except ImportError as error:
        sys.stderr.write(f"{error}\n")
        return NO_FAIRSEQ_SIGNALS
    model = build_model_from_checkpoint(checkpoint_path=checkpoint)
    model.eval()
    segments = torch.from_numpy(np.load(segments_path))
    answers = {}
    with torch.no_grad():
        if hasattr(model, "proj"):
            output = model(source=segments, padding_mask=None)
            answers["logits"] = output["out"].numpy()
            tokens = output["encoder_out"]
        else:
            tokens = model.extract_features(source=segments, padding_mask=None, mask=False)["x"]
        answers["embedding"] = torch.div(tokens.sum(dim=1), (tokens != 0).sum(dim=1)).numpy()
    np.savez(answers_path, **answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
