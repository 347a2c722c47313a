/** Where on the trace a finding was seen: bands over the leads and times that it speaks of. */
import type { Beat, Finding } from "../../api/answer";
import { CHEST, LIMB } from "../../ecg/leads";
import type { BeatMark, EvidenceBand } from "../../paper/props";
import { factsOf, leadsOf } from "./facts";

/** A part of a beat, in seconds of the recording; null where its ends are unknown. */
type Part = (beat: Beat, before: Beat | null) => readonly [number, number] | null;

interface Place {
  /** All leads where empty. */
  readonly leads: readonly string[];
  readonly part: Part;
  /** The beats that count; all but noisy ones by default. */
  readonly beats?: (beat: Beat) => boolean;
}

/** Half of a usual complex: where its ends are unknown, the band is about R. */
const HALF_QRS_S = 0.06;
/** ST is looked at up to 80 ms after J. */
const ST_S = 0.08;
/** A notch or slur is in the last part of the complex. */
const NOTCH_S = 0.04;

const qrs: Part = (beat) => [
  beat.qrs_onset ?? beat.r - HALF_QRS_S,
  beat.qrs_offset ?? beat.r + HALF_QRS_S,
];
const wholeBeat: Part = (beat) => [
  beat.qrs_onset ?? beat.r - HALF_QRS_S,
  beat.t_offset ?? beat.qrs_offset ?? beat.r + HALF_QRS_S,
];
const pWave: Part = (beat) => span(beat.p_onset, beat.p_offset);
const pr: Part = (beat) => span(beat.p_onset, beat.qrs_onset);
const qt: Part = (beat) => span(beat.qrs_onset, beat.t_offset);
const st: Part = (beat) => {
  const j = beat.qrs_offset;
  return j === null ? null : [j, j + ST_S];
};
/** The end of the complex with its notch, and ST. */
const qrsEnd: Part = (beat) => {
  const j = beat.qrs_offset;
  return j === null ? null : [j - NOTCH_S, j + ST_S];
};
/** From the last T wave to the complex: where a P wave would be. */
const beforeQrs: Part = (beat, before) => {
  if (before === null) return null;
  return span(before.t_offset, beat.qrs_onset ?? beat.r - HALF_QRS_S);
};
const isEctopic = (beat: Beat) => beat.class === "ectopic";
const isPaced = (beat: Beat) => beat.class === "paced";

const RIGHT_BUNDLE: Place = { leads: ["V1", "V6"], part: qrs };
const LEFT_BUNDLE: Place = { leads: ["V1", "V6"], part: qrs };
const INFERIOR: Place = { leads: ["II", "III", "aVF"], part: qrs };
const PR: Place = { leads: ["II", "V1"], part: pr };
const P: Place = { leads: ["II", "V1"], part: pWave };
const ECTOPIC: Place = { leads: [], part: wholeBeat, beats: isEctopic };
const QT: Place = { leads: ["II", "V5"], part: qt };
const NO_P: Place = { leads: ["II", "V1"], part: beforeQrs };

/** By code: of the rules' findings, and of the model's labels in snake case. */
const PLACES: Readonly<Record<string, Place>> = {
  sinus_rhythm: P,
  sinus_bradycardia: P,
  sinus_tachycardia: P,
  atrial_fibrillation: NO_P,
  atrial_flutter: NO_P,
  electronic_pacemaker: { leads: [], part: qrs, beats: isPaced },
  wide_complex_tachycardia: { leads: [], part: qrs },
  ventricular_tachycardia: { leads: [], part: qrs },
  ventricular_escape_rhythm: { leads: [], part: qrs },
  bigeminy: ECTOPIC,
  trigeminy: ECTOPIC,
  frequent_ectopic_beats: ECTOPIC,
  premature_ventricular_contraction: ECTOPIC,
  "1st_degree_atrioventricular_block": PR,
  atrioventricular_block: PR,
  wolff_parkinson_white_pattern: PR,
  right_bundle_branch_block: RIGHT_BUNDLE,
  complete_right_bundle_branch_block: RIGHT_BUNDLE,
  incomplete_right_bundle_branch_block: RIGHT_BUNDLE,
  left_bundle_branch_block: LEFT_BUNDLE,
  complete_left_bundle_branch_block: LEFT_BUNDLE,
  incomplete_left_bundle_branch_block: LEFT_BUNDLE,
  intraventricular_conduction_disturbance: { leads: [], part: qrs },
  left_anterior_fascicular_block: INFERIOR,
  left_posterior_fascicular_block: { leads: ["I", "aVL", "III"], part: qrs },
  bifascicular_block: { leads: ["V1", "II", "III", "aVF"], part: qrs },
  left_ventricular_hypertrophy: { leads: ["V1", "V5", "V6"], part: qrs },
  left_ventricular_hypertrophy_voltage: { leads: ["V1", "V5", "V6"], part: qrs },
  right_ventricular_hypertrophy: { leads: ["V1", "V6"], part: qrs },
  left_atrial_enlargement: P,
  poor_r_progression: { leads: CHEST.slice(0, 4), part: qrs },
  reversed_r_progression: { leads: CHEST.slice(0, 4), part: qrs },
  early_repolarisation_ascending_st: { leads: [], part: qrsEnd },
  early_repolarisation_horizontal_or_descending_st: { leads: [], part: qrsEnd },
  pathological_q: { leads: [], part: qrs },
  st_elevation: { leads: [], part: st },
  st_depression: { leads: [], part: st },
  st_elevation_with_hypertrophy_voltage: { leads: [], part: st },
  st_depression_with_hypertrophy_voltage: { leads: [], part: st },
  outside_qrs_ms: { leads: [], part: qrs },
  outside_qrs_axis_deg: { leads: ["I", "aVF"], part: qrs },
  outside_pr_ms: PR,
  outside_p_duration_ms: P,
  outside_qtc_bazett_ms: QT,
  outside_qtc_fridericia_ms: QT,
};

/**
 * The bands of a finding; none where nothing says where it was seen, as of a model's label that
 * no measurement belongs to.
 *
 * @param caption what the band is of, in words
 */
export function evidenceBands(
  finding: Finding,
  beats: readonly Beat[],
  caption: string,
): readonly EvidenceBand[] {
  const facts = factsOf(finding.evidence);
  const [fromS, toS] = [facts.value("from_s"), facts.value("to_s")];
  if (toS > fromS) return [{ leads: seenIn(finding, []), fromS, toS, caption }];
  const place = finding.code === "low_voltage" ? lowVoltage(finding) : PLACES[finding.code];
  if (place === undefined) return [];
  const counts =
    place.beats ?? ((beat: Beat) => beat.class !== "noisy" && beat.class !== "ectopic");
  const leads = seenIn(finding, place.leads);
  return beats.flatMap((beat, at) => {
    if (!counts(beat)) return [];
    const times = place.part(beat, beats[at - 1] ?? null);
    return times === null ? [] : [{ leads, fromS: times[0], toS: times[1], caption }];
  });
}

/** The beats as the paper draws them. */
export function beatMarks(beats: readonly Beat[]): readonly BeatMark[] {
  return beats.map((beat) => ({
    r: beat.r,
    pOnset: beat.p_onset,
    pOffset: beat.p_offset,
    qrsOnset: beat.qrs_onset,
    qrsOffset: beat.qrs_offset,
    tOffset: beat.t_offset,
    kind: beat.class,
  }));
}

/** The finding's own leads where it names them; an inverted lead is drawn as the lead itself. */
function seenIn(finding: Finding, otherwise: readonly string[]): readonly string[] {
  const named = leadsOf(finding.evidence).map((lead) => lead.replace("-", ""));
  return named.length > 0 ? named : otherwise;
}

function lowVoltage(finding: Finding): Place {
  const facts = factsOf(finding.evidence);
  const limb = facts.has("largest_limb_qrs_mv") ? LIMB : [];
  const chest = facts.has("largest_chest_qrs_mv") ? CHEST : [];
  return { leads: [...limb, ...chest], part: qrs };
}

function span(from: number | null, to: number | null): readonly [number, number] | null {
  return from === null || to === null || to <= from ? null : [from, to];
}
