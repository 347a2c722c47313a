"""Which limb leads agree with each other, and which contradict the others.

Any three limb leads are linearly dependent (`limb_leads`). Three leads agree if what remains of
their relation is small, and a set of leads agrees if all its threes do. Where not all leads agree,
the wrong ones are known in two cases: four or more leads agree with each other, or all leads agree
after some are turned upside down or exchanged. If two such explanations give different frontal
vectors, it is unknown which leads are right.

Exchanged arm or leg electrodes leave all leads in agreement: `signal_quality.placement`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, combinations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from signals.limb_leads import lead_vectors
from signals.record import Units

# Three leads contradict each other if one of them differs from its estimate by the other two, in
# rms, by more than this and by more than this share of the smallest rms of the three.
MAX_DIFFERENCE_MV: Final = 0.05
MAX_DIFFERENCE_SHARE: Final = 0.10
# In unknown units, by more than this share of the frontal vector's rms. 0.05 mV is a quarter of its
# median in PTB-XL, LUDB and other hospitals' recordings, 0.2 mV.
MAX_SHARE_OF_VECTOR: Final = 0.25
# Or if the part of the difference that follows the signal, as after a wrong gain or an exchange and
# unlike noise, is above this share of the frontal vector's rms. Such an error of one lead turns an
# axis by at most 2.7 degrees. In sound recordings the part is below 1.4 % of the vector, in all but
# five below 0.4 % (LUDB, PTB-XL's WFDB files, Brugada-HUCA).
MAX_FOLLOWING_SHARE: Final = 0.04
# A part of the signal follows nothing if its rms is far below this many times the difference's.
NOISE_FACTOR: Final = 2.0

# The fewest leads among which a wrong one can be identified, and the fewest that are right because
# they agree with each other. Three of four leads may agree by chance: so did three in a quarter of
# LUDB's recordings with the wrong gains of their headers.
_FEWEST_LEADS: Final = 4
_FEWEST_AGREEING: Final = 4
# Far above the rounding of products in double precision.
_ROUNDING: Final = 1e-9
_TINY: Final = float(np.finfo(np.float64).tiny)


class Contradiction(NamedTuple):
    """A limb lead that contradicts others.

    rms, limit  of its difference from the others, in mV or in the record's unknown unit
    """

    lead: str
    rms: float
    limit: float


@dataclass(frozen=True)
class LimbAgreement:
    """What the limb leads of a recording say about each other.

    contradictions  the leads that contradict the others, in the order of LEADS
    known           whether the other leads are right; if not, it is unknown which leads are
    mending         a clause: after what all leads agree; empty if it is unknown what is wrong
    """

    contradictions: tuple[Contradiction, ...] = ()
    known: bool = True
    mending: str = ""


ALL_AGREE: Final = LimbAgreement()


class _Moments(NamedTuple):
    """Mean products of the leads (..., leads, leads): about their means, and about zero."""

    about_mean: NDArray[np.float64]
    about_zero: NDArray[np.float64]
    units: Units


class _Threes(NamedTuple):
    """How three leads agree, for all threes.

    excess      (..., threes) the larger of two ratios: of a difference to its limit; above 1 the
                three contradict each other
    rms, limit  (..., threes) the whole difference and its limit if it is above that, else those of
                the larger ratio
    """

    excess: NDArray[np.float64]
    rms: NDArray[np.float64]
    limit: NDArray[np.float64]


class _Mendings(NamedTuple):
    """How wrong leads are mended.

    wrong     the wrong leads of each mending
    clauses   each mending in words
    matrices  (mendings, leads, leads); the mended leads are the product of a matrix with the leads
    """

    wrong: tuple[tuple[int, ...], ...]
    clauses: tuple[str, ...]
    matrices: NDArray[np.float64]


class _Explanation(NamedTuple):
    """Why limb leads contradict each other.

    wrong    the wrong leads
    weights  (2, leads) the frontal vector is its product with the leads
    mending  a clause: after what all leads agree; empty if it is unknown what is wrong
    """

    wrong: tuple[int, ...]
    weights: NDArray[np.float64]
    mending: str = ""


def agreement_of(rows: NDArray[np.float32], leads: tuple[str, ...], units: Units) -> LimbAgreement:
    """Return how the limb leads of a recording agree.

    rows  (leads, samples), NaN for gaps; only samples that all leads have are compared
    """
    if len(leads) < 3:
        return ALL_AGREE
    moments = _moments(rows, units)
    if moments is None:
        return ALL_AGREE
    if _are_close(moments, leads):
        return ALL_AGREE
    threes = _compare(moments, leads)
    if threes.excess.max() <= 1.0:
        return ALL_AGREE
    return _explain(moments, threes, leads)


def _moments(rows: NDArray[np.float32], units: Units) -> _Moments | None:
    """Return the moments of the samples that all leads have; None if there are none.

    In double precision: the rms of leads that nearly cancel is computed from their products.
    """
    # A gap may be a signalling NaN, of which numpy would warn.
    with np.errstate(invalid="ignore"):
        samples = rows.astype(np.float64)
    products = samples @ samples.T
    if np.isnan(products).any():
        samples = samples[:, ~np.isnan(samples).any(axis=0)]
        if samples.shape[1] == 0:
            return None
        products = samples @ samples.T
    products /= samples.shape[1]
    means = samples.mean(axis=1)
    return _Moments(products - np.outer(means, means), products, units)


def _are_close(moments: _Moments, leads: tuple[str, ...]) -> bool:
    """Return whether all leads agree so well that their threes need not be compared.

    The squared weights of a relation between three leads add up to at most 3, so that no difference
    is above the root of 3 times the power of what remains of the leads without the frontal vector.
    It is compared with half of a limit, because three leads give the vector less exactly than all.
    """
    remainder_form, vector_form = _forms_of_all(leads)
    is_mv = moments.units == "mV"
    products = moments.about_zero if is_mv else moments.about_mean
    largest = 3.0 * float(remainder_form @ products.reshape(-1))
    vector_power = float(vector_form @ moments.about_mean.reshape(-1))
    is_below_mv = not is_mv or largest <= MAX_DIFFERENCE_MV**2
    return is_below_mv and largest <= (0.5 * MAX_FOLLOWING_SHARE) ** 2 * vector_power


@cache
def _forms_of_all(leads: tuple[str, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (leads * leads,) twice: mean products -> the power of the remainder, of the vector."""
    vectors = lead_vectors(leads)
    to_vector = np.linalg.pinv(vectors)
    remainder = np.eye(len(leads)) - vectors @ to_vector
    return remainder.reshape(-1), (to_vector.T @ to_vector).reshape(-1)


class _Geometry(NamedTuple):
    """The threes of some leads.

    members    (threes, leads) whether the lead belongs to the three
    weights    (threes, leads) of the relation between the three; the largest is 1
    squared_weights  (threes,) their sum of squares
    forms      (leads * leads, 7 * threes): its product with the mean products of the leads has the
               difference's power, its products with the two components of the signal, the three
               products of these, and the power of the frontal vector
    """

    members: NDArray[np.bool_]
    weights: NDArray[np.float64]
    squared_weights: NDArray[np.float64]
    forms: NDArray[np.float64]


@cache
def _geometry(leads: tuple[str, ...]) -> _Geometry:
    """Return the threes of some leads."""
    vectors = lead_vectors(leads)
    count = len(leads)
    threes = list(combinations(range(count), 3))
    members = np.zeros((len(threes), count), np.bool_)
    weights = np.zeros((len(threes), count))
    forms = np.zeros((7, len(threes), count, count))
    for row, three in enumerate(threes):
        members[row, three] = True
        left, sizes, right = np.linalg.svd(vectors[list(three)])
        plane = np.zeros((2, count))
        plane[:, three] = left[:, :2].T
        weights[row, three] = left[:, 2] / np.abs(left[:, 2]).max()
        of_vector = (right.T / sizes) @ plane
        relation = weights[row]
        forms[0, row] = np.outer(relation, relation)
        forms[1, row] = np.outer(plane[0], relation)
        forms[2, row] = np.outer(plane[1], relation)
        forms[3, row] = np.outer(plane[0], plane[0])
        forms[4, row] = np.outer(plane[0], plane[1])
        forms[5, row] = np.outer(plane[1], plane[1])
        forms[6, row] = of_vector.T @ of_vector
    squared_weights = (weights * weights).sum(axis=1)
    flat_forms = np.ascontiguousarray(forms.reshape(7 * len(threes), count * count).T)
    return _Geometry(members, weights, squared_weights, flat_forms)


def _compare(moments: _Moments, leads: tuple[str, ...]) -> _Threes:
    """Return how the threes of some leads agree."""
    geometry = _geometry(leads)
    powers = _of_forms(moments.about_mean, geometry)
    power, along, across, first, mixed, second, vector_power = powers
    vector_rms = np.sqrt(np.maximum(vector_power, _TINY))
    if moments.units == "mV":
        # In mV the means count, too. The zero of ADC counts is arbitrary.
        total_power = _of_forms(moments.about_zero, geometry)[0]
        own_power = np.diagonal(moments.about_mean, axis1=-2, axis2=-1)[..., None, :]
        smallest = np.where(geometry.members, own_power, np.inf).min(axis=-1)
        own_limit = MAX_DIFFERENCE_SHARE * np.sqrt(np.maximum(smallest, 0.0))
        limit = np.maximum(MAX_DIFFERENCE_MV, own_limit)
    else:
        total_power = power
        limit = MAX_SHARE_OF_VECTOR * vector_rms
    total = np.sqrt(np.maximum(total_power, 0.0))
    following = _following_rms(
        power / geometry.squared_weights, along, across, first, mixed, second
    )
    following_limit = MAX_FOLLOWING_SHARE * vector_rms
    total_ratio = total / limit
    following_ratio = following / following_limit
    # The part that follows the signal is less than the difference: the ridge holds it down.
    is_total = (total_ratio > 1.0) | (total_ratio >= following_ratio)
    return _Threes(
        np.maximum(total_ratio, following_ratio),
        np.where(is_total, total, following),
        np.where(is_total, limit, following_limit),
    )


def _of_forms(products: NDArray[np.float64], geometry: _Geometry) -> NDArray[np.float64]:
    """Return (7, ..., threes) the values of the forms for mean products (..., leads, leads)."""
    *outer, count, _ = products.shape
    values = products.reshape(*outer, count * count) @ geometry.forms
    return np.moveaxis(values.reshape(*outer, 7, -1), -2, 0)


def _following_rms(
    power: NDArray[np.float64],
    along: NDArray[np.float64],
    across: NDArray[np.float64],
    first: NDArray[np.float64],
    mixed: NDArray[np.float64],
    second: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the rms of the part of a difference that follows the signal: a ridge regression.

    power                  of the difference, in the scale of the signal
    along, across          products of the difference with the two components of the signal
    first, mixed, second   products of the components with each other
    """
    ridge = NOISE_FACTOR**2 * np.maximum(power, 0.0) + _ROUNDING * (first + second) + _TINY
    first = first + ridge
    second = second + ridge
    explained = along * along * second - 2.0 * along * across * mixed + across * across * first
    determinant = np.maximum(first * second - mixed * mixed, _TINY)
    return np.asarray(np.sqrt(np.maximum(explained / determinant, 0.0)))


def _explain(moments: _Moments, threes: _Threes, leads: tuple[str, ...]) -> LimbAgreement:
    """Return which leads contradict the others, and whether the others are known to be right."""
    agreeing = _largest_agreeing(threes, leads)
    explanations: list[_Explanation] = []
    if len(leads) >= _FEWEST_LEADS:
        explanations = list(_mended(moments, leads))
        # One wrong lead among four is possible, too, but three agree by chance.
        if len(agreeing[0]) >= _FEWEST_AGREEING or len(agreeing[0]) == len(leads) - 1:
            explanations += [_without_others(right, leads) for right in agreeing]
        explanations.sort(key=lambda explanation: len(explanation.wrong))
    if not explanations:
        right = agreeing[0] if len(agreeing) == 1 else ()
        return LimbAgreement(_contradictions(threes, leads, _others(right, leads)), known=False)
    wrong, _, mending = explanations[0]
    right = _others(wrong, leads)
    is_proven = mending != "" or len(right) >= _FEWEST_AGREEING
    # One lead alone does not give the frontal vector.
    if is_proven and len(right) >= 2 and _give_one_vector(moments, explanations):
        return LimbAgreement(_contradictions(threes, leads, wrong, apart=True), mending=mending)
    suspects = sorted({lead for explanation in explanations for lead in explanation.wrong})
    return LimbAgreement(_contradictions(threes, leads, suspects), known=False)


def _largest_agreeing(threes: _Threes, leads: tuple[str, ...]) -> list[tuple[int, ...]]:
    """Return the largest sets of leads that agree; sets of two if no three leads do."""
    members = _geometry(leads).members
    contradicting = [set(np.flatnonzero(row)) for row in members[threes.excess > 1.0]]
    found: list[tuple[int, ...]] = []
    for size in range(len(leads) - 1, 1, -1):
        for some in combinations(range(len(leads)), size):
            if not any(three <= set(some) for three in contradicting):
                found.append(some)
        if found:
            break
    return found


def _others(some: Sequence[int], leads: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(lead for lead in range(len(leads)) if lead not in some)


def _without_others(right: tuple[int, ...], leads: tuple[str, ...]) -> _Explanation:
    """Return the explanation that all leads but these are wrong."""
    weights = np.zeros((2, len(leads)))
    weights[:, right] = np.linalg.pinv(lead_vectors(leads)[list(right)])
    return _Explanation(_others(right, leads), weights)


def _mended(moments: _Moments, leads: tuple[str, ...]) -> Iterator[_Explanation]:
    """Yield the mendings after which all leads agree."""
    mendings = _mendings(leads)
    matrices = mendings.matrices
    transposed = matrices.transpose(0, 2, 1)
    mended = _Moments(
        matrices @ moments.about_mean @ transposed,
        matrices @ moments.about_zero @ transposed,
        moments.units,
    )
    to_vector = np.linalg.pinv(lead_vectors(leads))
    for row in np.flatnonzero(_compare(mended, leads).excess.max(axis=1) <= 1.0):
        yield _Explanation(
            mendings.wrong[row], to_vector @ mendings.matrices[row], mendings.clauses[row]
        )


@cache
def _mendings(leads: tuple[str, ...]) -> _Mendings:
    """Return the mendings that are tried.

    One or two leads are turned upside down, or two or three leads change places.
    """
    every = range(len(leads))
    wrong: list[tuple[int, ...]] = []
    clauses: list[str] = []
    matrices: list[NDArray[np.float64]] = []
    for some in chain(combinations(every, 1), combinations(every, 2)):
        signs = np.ones(len(leads))
        signs[list(some)] = -1.0
        wrong.append(some)
        verb = "is" if len(some) == 1 else "are"
        clauses.append(f"{_join(leads, some)} {verb} turned upside down")
        matrices.append(np.diag(signs))
    for some in chain(combinations(every, 2), combinations(every, 3)):
        for shift in range(1, len(some)):
            places = list(every)
            for index, lead in enumerate(some):
                places[lead] = some[(index + shift) % len(some)]
            wrong.append(some)
            clauses.append(f"{_join(leads, some)} change places")
            matrices.append(np.eye(len(leads))[places])
    return _Mendings(tuple(wrong), tuple(clauses), np.array(matrices))


def _give_one_vector(moments: _Moments, explanations: list[_Explanation]) -> bool:
    """Return whether all explanations give the same frontal vector, apart from noise."""
    products = moments.about_mean
    first = explanations[0].weights
    of_first = first @ products @ first.T
    limit = MAX_FOLLOWING_SHARE * np.sqrt(np.trace(of_first))
    for explanation in explanations[1:]:
        change = explanation.weights - first
        along, across = (change @ products @ first.T).T
        power = np.diagonal(change @ products @ change.T)
        (one, mixed), (_, other) = of_first
        if np.hypot(*_following_rms(power, along, across, one, mixed, other)) > limit:
            return False
    return True


def _contradictions(
    threes: _Threes,
    leads: tuple[str, ...],
    wrong: Sequence[int],
    *,
    apart: bool = False,
) -> tuple[Contradiction, ...]:
    """Return each wrong lead with its difference from its estimate by two other leads.

    It is the difference that is furthest above its limit. Leads that contradict nothing are left
    out.

    apart  wrong leads are not compared with each other
    """
    geometry = _geometry(leads)
    named = []
    for lead in wrong:
        others = [other for other in wrong if apart and other != lead]
        is_compared = geometry.members[:, lead] & ~geometry.members[:, others].any(axis=1)
        rows = np.flatnonzero(is_compared)
        worst = rows[np.argmax(threes.excess[rows])]
        if threes.excess[worst] > 1.0:
            scale = abs(geometry.weights[worst, lead])
            named.append(
                Contradiction(
                    leads[lead], float(threes.rms[worst] / scale), float(threes.limit[worst])
                )
            )
    return tuple(named)


def _join(leads: tuple[str, ...], rows: Sequence[int]) -> str:
    """Return the names of some leads: "I", "I and II", "I, II and III"."""
    names = [leads[row] for row in rows]
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"
