/** What is drawn over the traces: evidence of the finding that is pointed at, poor leads, spikes. */
import { computed } from "@preact/signals";
import type { Analysis } from "../../api/answer";
import { beatMarks, evidenceBands } from "../../panels/findings/bands";
import { isSameFinding } from "../../panels/findings/facts";
import { findingRows } from "../../panels/findings/findingRows";
import { poorLeads } from "../../panels/quality/qualityRows";
import type { Marks } from "../../paper/props";
import { activeTab, pointed } from "./state";

const NO_MARKS: Marks = { beats: [], evidence: [], poorLeads: [], spikesS: [] };

/** Without evidence: it changes only with the answer, so that pointing does not make it anew. */
const lasting = computed<Marks>(() => {
  const answer = activeTab.value?.answer;
  if (answer?.state !== "ready") return NO_MARKS;
  return marksOf(answer.value);
});

export const marks = computed<Marks>(() => {
  const answer = activeTab.value?.answer;
  const finding = pointed.value;
  if (answer?.state !== "ready" || finding === null) return lasting.value;
  const row = findingRows(answer.value)?.find((each) => isSameFinding(each.finding, finding));
  const caption = row?.caption ?? "";
  const evidence = evidenceBands(finding, answer.value.fiducials ?? [], caption);
  return { ...lasting.value, evidence };
});

function marksOf({ fiducials, pacemaker, quality }: Analysis): Marks {
  return {
    beats: beatMarks(fiducials ?? []),
    evidence: [],
    poorLeads: quality == null ? [] : poorLeads(quality),
    spikesS: pacemaker?.evidence.spike_times_s ?? [],
  };
}
