import assert from "node:assert/strict";
import { test } from "node:test";
import { draw, HEIGHT, rows, stepOf, WIDTH, type Step } from "../src/pages/admin/set-up/workflow_layout.ts";

const step = (name: string, ...to: (string | null)[]): Step => ({
  name, type: "prompt", line: 1, exits: to.map((each, index) => ({ by: "options", choice: String(index), to: each, line: 1 })),
});

test("a step stands below all that lead to it, and circles end", () => {
  const steps = [step("a", "b", "c"), step("b", "c"), step("c", "a", "d"), step("d", null), step("e", "b")];
  assert.deepEqual(rows("a", steps), [0, 1, 2, 3, 4]);
  assert.deepEqual(rows("nobody", steps).slice(0, 1), [0]);
  assert.deepEqual(rows("a", [step("a", "a")]), [0]);
  assert.deepEqual(rows("", []), []);
});

test("two hundred steps in a line, and each leading to each, are drawn", () => {
  const line = Array.from({ length: 200 }, (_, index) => step(`s${index}`, `s${index + 1}`));
  assert.equal(rows("s0", line)[199], 199);
  const names = Array.from({ length: 12 }, (_, index) => `n${index}`);
  const all = names.map((name) => step(name, ...names));
  const drawing = draw("n0", all);
  assert.equal(drawing.boxes.length, 12);
  assert.equal(drawing.ways.length, 144);
});

test("no two boxes lie on each other, and everything is within the picture", () => {
  const steps = [step("a", "b", "c", "d", null, "x"), step("b", "e"), step("c", "e"), step("d", "a"), step("e"), step("", "a"), step("a")];
  const { boxes, width, height, ways } = draw("a", steps);
  for (const one of boxes) {
    assert.ok(one.x >= 0 && one.y >= 0 && one.x + WIDTH <= width && one.y + HEIGHT <= height);
    for (const other of boxes) {
      assert.ok(one === other || Math.abs(one.x - other.x) >= WIDTH || Math.abs(one.y - other.y) >= HEIGHT);
    }
  }
  assert.deepEqual(ways.filter((way) => way.kind === "nowhere").map((way) => way.exits[0]?.to), ["x"]);
  assert.equal(ways.filter((way) => way.kind === "end").length, 1);
  for (const way of ways) assert.ok(!way.path.includes("NaN"));
});

test("a fault is of the step that its pointer names", () => {
  const fault = (pointer: string | null) => stepOf({ message: "", pointer, line: null });
  assert.equal(fault("/steps/12/options/1"), 12);
  assert.equal(fault("/steps/3"), 3);
  assert.equal(fault("/start"), undefined);
  assert.equal(fault(null), undefined);
});
