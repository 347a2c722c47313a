"""What the commands of `python -m training` do: each takes parsed options and gives an exit code."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

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
from training.heads.scores import prevalence_baseline, score_head

REFUSED = 3  # the gate kept the champion: neither done nor failed


def run_embed(options: argparse.Namespace) -> int:
    if options.out.exists():
        raise BadTrainingData(f"{options.out}: is there already; name a new file")
    if options.ptbxl:
        recordings, count = (
            recordings_of_ptbxl(options.ptbxl, options.rate, options.folds),
            options.limit,
        )
    else:
        found = recordings_of_folder(options.recordings, options.patients)
        recordings, count = iter(found), min(len(found), options.limit or len(found))
        if options.patients is None:
            _warn(
                "no --patients: each recording counts as a patient of its own; a patient with two may be both trained and tested on"
            )
    embeddings, refused = embed(options.url, islice(recordings, options.limit), count)
    write_embeddings(options.out, embeddings)
    if refused.reasons:
        _warn(refused.summary())
    _say(
        f"{options.out}: {len(embeddings)} embeddings of {embeddings.values.shape[1]} numbers, of {embeddings.encoder}"
    )
    return 0


def run_train(options: argparse.Namespace) -> int:
    name = check_name(options.name or options.recipe)
    if options.out.exists():
        raise BadTrainingData(f"{options.out}: is there already; name a new folder")
    embeddings = _one_file(options)
    labelled = _labelled(embeddings, _table(options))
    fit = FitOptions(options.kind, options.class_weights, options.hidden, seed=options.seed)
    head = fit_head(labelled.part("train"), labelled.labels, name, embeddings.encoder, fit)
    command = shlex.join(["python", "-m", "training", *options.typed])
    head = replace(head, made={**head.made, "command": command}, card=options.card)
    write_head(head, options.out)
    _say(
        f"{options.out}: {head.kind} head {name} on {embeddings.encoder}, {len(head.labels)} labels"
    )
    _say(
        f"trained on {head.made['records']} recordings of {head.made['patients']} patients; score it on others: python -m training score"
    )
    return 0


def run_score(options: argparse.Namespace) -> int:
    head = _head(options.head, _registry(options))
    table = _table(options, head.label_names)
    embeddings = _file_for(head, _files(options.embeddings))
    examples = _labelled(embeddings, table).part(options.split)
    _check_unseen(head, examples, options.split)
    report: dict[str, Any] = {
        "head": {
            "name": head.name,
            "kind": head.kind,
            "encoder": str(head.encoder),
            "made": dict(head.made),
        },
        "split": options.split,
        "scores": score_head(head, examples, seed=options.seed),
        "baselines": {
            "prevalence": prevalence_baseline(head.label_names, examples),
            "random_encoder": _random(options, head, table),
        },
    }
    _print_scores(report)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "scores.json").write_text(
            json.dumps(report, indent=2) + "\n", encoding="utf-8"
        )
        if options.plots:
            from training.heads.plots import write_plots

            write_plots(options.out, head, examples, report["scores"])
        _say(f"written to {options.out}")
    return 0


def run_random_encoder(options: argparse.Namespace) -> int:
    from training.heads.random_encoder import write_random_bundle

    bundle = write_random_bundle(options.bundle, options.out, options.seed)
    _say(
        f"{bundle.folder}: {bundle.name}; serve it with ECG_MODEL={bundle.folder}, embed the same recordings, and score with --random"
    )
    return 0


def run_install(options: argparse.Namespace) -> int:
    registry = _registry(options)
    head = read_head(options.folder)
    version = registry.install(options.folder)
    alias = registry.aliases(head.name).of(version)
    _say(
        f"{head.name} version {version} is installed as {alias} ({registry.root / head.name / str(version)})"
    )
    if alias == "candidate":
        _say(f"it answers once it is promoted: python -m training promote {head.name}")
    return 0


def run_list(options: argparse.Namespace) -> int:
    registry = _registry(options)
    for name in [options.name] if options.name else registry.names():
        aliases = registry.aliases(name)
        for version in registry.versions(name):
            _say(
                f"{name:20} {version:4}  {aliases.of(version) or '':10} {_told(registry, name, version)}"
            )
        if options.audit:
            for entry in registry.audit(name):
                _say(f"  {entry['at']} {entry['action']} {entry['version']}: {entry['reason']}")
    return 0


def run_compare(options: argparse.Namespace) -> int:
    registry = _registry(options)
    champion, candidate = _pair(registry, options)
    verdict = _verdict(registry, options, champion, candidate)
    _print_verdict(options.name, champion, candidate, verdict)
    return 0


def run_promote(options: argparse.Namespace) -> int:
    """0 promoted, 3 the champion stays."""
    registry = _registry(options)
    if options.ungated:
        aliases = registry.aliases(options.name)
        version = options.version or aliases.candidate
        if version is None:
            raise UnknownHead(f"{options.name} has no candidate; name a version")
        registry.promote(options.name, version, reason=f"without the gate: {options.ungated}")
        _say(f"{options.name} version {version} is champion now, without the gate")
        return 0
    champion, candidate = _pair(registry, options)
    verdict = _verdict(registry, options, champion, candidate)
    _print_verdict(options.name, champion, candidate, verdict)
    if not verdict.promote:
        registry.keep(options.name, candidate, reason=verdict.reason, details=verdict.to_dict())
        return REFUSED
    registry.promote(options.name, candidate, reason=verdict.reason, details=verdict.to_dict())
    return 0


def run_rollback(options: argparse.Namespace) -> int:
    registry = _registry(options)
    aliases = registry.rollback(options.name, options.to, reason=options.reason)
    _say(f"{options.name}: version {aliases.champion} is champion again")
    return 0


def _registry(options: argparse.Namespace) -> Registry:
    return Registry(options.models_dir or default_models_dir())


def _told(registry: Registry, name: str, version: int) -> str:
    try:
        head = registry.load(name, version)
    except ModelStoreError as error:
        return f"cannot be used: {error.detail}"
    return f"{head.kind}, {len(head.labels)} labels, on {head.encoder}"


def _pair(registry: Registry, options: argparse.Namespace) -> tuple[int, int]:
    """The two versions: champion and candidate, where none is named."""
    aliases = registry.aliases(options.name)
    candidate = options.version or aliases.candidate
    champion = getattr(options, "against", None) or aliases.champion
    if champion is None or candidate is None:
        raise UnknownHead(
            f"{options.name} has champion {champion}, candidate {candidate}; name the version that is missing"
        )
    return champion, candidate


def _verdict(
    registry: Registry, options: argparse.Namespace, champion: int, candidate: int
) -> Verdict:
    """Both heads on the gate set's recordings that both have embeddings of."""
    old, new = registry.load(options.name, champion), registry.load(options.name, candidate)
    if not set(old.label_names) <= set(new.label_names):
        missing = ", ".join(sorted(set(old.label_names) - set(new.label_names)))
        raise BadTrainingData(
            f"version {candidate} has no {missing}, which version {champion} has; they cannot be compared"
        )
    files, table = _files(options.embeddings), _table(options, old.label_names)
    joined = [_labelled(_file_for(head, files), table) for head in (old, new)]
    shared = sorted(set(_of_gate(joined[0])) & set(_of_gate(joined[1])))
    if not shared:
        raise BadTrainingData("no recording of the gate set has embeddings for both heads")
    examples = [
        one.examples.at(np.array([_of_gate(one)[record] for record in shared], np.intp))
        for one in joined
    ]
    gate = GateSet(old.label_names, examples[0].truth, examples[0].patients)
    seen = patients_trained_on(
        patient_digests(gate.patients.tolist()), [old.trained_on, new.trained_on]
    )
    if seen:
        raise BadTrainingData(
            f"{seen} of the {gate.patient_count} patients of the gate set were trained on; a gate set never is"
        )
    columns = [new.label_names.index(label) for label in old.label_names]
    return judge(
        gate,
        old.probabilities(examples[0].x),
        new.probabilities(examples[1].x)[:, columns],
        Limits(),
    )


def _of_gate(labelled: Labelled) -> dict[str, int]:
    return {
        record: row
        for row, (record, part) in enumerate(
            zip(labelled.records.tolist(), labelled.split.tolist(), strict=True)
        )
        if part == "gate"
    }


def _check_unseen(head: Head, examples: Examples, split: str) -> None:
    seen = patients_trained_on(patient_digests(examples.patients.tolist()), [head.trained_on])
    if seen:
        raise BadTrainingData(
            f"{seen} patients in {split} are among those that the head was trained on; that would be no score"
        )


def _head(named: str, registry: Registry) -> Head:
    """A folder, or NAME, NAME@VERSION, NAME@champion, NAME@candidate of the installed ones."""
    if Path(named).is_dir():
        return read_head(Path(named))
    name, _, which = named.partition("@")
    aliases = registry.aliases(name)
    versions = {"": aliases.champion, "champion": aliases.champion, "candidate": aliases.candidate}
    version = int(which) if which.isdigit() else versions.get(which)
    if version is None:
        raise UnknownHead(
            f"{named}: no such version; NAME, NAME@VERSION, NAME@champion or NAME@candidate, or a head's folder"
        )
    return registry.load(name, version)


def _files(paths: Sequence[Path]) -> list[Embeddings]:
    return [read_embeddings(path) for path in paths]


def _file_for(head: Head, files: Sequence[Embeddings]) -> Embeddings:
    """The embeddings of the head's own encoder. Raises WrongEncoder where none are."""
    for embeddings in files:
        if embeddings.encoder.sha256 == head.encoder.sha256:
            return embeddings
    head.check_encoder(files[0].encoder)
    raise AssertionError("an encoder that is not the head's was refused. This is a bug.")


def _one_file(options: argparse.Namespace) -> Embeddings:
    if len(options.embeddings) != 1:
        raise BadTrainingData(
            f"{len(options.embeddings)} files of embeddings; a head is trained on one encoder's"
        )
    return read_embeddings(options.embeddings[0])


def _table(options: argparse.Namespace, wanted: Sequence[str] = ()) -> LabelTable:
    """The labels that are asked for, as columns in that order."""
    if options.labels:
        return read_labels(options.labels, tuple(wanted) or options.columns)
    table = recipe_labels(options.recipe, options.ptbxl)
    missing = [label for label in wanted if label not in table.labels]
    if missing:
        raise BadTrainingData(
            f"recipe {options.recipe} has no label {missing[0]}; it has {', '.join(table.labels)}"
        )
    columns = [table.labels.index(label) for label in wanted or options.columns or table.labels]
    return replace(
        table, labels=tuple(table.labels[k] for k in columns), truth=table.truth[:, columns]
    )


def _labelled(embeddings: Embeddings, table: LabelTable) -> Labelled:
    labelled = join(embeddings, table)
    if not embeddings.patients_known and table.patients is None:
        _warn(
            "neither the embeddings nor the labels have a column patient_id: each recording counts as a patient of its own"
        )
    if labelled.left_out:
        _warn(f"{labelled.left_out} embeddings have no row of labels and are left out")
    return labelled


def _random(options: argparse.Namespace, head: Head, table: LabelTable) -> dict[str, Any] | None:
    """The same head, trained the same way on a randomly initialised encoder's embeddings; None where there are none."""
    if options.random is None:
        return None
    embeddings = read_embeddings(options.random)
    labelled = _labelled(embeddings, table)
    made = head.made
    fit = FitOptions(
        head.kind,
        made.get("class_weights", "balanced"),
        int(made.get("hidden", 128)),
        seed=int(made.get("seed", 0)),
    )
    other = fit_head(labelled.part("train"), head.label_names, head.name, embeddings.encoder, fit)
    return {
        "encoder": str(embeddings.encoder),
        **score_head(other, labelled.part(options.split), seed=options.seed),
    }


def _print_scores(report: dict[str, Any]) -> None:
    scores, baselines = report["scores"], report["baselines"]
    random = baselines["random_encoder"]
    _say(
        f"{scores['records']} recordings of {scores['patients']} patients in {report['split']}; 95 % intervals over patients"
    )
    _say(
        f"{'label':32} positives  {'AUROC':21}  {'AUPRC':21}  {'F1':21}  ECE    prevalence  random encoder's AUROC"
    )
    for name, found in scores["labels"].items():
        other = "" if random is None else _value(random["labels"][name]["auroc"]["value"])
        share, error = (
            baselines["prevalence"]["labels"][name]["auprc"],
            found["expected_calibration_error"],
        )
        figures = "  ".join(_shown(found[figure]) for figure in ("auroc", "auprc", "f1"))
        _say(
            f"{name[:32]:32} {found['positives']:>9}  {figures}  {_value(error):5}  {_value(share):10}  {other}"
        )
    figures = "  ".join(_shown(scores["macro"][figure]) for figure in ("auroc", "auprc", "f1"))
    _say(
        f"{'macro':32} {'':>9}  {figures}  {'':5}  {'':10}  {'' if random is None else _value(random['macro']['auroc']['value'])}"
    )


def _shown(figure: dict[str, float | None]) -> str:
    return f"{_value(figure['value'])} ({_value(figure['low'])}-{_value(figure['high'])})".ljust(21)


def _value(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _print_verdict(name: str, champion: int, candidate: int, verdict: Verdict) -> None:
    _say(
        f"{name}: version {candidate} against {champion}, {verdict.records} recordings of {verdict.patients} patients"
    )
    for label in verdict.labels:
        change = (
            "not judged: too few"
            if label.change is None
            else f"{label.champion:.4f} -> {label.candidate:.4f} ({label.change:+.4f})"
        )
        _say(f"  {label.name:32} {label.positives:6} positives  {change}")
    if verdict.gain is not None:
        _say(
            f"  log loss lower by {100 * verdict.gain:.2f} % (5 % bound {100 * (verdict.gain_bound or 0.0):+.2f} %)"
        )
        _say(f"  macro AUROC {verdict.auroc_gain:+.4f} (5 % bound {verdict.auroc_bound:+.4f})")
    _say(f"{'promote' if verdict.promote else 'keep the champion'}: {verdict.reason}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _warn(line: str) -> None:
    sys.stderr.write(f"{line}\n")
