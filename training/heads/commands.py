"""The commands of `python -m training`: each takes parsed options and returns an exit code."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from errors import BadTrainingData, ModelStoreError, UnknownHead
from heads.folder import check_name, read_head, write_head
from heads.gate import GateSet, Limits, Verdict, judge, patients_trained_on
from heads.head import Head, patient_digests
from heads.registry import Registry
from model_store.manifest import default_models_dir
from training.heads.embed import embed, recordings_of_folder, recordings_of_ptbxl
from training.heads.embeddings_file import Embeddings, read_embeddings, write_embeddings
from training.heads.examples import Examples
from training.heads.fit import fit_head
from training.heads.fitted import FitOptions
from training.heads.label_table import Labelled, LabelTable, join, read_labels
from training.heads.recipes import recipe_labels
from training.heads.scores import RESAMPLED, prevalence_baseline, score_head

# Exit code of `promote`: the gate kept the champion, which is neither success nor failure.
GATE_KEPT_CHAMPION: Final = 3

Options = argparse.Namespace


def run_embed(options: Options) -> int:
    """Write the embeddings that a server gives for recordings to a Parquet file."""
    if options.out.exists():
        raise BadTrainingData(f"{options.out}: exists already; name a new file")
    if options.ptbxl:
        recordings = recordings_of_ptbxl(options.ptbxl, options.rate, options.folds)
        count = options.limit
    else:
        in_folder = recordings_of_folder(options.recordings, options.patients)
        recordings = iter(in_folder)
        count = min(len(in_folder), options.limit or len(in_folder))
        if options.patients is None:
            _warn(
                "no --patients: each recording counts as a patient of its own; a patient with two "
                "recordings may be in both training and test"
            )
    embeddings, refused = embed(options.url, islice(recordings, options.limit), count)
    write_embeddings(options.out, embeddings)
    if refused.reasons:
        _warn(refused.summary())
    _print(
        f"{options.out}: {len(embeddings)} embeddings of {embeddings.values.shape[1]} numbers, "
        f"of {embeddings.encoder}"
    )
    return 0


def run_train(options: Options) -> int:
    name = check_name(options.name or options.recipe)
    if options.out.exists():
        raise BadTrainingData(f"{options.out}: exists already; name a new folder")
    embeddings = _read_single_file(options)
    labelled = _join_labels(embeddings, _label_table(options))
    fit_options = FitOptions(options.kind, options.class_weights, options.hidden, seed=options.seed)
    examples = labelled.part("train")
    head = fit_head(examples, labelled.labels, name, embeddings.encoder, fit_options)
    command = shlex.join(["python", "-m", "training", *options.command_line])
    head = replace(head, training={**head.training, "command": command}, card=options.card)
    write_head(head, options.out)
    _print(
        f"{options.out}: {head.kind} head {name} on {embeddings.encoder}, {len(head.labels)} labels"
    )
    records, patients = head.training["records"], head.training["patients"]
    _print(
        f"trained on {records} recordings of {patients} patients; "
        "score it on other patients: python -m training score"
    )
    return 0


def run_score(options: Options) -> int:
    """Print the scores of a head and of two baselines; with --out, also write them."""
    head = _load_head(options.head, _registry(options))
    table = _label_table(options, head.label_names)
    embeddings = _embeddings_for(head, _read_files(options.embeddings))
    examples = _join_labels(embeddings, table).part(options.split)
    _check_unseen(head, examples, options.split)
    description = {
        "name": head.name,
        "kind": head.kind,
        "encoder": str(head.encoder),
        "made": dict(head.training),
    }
    baselines = {
        "prevalence": prevalence_baseline(head.label_names, examples),
        "random_encoder": _random_encoder_baseline(options, head, table),
    }
    report: dict[str, Any] = {
        "head": description,
        "split": options.split,
        "scores": score_head(head, examples, seed=options.seed),
        "baselines": baselines,
    }
    _print_scores(report)
    if options.out:
        _write_scores(options, head, examples, report)
    return 0


def _write_scores(options: Options, head: Head, examples: Examples, report: dict[str, Any]) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=2) + "\n"
    (options.out / "scores.json").write_text(text, encoding="utf-8")
    if options.plots:
        # Imported here: matplotlib is optional.
        from training.heads.plots import write_plots

        write_plots(options.out, head, examples, report["scores"])
    _print(f"written to {options.out}")


def run_random_encoder(options: Options) -> int:
    # Imported here: only this command reads bundles.
    from training.heads.random_encoder import write_random_bundle

    bundle = write_random_bundle(options.bundle, options.out, options.seed)
    _print(
        f"{bundle.folder}: {bundle.name}; serve it with ECG_MODEL={bundle.folder}, embed the same "
        "recordings, and score with --random"
    )
    return 0


def run_install(options: Options) -> int:
    """Install a head's folder as a new version, and print its alias."""
    registry = _registry(options)
    head = read_head(options.folder)
    version = registry.install(options.folder)
    alias = registry.aliases(head.name).alias_of(version)
    folder = registry.root / head.name / str(version)
    _print(f"{head.name} version {version} is installed as {alias} ({folder})")
    if alias == "candidate":
        _print(f"it answers after its promotion: python -m training promote {head.name}")
    return 0


def run_list(options: Options) -> int:
    """Print a line for each installed version; with --audit, also each change of an alias."""
    registry = _registry(options)
    for name in [options.name] if options.name else registry.names():
        aliases = registry.aliases(name)
        for version in registry.versions(name):
            alias = aliases.alias_of(version) or ""
            _print(f"{name:20} {version:4}  {alias:10} {_head_summary(registry, name, version)}")
        if options.audit:
            for entry in registry.audit(name):
                _print(f"  {entry['at']} {entry['action']} {entry['version']}: {entry['reason']}")
    return 0


def run_compare(options: Options) -> int:
    """Print the gate's verdict on two versions, without any change."""
    registry = _registry(options)
    champion, candidate = _versions_to_compare(registry, options)
    verdict = _judge(registry, options, champion, candidate)
    _print_verdict(options.name, champion, candidate, verdict)
    return 0


def run_promote(options: Options) -> int:
    """Promote the candidate if the gate allows it; else return GATE_KEPT_CHAMPION."""
    registry = _registry(options)
    if options.ungated:
        return _promote_ungated(registry, options)
    champion, candidate = _versions_to_compare(registry, options)
    verdict = _judge(registry, options, champion, candidate)
    _print_verdict(options.name, champion, candidate, verdict)
    carry_out = registry.promote if verdict.promote else registry.keep_champion
    carry_out(options.name, candidate, reason=verdict.reason, details=verdict.to_dict())
    return 0 if verdict.promote else GATE_KEPT_CHAMPION


def _promote_ungated(registry: Registry, options: Options) -> int:
    version = options.version or registry.aliases(options.name).candidate
    if version is None:
        raise UnknownHead(f"{options.name} has no candidate; give the number of a version")
    registry.promote(options.name, version, reason=f"without the gate: {options.ungated}")
    _print(f"{options.name} version {version} is champion now, without the gate")
    return 0


def run_rollback(options: Options) -> int:
    registry = _registry(options)
    aliases = registry.rollback(options.name, options.to, reason=options.reason)
    _print(f"{options.name}: version {aliases.champion} is champion again")
    return 0


def _registry(options: Options) -> Registry:
    return Registry(options.models_dir or default_models_dir())


def _head_summary(registry: Registry, name: str, version: int) -> str:
    try:
        head = registry.load(name, version)
    except ModelStoreError as error:
        return f"cannot be used: {error.detail}"
    return f"{head.kind}, {len(head.labels)} labels, on {head.encoder}"


def _versions_to_compare(registry: Registry, options: Options) -> tuple[int, int]:
    """Return the versions of champion and candidate: those of the options, else of the aliases."""
    aliases = registry.aliases(options.name)
    candidate = options.version or aliases.candidate
    champion = getattr(options, "against", None) or aliases.champion
    if champion is None or candidate is None:
        raise UnknownHead(
            f"{options.name}: champion {champion or 'none'}, candidate {candidate or 'none'}; "
            "give the number of the missing version"
        )
    return champion, candidate


def _judge(registry: Registry, options: Options, champion: int, candidate: int) -> Verdict:
    """Return the verdict on those recordings of the gate set that have embeddings for both."""
    old = registry.load(options.name, champion)
    new = registry.load(options.name, candidate)
    missing = sorted(set(old.label_names) - set(new.label_names))
    if missing:
        raise BadTrainingData(
            f"version {candidate} lacks labels of version {champion}: {', '.join(missing)}; "
            "they cannot be compared"
        )
    files = _read_files(options.embeddings)
    table = _label_table(options, old.label_names)
    old_labelled = _join_labels(_embeddings_for(old, files), table)
    new_labelled = _join_labels(_embeddings_for(new, files), table)
    old_examples, new_examples = _shared_gate_examples(old_labelled, new_labelled)
    gate = GateSet(old.label_names, old_examples.truth, old_examples.patients)
    _check_gate_unseen(gate, old, new)
    columns = [new.label_names.index(label) for label in old.label_names]
    new_probabilities = new.probabilities(new_examples.x)[:, columns]
    return judge(gate, old.probabilities(old_examples.x), new_probabilities, Limits())


def _shared_gate_examples(old: Labelled, new: Labelled) -> tuple[Examples, Examples]:
    """Return the examples of the recordings of the gate set that both have, in the same order."""
    old_rows = _gate_rows(old)
    new_rows = _gate_rows(new)
    shared = sorted(old_rows.keys() & new_rows.keys())
    if not shared:
        raise BadTrainingData("no recording of the gate set has embeddings for both heads")
    old_examples = old.examples.at(np.array([old_rows[record] for record in shared], np.intp))
    new_examples = new.examples.at(np.array([new_rows[record] for record in shared], np.intp))
    return old_examples, new_examples


def _gate_rows(labelled: Labelled) -> dict[str, int]:
    """Return the row of each recording of the gate set, by record_id."""
    rows = np.flatnonzero(labelled.split == "gate").tolist()
    return {str(labelled.records[row]): row for row in rows}


def _check_gate_unseen(gate: GateSet, old: Head, new: Head) -> None:
    """Raise BadTrainingData if a head was trained on patients of the gate set."""
    digests = patient_digests(gate.patients.tolist())
    trained = patients_trained_on(digests, [old.trained_on, new.trained_on])
    if trained:
        raise BadTrainingData(
            f"{trained} of the {gate.patient_count} patients of the gate set were trained on; "
            "0 are allowed"
        )


def _check_unseen(head: Head, examples: Examples, split: str) -> None:
    """Raise BadTrainingData if the head was trained on patients of these examples."""
    trained = patients_trained_on(patient_digests(examples.patients.tolist()), [head.trained_on])
    if trained:
        raise BadTrainingData(
            f"{trained} patients in {split} are among those that the head was trained on; "
            "scores on them are not valid"
        )


def _load_head(name: str, registry: Registry) -> Head:
    """Return the head of a folder or of the registry.

    name  a folder, or NAME, NAME@VERSION, NAME@champion or NAME@candidate
    """
    if Path(name).is_dir():
        return read_head(Path(name))
    installed_name, _, selector = name.partition("@")
    aliases = registry.aliases(installed_name)
    if selector.isdigit():
        return registry.load(installed_name, int(selector))
    versions = {"": aliases.champion, "champion": aliases.champion, "candidate": aliases.candidate}
    version = versions.get(selector)
    if version is None:
        raise UnknownHead(
            f"{name}: no such version; allowed are NAME, NAME@VERSION, NAME@champion, "
            "NAME@candidate or a head's folder"
        )
    return registry.load(installed_name, version)


def _read_files(paths: Sequence[Path]) -> list[Embeddings]:
    return [read_embeddings(path) for path in paths]


def _embeddings_for(head: Head, files: Sequence[Embeddings]) -> Embeddings:
    """Return the embeddings by the head's encoder. Raises WrongEncoder if no file has them."""
    for embeddings in files:
        if embeddings.encoder.sha256 == head.encoder.sha256:
            return embeddings
    head.check_encoder(files[0].encoder)
    raise AssertionError("check_encoder refuses another encoder. This is a bug.")


def _read_single_file(options: Options) -> Embeddings:
    if len(options.embeddings) != 1:
        raise BadTrainingData(
            f"--embeddings: {len(options.embeddings)} files; one is allowed, because a head is "
            "trained on the embeddings of one encoder"
        )
    return read_embeddings(options.embeddings[0])


def _label_table(options: Options, wanted: Sequence[str] = ()) -> LabelTable:
    """Return the table of --labels, or of --recipe.

    wanted  the labels to return; if empty, those of --columns, or else all
    """
    if options.labels:
        return read_labels(options.labels, tuple(wanted) or options.columns)
    table = recipe_labels(options.recipe, options.ptbxl)
    missing = [label for label in wanted if label not in table.labels]
    if missing:
        raise BadTrainingData(
            f"recipe {options.recipe} has no label {missing[0]}; it has {', '.join(table.labels)}"
        )
    labels = tuple(wanted or options.columns or table.labels)
    columns = [table.labels.index(label) for label in labels]
    return replace(table, labels=labels, truth=table.truth[:, columns])


def _join_labels(embeddings: Embeddings, table: LabelTable) -> Labelled:
    """Return the recordings with embedding and labels; warn of what is left out or unknown."""
    labelled = join(embeddings, table)
    if not embeddings.patients_known and table.patients is None:
        _warn(
            "neither the embeddings nor the labels have a column patient_id: each recording counts "
            "as a patient of its own"
        )
    if labelled.left_out:
        _warn(f"{labelled.left_out} embeddings have no row of labels and are left out")
    return labelled


def _random_encoder_baseline(
    options: Options, head: Head, table: LabelTable
) -> dict[str, Any] | None:
    """Return the scores of a head on a randomly initialised encoder; None without --random.

    The head is trained with the options of `head`, on the embeddings of --random.
    """
    if options.random is None:
        return None
    embeddings = read_embeddings(options.random)
    labelled = _join_labels(embeddings, table)
    fit_options = FitOptions(
        kind=head.kind,
        class_weights=head.training.get("class_weights", "balanced"),
        hidden=int(head.training.get("hidden", 128)),
        seed=int(head.training.get("seed", 0)),
    )
    examples = labelled.part("train")
    baseline = fit_head(examples, head.label_names, head.name, embeddings.encoder, fit_options)
    scores = score_head(baseline, labelled.part(options.split), seed=options.seed)
    return {"encoder": str(embeddings.encoder), **scores}


def _print_scores(report: dict[str, Any]) -> None:
    scores = report["scores"]
    prevalence = report["baselines"]["prevalence"]["labels"]
    random = report["baselines"]["random_encoder"]
    _print(
        f"{scores['records']} recordings of {scores['patients']} patients in {report['split']}; "
        "95 % intervals over patients"
    )
    _print(
        f"{'label':32} positives  {'AUROC':21}  {'AUPRC':21}  {'F1':21}  ECE    prevalence  "
        "random encoder's AUROC"
    )
    for name, figures in scores["labels"].items():
        error = _number(figures["expected_calibration_error"])
        share = _number(prevalence[name]["auprc"])
        baseline = "" if random is None else _number(random["labels"][name]["auroc"]["value"])
        _print(
            f"{name[:32]:32} {figures['positives']:>9}  {_with_intervals(figures)}  {error:5}  "
            f"{share:10}  {baseline}"
        )
    baseline = "" if random is None else _number(random["macro"]["auroc"]["value"])
    _print(f"{'macro':32} {'':>9}  {_with_intervals(scores['macro'])}  {'':5}  {'':10}  {baseline}")


def _with_intervals(figures: dict[str, Any]) -> str:
    """Return the scores named in RESAMPLED with their 95 % intervals, as columns of text."""
    columns = []
    for name in RESAMPLED:
        value, low, high = (_number(figures[name][part]) for part in ("value", "low", "high"))
        columns.append(f"{value} ({low}-{high})".ljust(21))
    return "  ".join(columns)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _print_verdict(name: str, champion: int, candidate: int, verdict: Verdict) -> None:
    _print(
        f"{name}: version {candidate} against {champion}, {verdict.records} recordings of "
        f"{verdict.patients} patients"
    )
    for label in verdict.labels:
        if label.change is None:
            change = "not judged: too few positives or negatives"
        else:
            change = f"{label.champion:.4f} -> {label.candidate:.4f} ({label.change:+.4f})"
        _print(f"  {label.name:32} {label.positives:6} positives  {change}")
    if verdict.gain is not None:
        bound = 100 * (verdict.gain_bound or 0.0)
        _print(f"  log loss lower by {100 * verdict.gain:.2f} % (5 % bound {bound:+.2f} %)")
        _print(f"  macro AUROC {verdict.auroc_gain:+.4f} (5 % bound {verdict.auroc_bound:+.4f})")
    _print(f"{'promote' if verdict.promote else 'keep the champion'}: {verdict.reason}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _warn(line: str) -> None:
    sys.stderr.write(f"{line}\n")
