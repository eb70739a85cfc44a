import type { Workspace } from "../api/client.ts";
import { LiveLine } from "../line/line.svelte.ts";

export type Floor = Workspace["Floor"];
export type FloorAgent = Workspace["FloorAgent"];
type Change = { changed: readonly object[]; gone: readonly (string | number)[] };
type Message =
  | { type: "snapshot"; cursor: string; floor: Floor }
  | ({ type: "changes"; cursor: string } & Partial<Record<Part, Change>>)
  | { type: "current" | "heartbeat"; cursor: string };

/** Drawn at most so often: the rate of drawing decides what a wallboard costs, not that of changes. */
const DRAW_MS = 330;
/** The parts of a floor, each with what names its items. */
const KEYS = {
  agents: "agentId",
  callers: "activityId",
  queues: "campaignId",
  campaigns: "campaignId",
  trunks: "name",
  nodes: "name",
  alerts: "alertId",
} as const;
type Part = keyof typeof KEYS;
const PARTS = Object.keys(KEYS) as Part[];

/** The live floor: a snapshot and what changed since. Items keep their place, so that nothing moves under a pointer. */
export class LiveFloor {
  floor = $state.raw<Pick<Floor, Part>>();
  readonly line: LiveLine;
  readonly #known: Record<Part, Map<unknown, unknown>>;
  #cursor: string | undefined;
  #draws: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#known = Object.fromEntries(PARTS.map((part) => [part, new Map()])) as Record<Part, Map<unknown, unknown>>;
    this.line = new LiveLine(
      () => `/workspace/v1/floor/events${this.#cursor === undefined ? "" : `?after=${encodeURIComponent(this.#cursor)}`}`,
      (message) => this.#heard(message as unknown as Message),
    );
  }

  end(): void {
    clearTimeout(this.#draws);
    this.line.end();
  }

  /** Take a message; true: what is shown is the truth. */
  #heard(message: Message): boolean {
    this.#cursor = message.cursor;
    if (message.type === "snapshot") {
      // what a snapshot lacks is gone
      for (const part of PARTS) this.#known[part].clear();
      for (const part of PARTS) this.#take(part, message.floor[part]);
      this.#draw();
    } else if (message.type === "changes") {
      for (const part of PARTS) {
        const change = message[part];
        if (!change) continue;
        this.#take(part, change.changed);
        for (const key of change.gone) this.#known[part].delete(key);
      }
      this.#draws ??= setTimeout(() => this.#draw(), DRAW_MS);
    }
    return message.type === "current" || this.line.live;
  }

  #take(part: Part, items: readonly object[]): void {
    for (const item of items) this.#known[part].set((item as Record<string, unknown>)[KEYS[part]], item);
  }

  #draw(): void {
    clearTimeout(this.#draws);
    this.#draws = undefined;
    this.floor = Object.fromEntries(PARTS.map((part) => [part, [...this.#known[part].values()]])) as unknown as Floor;
  }
}
