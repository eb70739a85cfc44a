// Chords: never single letters (WCAG 2.1.4), can be switched off, one registry for keys, hints and help.

export interface Chord {
  /** `KeyboardEvent.code`: where the key is, whatever the layout or the option key make of it. */
  code: string;
  shift?: boolean;
}

const KEY = "callfloor.chords";
const CHORDS = {
  ready: { code: "KeyY" },
  pause: { code: "KeyP" },
  hangUp: { code: "KeyX" },
  mute: { code: "KeyM" },
  hold: { code: "KeyH" },
  sendDigits: { code: "KeyK" },
  pauseRecording: { code: "KeyR" },
  transfer: { code: "KeyT" },
  outcome: { code: "KeyO" },
  wrapUp: { code: "Enter" },
  doNotCall: { code: "KeyN" },
  acceptPreview: { code: "KeyA" },
  skipPreview: { code: "KeyS" },
  help: { code: "Slash" },
} as const satisfies Record<string, Chord>;

export type ChordName = keyof typeof CHORDS;
export const chordNames = Object.keys(CHORDS) as ChordName[];

/** How a chord is written. */
export function chordText(name: ChordName): string {
  const chord: Chord = CHORDS[name];
  const key = chord.code.replace(/^Key/, "").replace("Slash", "/");
  return `Alt+${chord.shift ? "Shift+" : ""}${key}`;
}

/** Which chord a key press is; undefined: none. Repeats and text that is being composed never are. */
export function chordOf(event: KeyboardEvent): ChordName | undefined {
  if (!event.altKey || event.ctrlKey || event.metaKey || event.repeat || event.isComposing) return undefined;
  return chordNames.find((name) => {
    const chord: Chord = CHORDS[name];
    return chord.code === event.code && (chord.shift ?? false) === event.shiftKey;
  });
}

export function chordsAreOn(): boolean {
  return localStorage.getItem(KEY) !== "off";
}

export function switchChords(on: boolean): void {
  localStorage.setItem(KEY, on ? "on" : "off");
}
