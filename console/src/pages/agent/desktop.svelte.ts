import type { ChordName } from "../../actions/chords.ts";
import type { Action } from "../../desk/derive.ts";
import type { Desk } from "../../desk/desk.svelte.ts";
import type { DeskPhone } from "../../phone/phone.svelte.ts";
import { announce } from "../../ui/announcer.ts";

export type Panel = "pause" | "digits" | "transfer" | "dial" | "skip" | "doNotCall" | "help" | "sound" | "diagnosis";

/** What each chord asks the server for; those without one only move on the page. */
const ACTIONS: Partial<Record<ChordName, Action>> = {
  ready: "ready",
  pause: "pause",
  hangUp: "hangUp",
  mute: "mute",
  hold: "hold",
  sendDigits: "sendDigits",
  pauseRecording: "pauseRecording",
  transfer: "transfer",
  wrapUp: "wrapUp",
  doNotCall: "doNotCall",
  acceptPreview: "acceptPreview",
  skipPreview: "skipPreview",
};

/** What of the desk's dialogs is open, and what chords and buttons alike do. */
class Desktop {
  panel = $state<Panel>();
  /** What the dialog of a call by hand begins with. */
  number = "";
  /** Set by the outcome form while it is there. */
  finish: (() => void) | undefined;
  focusOutcome: (() => void) | undefined;

  open(panel: Panel): void {
    this.panel = panel;
  }

  dial(number: string): void {
    this.number = number;
    this.panel = "dial";
  }

  close(): void {
    this.panel = undefined;
    this.number = "";
  }

  run(name: ChordName, desk: Desk, phone?: DeskPhone): void {
    const action = ACTIONS[name];
    const why = action === undefined ? undefined : desk.whyNot(action);
    // a chord that does nothing says why; a button shows it
    if (why !== undefined) {
      announce(why);
      return;
    }
    const call = desk.session?.call;
    switch (name) {
      case "ready":
        void desk.send({ action: "ready" });
        break;
      case "hangUp":
        if (desk.line.live || phone === undefined || !phone.here) void desk.send({ action: "hangUp" });
        else phone.hangUp();
        break;
      case "answer":
        phone?.answer();
        break;
      case "mute":
        // at once where the sound is; the server follows
        if (call?.muted !== true) phone?.mute(true);
        void desk.send({ action: "mute", on: !call?.muted });
        break;
      case "hold":
        void desk.send({ action: "hold", on: !call?.held });
        break;
      case "pauseRecording":
        void desk.send({ action: "pauseRecording", on: !call?.recordingPaused });
        break;
      case "acceptPreview":
        void desk.send({ action: "acceptPreview" });
        break;
      case "wrapUp":
        this.finish?.();
        break;
      case "outcome":
        this.focusOutcome?.();
        break;
      case "pause":
        this.open("pause");
        break;
      case "sendDigits":
        this.open("digits");
        break;
      case "transfer":
        this.open("transfer");
        break;
      case "doNotCall":
        this.open("doNotCall");
        break;
      case "skipPreview":
        this.open("skip");
        break;
      case "help":
        this.open("help");
        break;
    }
  }
}

export const desktop = new Desktop();
