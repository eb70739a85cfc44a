import assert from "node:assert/strict";
import { test } from "node:test";
import { begin, SILENT_MS, step, type Effect, type Happening, type Line } from "../src/line/machine.ts";

function run(happenings: [number, Happening][], line = begin(0)): [Line, Effect[]] {
  const done: Effect[] = [];
  for (const [now, happening] of happenings) {
    const [next, effects] = step(line, happening, now, 0.5);
    line = next;
    done.push(...effects);
  }
  return [line, done];
}

const LIVE: [number, Happening][] = [
  [10, { type: "open" }],
  [20, { type: "message", current: true }],
];

test("a line is live only when all that was missed is here", () => {
  assert.equal(run([[10, { type: "open" }], [20, { type: "message", current: false }]])[0].state, "catching-up");
  assert.equal(run(LIVE)[0].state, "live");
});

test("a line that is lost says since when until it is live again", () => {
  const [lost] = run([...LIVE, [100, { type: "close", code: 1006, reason: "" }]]);
  assert.deepEqual([lost.state, lost.lostAt], ["waiting", 100]);
  const [opened] = run([[100, { type: "tick" }], [110, { type: "open" }], [120, { type: "message", current: false }]], lost);
  assert.deepEqual([opened.state, opened.lostAt], ["catching-up", 100]);
  assert.equal(run([[130, { type: "message", current: true }]], opened)[0].lostAt, undefined);
});

test("a socket that is silent is doubted, then dropped, and what is shown is as old as the last word", () => {
  const [doubtful] = run([...LIVE, [20_021, { type: "tick" }]]);
  assert.deepEqual([doubtful.state, doubtful.lostAt], ["doubtful", 20]);
  const [again, done] = run([[20 + SILENT_MS + 1, { type: "tick" }]], doubtful);
  assert.deepEqual([again.state, done], ["connecting", ["drop", "connect"]]);
});

test("waits grow to fifteen seconds, are spread, and end at once when the network is back", () => {
  let line = run(LIVE)[0];
  const waits: number[] = [];
  for (let now = 0; waits.length < 8; now += 100_000) {
    line = step(line, { type: "close", code: 1012, reason: "" }, now, 0.5)[0];
    waits.push((line.retryAt ?? 0) - now);
    line = step(line, { type: "wake" }, now + 1, 0.5)[0];
    assert.equal(line.state, "connecting");
  }
  assert.deepEqual(waits, [0, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
});

test("what the server ends for good is not tried again, and a refused sign-in waits for another", () => {
  for (const code of [4400, 4403, 4404, 4409, 4422]) {
    const [line] = run([...LIVE, [30, { type: "close", code, reason: "no" }], [90_000, { type: "wake" }], [90_001, { type: "tick" }]]);
    assert.deepEqual([line.state, line.reason], ["stopped", "no"], String(code));
  }
  const [out] = run([...LIVE, [30, { type: "close", code: 4401, reason: "" }], [40, { type: "wake" }]]);
  assert.equal(out.state, "signed-out");
  assert.deepEqual(run([[50, { type: "signed-in" }]], out)[1], ["connect"]);
});

test("too many connections wait fifteen seconds", () => {
  const [line] = run([...LIVE, [30, { type: "close", code: 4429, reason: "" }]]);
  assert.equal(line.retryAt, 15_030);
});

test("whatever happens in whatever order, only a live line is without a moment since which it is lost", () => {
  const kinds: Happening[] = [
    { type: "open" }, { type: "message", current: true }, { type: "message", current: false }, { type: "tick" },
    { type: "close", code: 1006, reason: "" }, { type: "close", code: 4401, reason: "" }, { type: "wake" },
    { type: "slept" }, { type: "signed-in" }, { type: "close", code: 4429, reason: "" },
  ];
  let seed = 7;
  const random = (): number => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  for (let round = 0; round < 300; round += 1) {
    let line = begin(0);
    for (let now = 0; now < 400_000; now += Math.floor(random() * 9000)) {
      line = step(line, kinds[Math.floor(random() * kinds.length)] ?? { type: "tick" }, now, random())[0];
      assert.equal(line.lostAt === undefined, line.state === "live", line.state);
      assert.equal(line.retryAt !== undefined, line.state === "waiting");
    }
  }
});
