// Tones that a person hears beside a call. The ringer may be another device than the headset.
let context: AudioContext | undefined;
let ringing: ReturnType<typeof setInterval> | undefined;

/** A browser plays nothing before the page was touched: the first press makes the ringer ready. */
export function readySound(): AudioContext {
  context ??= new AudioContext();
  if (context.state !== "running") void context.resume();
  return context;
}

/** Which device rings; empty: the system's. */
export function ringOn(device: string): void {
  const sound: AudioContext & { setSinkId?: (id: string) => Promise<void> } = readySound();
  sound.setSinkId?.(device).catch(() => undefined);
}

/** Two short tones. */
export function chime(): void {
  play([[0, 660], [0.22, 880]]);
}

/** What an agent hears before a call that its phone took by itself. */
export function beep(): void {
  play([[0, 1000]]);
}

export function startRinging(): void {
  stopRinging();
  chime();
  ringing = setInterval(chime, 2500);
}

export function stopRinging(): void {
  clearInterval(ringing);
}

function play(tones: readonly (readonly [number, number])[]): void {
  const sound = context;
  if (sound === undefined || sound.state !== "running") return;
  for (const [at, hertz] of tones) {
    const tone = sound.createOscillator();
    const level = sound.createGain();
    const begin = sound.currentTime + at;
    tone.frequency.value = hertz;
    level.gain.setValueAtTime(0.0001, begin);
    level.gain.exponentialRampToValueAtTime(0.12, begin + 0.02);
    level.gain.exponentialRampToValueAtTime(0.0001, begin + 0.2);
    tone.connect(level).connect(sound.destination);
    tone.start(begin);
    tone.stop(begin + 0.22);
  }
}
