/** Lets alarms be heard, once somebody has switched the sound on in this tab. */
import { effect, signal } from "@preact/signals";
import { outage } from "../../api/connection";
import { lookOf, sounds } from "../../station/alarms";
import { BURSTS, type Burst, mostUrgent, SoundClock, type SoundOf } from "../../station/sound";
import { now, open, stationMs } from "./state";

/** Off until it is switched on: browsers allow no sound before somebody has touched the page. */
export const isSoundOn = signal(false);

/** Four harmonics beside the pitch, so that the sound can be located; each a little softer. */
const HARMONICS = [0, 1, 0.6, 0.4, 0.3, 0.2];
const PEAK = 0.3;
const RISE_S = 0.02;

let audio: AudioContext | null = null;

export function switchSound(): void {
  isSoundOn.value = !isSoundOn.value;
  if (!isSoundOn.value) {
    void audio?.close();
    audio = null;
    return;
  }
  audio = new AudioContext();
}

/** What is to be heard now. A page that has lost its station cannot know, and says that. */
function wanted(): SoundOf | null {
  if (outage.value !== null) return "medium";
  const nowMs = stationMs();
  return mostUrgent(
    open.value.filter((alarm) => sounds(alarm, nowMs)).map(({ priority }) => lookOf(priority)),
  );
}

export function startSounds(): void {
  const clock = new SoundClock();
  effect(() => {
    // Each second, and whenever an alarm changes.
    const nowS = now.value / 1000;
    const heard = clock.next(isSoundOn.value ? wanted() : null, nowS);
    if (heard !== null && audio !== null) play(audio, BURSTS[heard]);
  });
}

function play(context: AudioContext, { notes }: Burst): void {
  const wave = context.createPeriodicWave(
    new Float32Array(HARMONICS.length),
    Float32Array.from(HARMONICS),
  );
  const startS = context.currentTime + 0.05;
  for (const { atS, lastsS, hz } of notes) {
    const tone = new OscillatorNode(context, { frequency: hz });
    tone.setPeriodicWave(wave);
    const volume = new GainNode(context, { gain: 0 });
    const [from, to] = [startS + atS, startS + atS + lastsS];
    volume.gain.setValueAtTime(0, from);
    volume.gain.linearRampToValueAtTime(PEAK, from + RISE_S);
    volume.gain.setValueAtTime(PEAK, to - RISE_S);
    volume.gain.linearRampToValueAtTime(0, to);
    tone.connect(volume).connect(context.destination);
    tone.start(from);
    tone.stop(to);
  }
}
