import type { Admin } from "../../../api/client.ts";

export type Step = Admin["DrawnStep"];

export const WIDTH = 176;
export const HEIGHT = 54;
const GAP_X = 44;
const GAP_Y = 78;
const MARGIN = 16;
// behind the boxes, for ways that lead back
const LANE = 14;

export interface Box {
  index: number;
  step: Step;
  x: number;
  y: number;
}

export interface Way {
  key: string;
  /** Of SVG. */
  path: string;
  /** The keys of the ways out that it stands for. */
  exits: Admin["DrawnExit"][];
  x: number;
  y: number;
  /** Where it leads: to a step, to the call's end, or to a name that no step has. */
  kind: "step" | "end" | "nowhere";
}

export interface Drawing {
  width: number;
  height: number;
  boxes: Box[];
  ways: Way[];
}

/** Which row each step stands in, by its place in `steps`: behind all that lead to it, where that goes without a circle.
    Steps that nothing leads to come last. */
export function rows(start: string, steps: readonly Step[]): number[] {
  const places = new Map<string, number>();
  for (const [place, step] of steps.entries()) if (!places.has(step.name)) places.set(step.name, place);
  const follow = steps.map((step) => step.exits.flatMap(({ to }) => (to !== null && places.has(to) ? [places.get(to) as number] : [])));
  const row: number[] = steps.map(() => -1);
  // ways that lead back to a step that is being looked at are left out: what remains has no circle
  const order: number[] = [];
  const seen = new Set<number>();
  const above = new Set<number>();
  const forward: number[][] = steps.map(() => []);
  // those that have their row already
  const done = new Set<number>();
  function look(from: number): void {
    // without recursion: a draft may have two hundred steps in a line
    const stack: [number, number][] = [[from, 0]];
    seen.add(from);
    above.add(from);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const [place, next] = top;
      const to = follow[place]?.[next];
      if (to === undefined) {
        above.delete(place);
        order.unshift(place);
        stack.pop();
        continue;
      }
      top[1] += 1;
      if (above.has(to) || done.has(to)) continue;
      forward[place]?.push(to);
      if (!seen.has(to)) {
        seen.add(to);
        above.add(to);
        stack.push([to, 0]);
      }
    }
  }
  function settle(from: number, at: number): void {
    order.length = 0;
    look(from);
    row[from] = at;
    for (const place of order) for (const to of forward[place] ?? []) row[to] = Math.max(row[to] ?? -1, (row[place] ?? at) + 1);
    for (const place of seen) done.add(place);
  }
  const first = places.get(start) ?? 0;
  if (steps.length > 0) settle(first, 0);
  for (const place of steps.keys()) if (!seen.has(place)) settle(place, Math.max(...row) + 1);
  return row;
}

/** The steps in rows, each row in the order of those above it; and the ways between them. */
export function draw(start: string, steps: readonly Step[]): Drawing {
  const row = rows(start, steps);
  const byRow: number[][] = [];
  for (const [place, at] of row.entries()) (byRow[at] ??= []).push(place);
  const column = new Map<number, number>();
  const into = new Map<number, number[]>();
  const placeOf = (name: string | null): number => (name === null ? -1 : steps.findIndex((step) => step.name === name));
  for (const [place, step] of steps.entries()) {
    for (const { to } of step.exits) {
      const target = placeOf(to);
      if (target >= 0) into.set(target, [...(into.get(target) ?? []), place]);
    }
  }
  for (const places of byRow) {
    const middle = (place: number): number => {
      const known = (into.get(place) ?? []).flatMap((from) => column.get(from) ?? []);
      return known.length === 0 ? place : known.reduce((sum, each) => sum + each, 0) / known.length;
    };
    const wanted = new Map((places ?? []).map((place) => [place, middle(place)]));
    places?.sort((one, other) => (wanted.get(one) ?? 0) - (wanted.get(other) ?? 0) || one - other);
    for (const [index, place] of (places ?? []).entries()) column.set(place, index);
  }
  const widest = Math.max(1, ...byRow.map((places) => places?.length ?? 0));
  const inner = widest * (WIDTH + GAP_X) - GAP_X;
  const boxes: Box[] = steps.map((step, index) => {
    const at = row[index] ?? 0;
    const own = (byRow[at]?.length ?? 1) * (WIDTH + GAP_X) - GAP_X;
    return {
      index,
      step,
      x: MARGIN + (inner - own) / 2 + (column.get(index) ?? 0) * (WIDTH + GAP_X),
      y: MARGIN + at * (HEIGHT + GAP_Y),
    };
  });
  let lanes = 0;
  const ways: Way[] = [];
  for (const box of boxes) {
    const targets = new Map<string | null, Admin["DrawnExit"][]>();
    for (const exit of box.step.exits) targets.set(exit.to, [...(targets.get(exit.to) ?? []), exit]);
    for (const [number, [to, exits]] of [...targets].entries()) {
      const x = box.x + (WIDTH * (number + 1)) / (targets.size + 1);
      const y = box.y + HEIGHT;
      const target = boxes[placeOf(to)];
      const key = `${box.index} ${to}`;
      // labels of neighbours stand at different heights
      const label = y + 16 + (number % 2) * 14;
      if (target === undefined) {
        ways.push({ key, path: `M${x} ${y}V${y + 34}`, exits, x, y: label, kind: to === null ? "end" : "nowhere" });
      } else if (target.y > box.y) {
        const end = target.x + WIDTH / 2;
        const half = y + (target.y - y) / 2;
        ways.push({ key, path: `M${x} ${y}C${x} ${half} ${end} ${half} ${end} ${target.y}`, exits, x, y: label, kind: "step" });
      } else {
        lanes += 1;
        const lane = MARGIN + inner + 10 + lanes * LANE;
        const side = target.x + WIDTH;
        const level = target.y + HEIGHT / 2;
        ways.push({ key, path: `M${x} ${y}V${y + 24}H${lane}V${level}H${side}`, exits, x, y: label, kind: "step" });
      }
    }
  }
  const deepest = Math.max(0, ...row);
  return {
    width: inner + 2 * MARGIN + 10 + lanes * LANE,
    height: (deepest + 1) * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN + 48,
    boxes,
    ways,
  };
}

/** The number of the step that a fault is of, by its pointer; undefined: it is of none. */
export function stepOf(fault: Admin["DraftFault"]): number | undefined {
  const found = /^\/steps\/(\d+)(\/|$)/.exec(fault.pointer ?? "");
  return found === null ? undefined : Number(found[1]);
}
