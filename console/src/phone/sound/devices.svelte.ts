/** Which microphone, loudspeaker and ringer a person chose, on this computer; and those that there are. */
interface Chosen {
  microphone: string;
  speaker: string;
  ringer: string;
  /** undefined: as the installation has it. */
  autoAnswer: boolean | undefined;
  /** The browser takes noise and echo out of what the microphone hears. */
  processed: boolean;
  checkedAt: number;
}

const KEY = "callfloor.sound";
const AS_SYSTEM: Chosen = { microphone: "", speaker: "", ringer: "", autoAnswer: undefined, processed: true, checkedAt: 0 };

class Devices {
  chosen = $state.raw<Chosen>(load());
  found = $state.raw<MediaDeviceInfo[]>([]);
  #listening = false;

  choose(what: Partial<Chosen>): void {
    this.chosen = { ...this.chosen, ...what };
    localStorage.setItem(KEY, JSON.stringify(this.chosen));
  }

  /** Names are told once the microphone was allowed. */
  async look(): Promise<void> {
    if (!("mediaDevices" in navigator)) return;
    if (!this.#listening) {
      this.#listening = true;
      navigator.mediaDevices.addEventListener("devicechange", () => void this.look());
    }
    this.found = await navigator.mediaDevices.enumerateDevices();
  }

  of(kind: MediaDeviceKind): MediaDeviceInfo[] {
    return this.found.filter((each) => each.kind === kind && each.deviceId !== "");
  }

  /** One that was chosen and is not plugged in is passed over, and taken again when it is back. */
  there(kind: MediaDeviceKind, id: string): string {
    return this.of(kind).some((each) => each.deviceId === id) ? id : "";
  }

  name(kind: MediaDeviceKind, id: string): string {
    return this.of(kind).find((each) => each.deviceId === id)?.label ?? "";
  }

  /** Raises `DOMException` where there is none, or it is not allowed. */
  async microphone(): Promise<MediaStream> {
    const id = this.there("audioinput", this.chosen.microphone);
    const on = this.chosen.processed;
    const audio: MediaTrackConstraints = { echoCancellation: on, noiseSuppression: on, autoGainControl: on };
    if (id !== "") audio.deviceId = { exact: id };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    void this.look();
    return stream;
  }
}

function load(): Chosen {
  try {
    return { ...AS_SYSTEM, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Chosen>) };
  } catch {
    return AS_SYSTEM;
  }
}

export const devices = new Devices();
