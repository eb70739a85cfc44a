import type { Reporting } from "../../api/client.ts";

export type Mode = Reporting["WhatIfBody"]["modes"] extends (infer M)[] | undefined ? M : never;
export type Point = Reporting["WhatIfPoint"];
export type Name = keyof Reporting["Assumptions"];

export const MODES: readonly Mode[] = ["predictive", "progressive", "preview"];
export const SHARES: readonly Name[] = ["liveShare", "machineShare", "busyShare", "disconnectedShare", "failedShare"];
export const TIMES: readonly Name[] = ["answerSeconds", "ringOutSeconds", "talkSeconds", "wrapUpSeconds"];
export const MOST_POINTS = 12;

/** Numbers with commas, semicolons or spaces between them, in order; undefined: one is none, or out of bounds. */
export function numbers(text: string, least: number, most: number, whole: boolean): number[] | undefined {
  const parts = text.split(/[;,\s]+/).filter((part) => part !== "");
  const found = parts.map(Number);
  const right = found.every((each) => Number.isFinite(each) && each >= least && each <= most && (!whole || Number.isInteger(each)));
  return right ? [...new Set(found)].sort((one, other) => one - other) : undefined;
}

/** How many points these are. */
export function pointsOf(agents: number, modes: readonly Mode[], caps: number): number {
  return modes.reduce((sum, mode) => sum + agents * (mode === "predictive" ? Math.max(1, caps) : 1), 0);
}

/** Sizes that are worth a look for a team of so many. */
export function sizesAround(agents: number): number[] {
  const team = Math.min(200, Math.max(2, agents));
  return [...new Set([0.5, 0.75, 1, 1.5, 2].map((times) => Math.min(200, Math.max(1, Math.round(team * times)))))];
}

export interface Line {
  mode: Mode;
  cap: number | null;
  points: Point[];
}

/** The points of each mode and cap, by agents. */
export function linesOf(points: readonly Point[]): Line[] {
  const found: Line[] = [];
  for (const point of points) {
    let line = found.find((each) => each.mode === point.mode && each.cap === point.cap);
    if (line === undefined) found.push((line = { mode: point.mode, cap: point.cap, points: [] }));
    line.points.push(point);
  }
  return found;
}
