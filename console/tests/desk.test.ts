import assert from "node:assert/strict";
import { test } from "node:test";
import { chordOf, refusal } from "../src/actions/chords.ts";
import { isNewer, news, whyNot, type Session } from "../src/desk/derive.ts";
import { emptyDraft, isSame, kept, merged, typed, type Draft } from "../src/desk/drafts.ts";
import { soon, wrapUpOf } from "../src/pages/agent/outcome.ts";

const session = (sequence: number, more: Partial<Session> = {}): Session => ({
  agentId: 1, sequence, state: "ready", since: "2026-11-01T10:00:00+11:00", ...more,
});
const call = (state: "ringing" | "connected" | "wrap-up", more: object = {}): NonNullable<Session["call"]> => ({
  activityId: 5, direction: "inbound", campaignId: 1, campaignName: null, number: null, leadId: null, state, ...more,
});

test("what is shown never becomes older, in whatever order answers and events come", () => {
  let shown: Session | undefined;
  for (const sequence of [3, 1, 4, 4, 2, 9, 5]) {
    const said = session(sequence);
    if (isNewer(shown, said)) shown = said;
    assert.equal(shown?.sequence, Math.max(...[3, 1, 4, 4, 2, 9, 5].slice(0, [3, 1, 4, 4, 2, 9, 5].indexOf(sequence) + 1)));
  }
});

test("a call is told of once for each of its states, and not when a page begins", () => {
  const ringing = session(1, { call: call("ringing") });
  assert.equal(news(undefined, ringing), undefined);
  assert.equal(news(session(0), ringing), "ringing");
  assert.equal(news(ringing, session(2, { call: call("ringing") })), undefined);
  assert.equal(news(ringing, session(2, { call: call("connected") })), "connected");
  assert.equal(news(session(2, { call: call("connected") }), session(3, { call: call("connected", { held: true }) })), undefined);
});

test("what needs a call that is connected is off before and after it", () => {
  for (const action of ["hold", "mute", "transfer", "sendDigits"] as const) {
    assert.equal(whyNot(action, session(1)), "noCall");
    assert.equal(whyNot(action, session(1, { call: call("ringing") })), "notConnected");
    assert.equal(whyNot(action, session(1, { call: call("connected") })), undefined);
    assert.equal(whyNot(action, session(1, { call: call("wrap-up") })), "noCall");
  }
});

test("a wrap-up sends what was typed and nothing else", () => {
  assert.deepEqual(wrapUpOf(emptyDraft(), {}), { action: "wrapUp" });
  const draft = { ...emptyDraft(), wrapCode: 2, note: " later ", fields: { plan: "gold", town: "Perth" } };
  assert.deepEqual(wrapUpOf(draft, { plan: "gold", town: "Sydney" }), {
    action: "wrapUp", wrapCode: 2, leadData: { town: "Perth", note: "later" },
  });
});

test("times that are offered for a callback lie ahead", () => {
  for (const minute of [0, 29, 30, 59]) {
    const now = new Date(2026, 1, 28, 23, minute);
    for (const each of soon(now)) assert.ok(each.at > now, each.key);
  }
});

test("what two desks typed becomes one draft in which nothing is lost, whoever is first", () => {
  const notes = ["", "a", "ab", "wants", "wants tea", "call back"];
  const codes = [undefined, 1, 2];
  for (const base of notes) for (const mine of notes) for (const theirs of notes) for (const code of codes) {
    const draft = (note: string, more: Partial<Draft> = {}): Draft => ({ ...emptyDraft(), note, ...more });
    const one = merged(draft(base), draft(mine, { wrapCode: code, fields: { a: "1" } }), draft(theirs, { fields: { b: "2" } }));
    if (mine !== base && mine.startsWith(base)) assert.ok(one.note.includes(mine.slice(base.length).trimStart()), JSON.stringify([base, mine, theirs, one.note]));
    else if (mine !== base) assert.ok(one.note.includes(mine));
    if (theirs !== base) assert.ok(one.note.includes(theirs));
    assert.equal(one.wrapCode, code);
    assert.deepEqual(one.fields, { a: "1", b: "2" });
    // what is merged stays as it is when it comes back
    assert.ok(isSame(merged(draft(theirs, { fields: { b: "2" } }), one, one), one));
  }
});

test("a draft is the same after the server kept it", () => {
  const draft: Draft = { wrapCode: 0, leadStatus: 3, note: " x", fields: { plan: "" }, callbackAt: "2030-05-06T07:08", callbackOwn: false };
  assert.ok(isSame(typed(kept(draft)), draft));
  assert.ok(isSame(typed(kept(emptyDraft())), emptyDraft()));
});

test("chords can be changed, but not to a key for typing, the browser's, or one that is taken", () => {
  const pressed = (code: string, held: Partial<KeyboardEvent> = {}): KeyboardEvent =>
    ({ code, altKey: false, ctrlKey: false, metaKey: false, shiftKey: false, repeat: false, isComposing: false, ...held }) as KeyboardEvent;
  assert.equal(chordOf(pressed("KeyX", { altKey: true }), {}), "hangUp");
  assert.equal(chordOf(pressed("KeyX"), {}), undefined);
  assert.equal(chordOf(pressed("KeyX", { altKey: true, repeat: true }), {}), undefined);
  const own = { hangUp: { code: "F4", ctrl: true } };
  assert.equal(chordOf(pressed("F4", { ctrlKey: true }), own), "hangUp");
  assert.equal(chordOf(pressed("KeyX", { altKey: true }), own), undefined);
  assert.equal(refusal("hangUp", { code: "KeyX" }, {}), "plain");
  assert.equal(refusal("hangUp", { code: "KeyX", shift: true }, {}), "plain");
  assert.equal(refusal("hangUp", { code: "KeyW", ctrl: true }, {}), "browser");
  assert.equal(refusal("hangUp", { code: "KeyM", alt: true }, {}), "mute");
  assert.equal(refusal("mute", { code: "KeyX", alt: true }, own), undefined);
});
