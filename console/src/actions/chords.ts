// Chords: never single letters (WCAG 2.1.4), one registry for keys, hints and help. Pure; who changed which is own_chords.

export interface Chord {
  /** `KeyboardEvent.code`: where the key is, whatever the layout or the option key make of it. */
  code: string;
  ctrl?: boolean;
  alt?: boolean;
  shift?: boolean;
}

const CHORDS = {
  ready: { code: "KeyY" },
  pause: { code: "KeyP" },
  answer: { code: "KeyC" },
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
export type OwnChords = Partial<Record<ChordName, Chord>>;
export const chordNames = Object.keys(CHORDS) as ChordName[];
/** Browsers keep these for themselves, or people mean the browser by them. */
const BROWSERS = new Set(["KeyW", "KeyT", "KeyN", "KeyQ", "KeyR", "KeyL", "KeyF", "KeyC", "KeyV", "KeyX", "KeyZ", "KeyA", "KeyP", "KeyS", "Tab"]);
const MODIFIERS = /^(Alt|Control|Shift|Meta|OS)(Left|Right)?$/;

export function chordFor(name: ChordName, own: OwnChords): Chord {
  return own[name] ?? { ...CHORDS[name], alt: true };
}

/** How a chord is written. */
export function written(chord: Chord): string {
  const key = chord.code.replace(/^(Key|Digit)/, "").replace("Slash", "/").replace("Comma", ",").replace("Period", ".");
  return `${chord.ctrl ? "Ctrl+" : ""}${chord.alt ? "Alt+" : ""}${chord.shift ? "Shift+" : ""}${key}`;
}

/** Which chord a key press is; undefined: none. Repeats and text that is being composed never are. */
export function chordOf(event: KeyboardEvent, own: OwnChords): ChordName | undefined {
  if (event.metaKey || event.repeat || event.isComposing) return undefined;
  const pressed = pressedChord(event);
  return pressed === undefined ? undefined : chordNames.find((name) => isSame(chordFor(name, own), pressed));
}

/** What is held down; undefined: a modifier alone. */
export function pressedChord(event: KeyboardEvent): Chord | undefined {
  if (MODIFIERS.test(event.code) || event.code === "") return undefined;
  return { code: event.code, ctrl: event.ctrlKey, alt: event.altKey, shift: event.shiftKey };
}

/** Why a chord cannot be an action's; undefined: it can. */
export function refusal(name: ChordName, chord: Chord, own: OwnChords): "plain" | "browser" | ChordName | undefined {
  if (!chord.alt && !chord.ctrl) return "plain";
  if (chord.ctrl && !chord.alt && !chord.shift && BROWSERS.has(chord.code)) return "browser";
  return chordNames.find((other) => other !== name && isSame(chordFor(other, own), chord));
}

function isSame(one: Chord, other: Chord): boolean {
  const of = (chord: Chord) => [chord.code, chord.ctrl ?? false, chord.alt ?? false, chord.shift ?? false].join();
  return of(one) === of(other);
}
