// The line to the server as a state machine: pure, so that every order of what happens can be tested.

export type LineState =
  | "connecting"
  | "catching-up"
  | "live"
  | "doubtful"
  | "waiting"
  | "signed-out"
  | "stopped"
  | "off";

export interface Line {
  state: LineState;
  /** Failed tries in a row. */
  tries: number;
  /** When the server was last heard, ms. */
  heardAt: number;
  /** Since when what is shown may be old, ms; undefined: it is not. */
  lostAt: number | undefined;
  /** When to connect again, ms. */
  retryAt: number | undefined;
  /** Why the server wants no more. */
  reason: string;
}

export type Happening =
  | { type: "open" }
  | { type: "message"; current: boolean }
  | { type: "close"; code: number; reason: string }
  | { type: "tick" }
  /** The network, or the page, is back: no reason to wait longer. */
  | { type: "wake" }
  /** The clock jumped: the machine slept, and the socket only looks alive. */
  | { type: "slept" }
  | { type: "signed-in" }
  | { type: "end" };

export type Effect = "connect" | "drop";

export const QUIET_MS = 20_000;
export const SILENT_MS = 40_000;
const WAITS_S = [0, 1, 2, 4, 8, 15];
/** Too many connections at once: a little later. */
const CROWDED = 4429;
const FINAL = new Set([4400, 4403, 4404, 4409, 4422]);

export function begin(now: number): Line {
  return { state: "connecting", tries: 0, heardAt: now, lostAt: now, retryAt: undefined, reason: "" };
}

/** What the line is after something happened at `now`, and what is to be done. `chance`: 0 to 1, spreads the waits. */
export function step(line: Line, happening: Happening, now: number, chance: number): [Line, Effect[]] {
  if (line.state === "off") return [line, []];
  switch (happening.type) {
    case "end":
      return [{ ...line, state: "off", retryAt: undefined }, ["drop"]];
    case "open":
      return line.state === "connecting" ? [{ ...line, state: "catching-up", heardAt: now }, []] : [line, []];
    case "message":
      return [heard(line, happening.current, now), []];
    case "close":
      return closed(line, happening.code, happening.reason, now, chance);
    case "tick":
      return ticked(line, now);
    case "slept":
      return settled(line) ? [line, []] : [{ ...again(line, now), lostAt: line.lostAt ?? line.heardAt }, ["drop", "connect"]];
    case "wake":
      return line.state === "waiting" ? [again(line, now), ["connect"]] : [line, []];
    case "signed-in":
      return line.state === "signed-out" ? [again(line, now), ["connect"]] : [line, []];
  }
}

function settled(line: Line): boolean {
  return line.state === "signed-out" || line.state === "stopped";
}

function heard(line: Line, current: boolean, now: number): Line {
  switch (line.state) {
    case "catching-up":
    case "live":
    case "doubtful":
      if (line.state === "catching-up" && !current) return { ...line, heardAt: now };
      return { ...line, state: "live", heardAt: now, lostAt: undefined, tries: 0 };
    default:
      return line;
  }
}

function closed(line: Line, code: number, reason: string, now: number, chance: number): [Line, Effect[]] {
  if (settled(line) || line.state === "waiting") return [line, []];
  const lost = { ...line, lostAt: line.lostAt ?? now, reason };
  if (code === 4401) return [{ ...lost, state: "signed-out", retryAt: undefined }, []];
  if (FINAL.has(code)) return [{ ...lost, state: "stopped", retryAt: undefined }, []];
  const wait = code === CROWDED ? 15 : (WAITS_S[Math.min(line.tries, WAITS_S.length - 1)] ?? 15);
  const spread = wait * 1000 * (0.5 + chance);
  return [{ ...lost, state: "waiting", tries: line.tries + 1, retryAt: now + spread }, []];
}

function ticked(line: Line, now: number): [Line, Effect[]] {
  const silence = now - line.heardAt;
  switch (line.state) {
    case "live":
      return silence > QUIET_MS ? [{ ...line, state: "doubtful", lostAt: line.heardAt }, []] : [line, []];
    case "doubtful":
    case "catching-up":
    case "connecting":
      // the socket is dropped, not closed politely: nobody is there to answer
      return silence > SILENT_MS ? [{ ...again(line, now), tries: line.tries + 1 }, ["drop", "connect"]] : [line, []];
    case "waiting":
      return line.retryAt !== undefined && now >= line.retryAt ? [again(line, now), ["connect"]] : [line, []];
    default:
      return [line, []];
  }
}

function again(line: Line, now: number): Line {
  return { ...line, state: "connecting", retryAt: undefined, heardAt: now };
}
