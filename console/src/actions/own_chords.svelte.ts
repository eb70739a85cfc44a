import { chordFor, written, type Chord, type ChordName, type OwnChords } from "./chords.ts";

const KEY = "callfloor.chords";

interface Kept {
  on: boolean;
  own: OwnChords;
}

/** Whether this person wants chords, and which it changed; on this computer. */
class ChordSettings {
  kept = $state.raw<Kept>(load());

  switch(on: boolean): void {
    this.#keep({ ...this.kept, on });
  }

  change(name: ChordName, chord: Chord): void {
    this.#keep({ ...this.kept, own: { ...this.kept.own, [name]: chord } });
  }

  reset(): void {
    this.#keep({ ...this.kept, own: {} });
  }

  #keep(kept: Kept): void {
    this.kept = kept;
    localStorage.setItem(KEY, JSON.stringify(kept));
  }
}

function load(): Kept {
  const text = localStorage.getItem(KEY);
  try {
    return { on: text !== "off", own: {}, ...(text?.startsWith("{") ? (JSON.parse(text) as Partial<Kept>) : {}) };
  } catch {
    return { on: true, own: {} };
  }
}

export const chords = new ChordSettings();

/** How the chord of an action is written. */
export const chordText = (name: ChordName): string => written(chordFor(name, chords.kept.own));
