import assert from "node:assert/strict";
import { test } from "node:test";
import { AGAIN_MS, BROKEN_MS, idle, MISSING_MS, step, type Effect, type Happening, type Phone } from "../src/phone/machine.ts";
import { lossPercent, qualityOf } from "../src/phone/quality.ts";

function run(happenings: [number, Happening][], phone: Phone = idle): [Phone, Effect[]] {
  const done: Effect[] = [];
  for (const [now, happening] of happenings) {
    const [next, effects] = step(phone, happening, now);
    phone = next;
    done.push(...effects);
  }
  return [phone, done];
}

const HERE: [number, Happening][] = [[0, { type: "begin" }], [10, { type: "registered" }]];
const tick = (lost = false, inCall = true): Happening => ({ type: "tick", inCall, lost });

test("a page that was loaded again in mid-call asks for its phone at once", () => {
  assert.deepEqual(run([...HERE, [20, tick(true)]])[1], ["ask-to-ring"]);
});

test("a call that is connected without this phone is asked for when its answer had time to come", () => {
  const [waiting, none] = run([...HERE, [20, tick()], [20 + MISSING_MS - 1, tick()]]);
  assert.deepEqual(none, []);
  assert.deepEqual(run([[20 + MISSING_MS, tick()], [20 + MISSING_MS + 1, tick()]], waiting)[1], ["ask-to-ring"]);
  assert.deepEqual(run([[20 + MISSING_MS, tick()], [21 + MISSING_MS + AGAIN_MS, tick()]], waiting)[1], ["ask-to-ring", "ask-to-ring"]);
});

test("nothing is asked while the phone rings or talks, is not registered, or no call is at hand", () => {
  for (const before of [
    [...HERE, [20, { type: "invited", auto: true }]],
    [...HERE, [20, { type: "invited", auto: true }], [30, { type: "talking" }]],
    [[0, { type: "begin" }]],
    [...HERE, [20, { type: "disconnected" }]],
    [...HERE, [20, { type: "elsewhere" }]],
  ] as [number, Happening][][]) {
    const [phone] = run(before);
    assert.deepEqual(run([[40, tick(true)], [60_000, tick(true)]], phone)[1], []);
  }
  assert.deepEqual(run([...HERE, [20, tick(false, false)], [60_000, tick(false, false)]])[1], []);
});

test("sound that is away for three seconds has the phone rung anew, one that comes back does not", () => {
  const [talking] = run([...HERE, [20, { type: "invited", auto: true }], [30, { type: "talking" }]]);
  const [broken] = run([[100, { type: "media", good: false }]], talking);
  assert.equal(broken.talk, "broken");
  assert.deepEqual(run([[100 + BROKEN_MS - 1, tick()]], broken)[1], []);
  assert.deepEqual(run([[100 + BROKEN_MS, tick()]], broken)[1], ["ask-to-ring"]);
  assert.deepEqual(run([[200, { type: "media", good: true }], [90_000, tick()]], broken)[1], []);
});

test("a phone that does not answer by itself rings until it is answered or the call ends", () => {
  const [ringing, rings] = run([...HERE, [20, { type: "invited", auto: false }]]);
  assert.deepEqual(rings, ["ring"]);
  assert.deepEqual(run([[30, { type: "answer" }]], ringing)[1], ["be-quiet", "answer"]);
  assert.deepEqual(run([[30, { type: "ended" }], [40, { type: "answer" }]], ringing)[1], ["be-quiet"]);
});

test("loss is of what should have come, and no packets at all is all of it", () => {
  const counts = (received: number, lost: number) => ({ received, lost, jitterMs: undefined, roundTripMs: undefined });
  assert.equal(lossPercent(counts(100, 0), counts(195, 5)), 5);
  assert.equal(lossPercent(counts(100, 5), counts(100, 5)), 100);
  // a late packet makes the browser count fewer as lost
  assert.equal(lossPercent(counts(100, 5), counts(200, 4)), 0);
  assert.deepEqual([qualityOf({}), qualityOf({ lossPercent: 2 }), qualityOf({ jitterMs: 80 })], ["good", "fair", "poor"]);
});
