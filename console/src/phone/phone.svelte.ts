import { freshKey, got, workspace, type Workspace } from "../api/client.ts";
import { Problem, problemOf } from "../api/problems.ts";
import type { Desk } from "../desk/desk.svelte.ts";
import { moment } from "../text/times.ts";
import { holdLock } from "../tabs/lock.ts";
import type { SipCall, SipPhone } from "./jssip.ts";
import { idle, step, type Happening, type Phone } from "./machine.ts";
import { countsOf, lossPercent, qualityOf, routeOf, type Counts, type Quality, type Sample } from "./quality.ts";
import { devices } from "./sound/devices.svelte.ts";
import { Level } from "./sound/level.ts";
import { beep, readySound, startRinging, stopRinging } from "./sound/ringer.ts";

const TICK_MS = 250;
const MEASURE_EVERY = 8;
const SAMPLES = 60;
/** The server forgets a device that did not say for 45 s that it has the phone. */
const HOLD_MS = 15_000;
const DEVICE_KEY = "callfloor.device";

/** The agent's phone in this browser: in one tab of it, and at one device. */
export class DeskPhone {
  phone = $state.raw<Phone>(idle);
  /** undefined: it was not asked yet; null: the agent's phone is none in a browser. */
  own = $state.raw<Workspace["OwnPhone"] | null>();
  /** Another device has it. */
  elsewhere = $state.raw<string>();
  /** Why the microphone cannot be had: the name of a `DOMException`. */
  microphoneTrouble = $state.raw<string>();
  microphone = $state(0);
  speaker = $state(0);
  quality = $state.raw<Quality>();
  samples = $state.raw<Sample[]>([]);
  echoing = $state(false);
  /** Talking, not muted, and no sound comes from the microphone. */
  silent = $state(false);
  readonly #desk: Desk;
  readonly #audio = new Audio();
  #sip: SipPhone | undefined;
  #call: SipCall | undefined;
  #stream: MediaStream | undefined;
  #levels: { microphone: Level; speaker: Level } | undefined;
  #counts: Counts | undefined;
  #about = { route: "", codec: "" };
  #heardAt = 0;
  #ticks = 0;
  #letGo: (() => void) | undefined;
  #keeping: ReturnType<typeof setInterval> | undefined;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(desk: Desk) {
    this.#desk = desk;
    this.#audio.autoplay = true;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    void this.#begin();
  }

  get here(): boolean {
    return this.phone.state !== "off" && this.phone.state !== "elsewhere";
  }

  get autoAnswer(): boolean {
    return devices.chosen.autoAnswer ?? this.own?.autoAnswer ?? true;
  }

  /** Have the phone in this tab of this device, whoever has it now. */
  async useHere(): Promise<void> {
    this.#letGo?.();
    await this.#begin(true);
  }

  answer(): void {
    this.#happens({ type: "answer" });
  }

  /** At once; what the server says comes after it. */
  mute(on: boolean): void {
    this.#call?.mute(on);
  }

  /** Hang up without the server, which cannot be reached. */
  hangUp(): void {
    this.#call?.hangUp();
  }

  async startEcho(): Promise<void> {
    const uri = this.own?.account?.echo;
    if (uri == null || this.#sip === undefined || this.#call !== undefined) return;
    const microphone = await this.#open();
    if (microphone === undefined) return;
    this.echoing = true;
    this.#take(this.#sip.call(uri, microphone));
  }

  stopEcho(): void {
    if (this.echoing) this.#call?.hangUp();
  }

  /** What was measured of this call lately, to be kept with it. Raises `Problem`. */
  async diagnose(activityId: number, complaint: string): Promise<void> {
    const now = performance.now();
    const samples = this.samples.map(({ at, ...sample }) => ({ ...sample, seconds: Math.round((now - at) / 100) / 10 }));
    const network = (navigator as { connection?: { effectiveType?: string } }).connection?.effectiveType;
    const body: Workspace["SoundDiagnosis"] = { browser: navigator.userAgent.slice(0, 400), samples };
    if (complaint !== "") body.complaint = complaint;
    if (network !== undefined) body.connection = network;
    if (this.#about.route !== "") body.route = this.#about.route;
    if (this.#about.codec !== "") body.codec = this.#about.codec;
    const label = this.#stream?.getAudioTracks()[0]?.label;
    if (label) body.microphone = label.slice(0, 200);
    const speaker = devices.name("audiooutput", devices.chosen.speaker);
    if (speaker !== "") body.speaker = speaker.slice(0, 200);
    await got(workspace.POST("/calls/{activityId}/diagnoses", { body, params: { path: { activityId } } }));
  }

  end(): void {
    clearInterval(this.#timer);
    this.#letGo?.();
    this.#stop("off");
  }

  async #begin(take = false): Promise<void> {
    try {
      this.own = await got(workspace.GET("/phone"));
    } catch (thrown) {
      problemOf(thrown);
      setTimeout(() => void this.#begin(take), HOLD_MS);
      return;
    }
    if (this.own.account === null || !("locks" in navigator)) return;
    if (!take) this.#happens({ type: "elsewhere" });
    this.#letGo = holdLock(`callfloor.phone.${this.own.account.user}`, take, () => {
      void this.#hold(take);
      return () => this.#stop("elsewhere");
    });
  }

  /** This tab has the phone of this browser; the server says whether this device has it. */
  async #hold(take: boolean): Promise<void> {
    clearInterval(this.#keeping);
    this.#keeping = setInterval(() => void this.#say(false), HOLD_MS);
    await this.#say(take);
  }

  async #say(takeOver: boolean): Promise<void> {
    const body = { device: deviceId(), takeOver };
    try {
      await got(workspace.PUT("/phone/holder", { body }));
      this.elsewhere = undefined;
      if (this.#sip === undefined) await this.#register();
    } catch (thrown) {
      const problem = problemOf(thrown);
      if (problem.kind !== "phone-elsewhere") return;
      this.#stop("elsewhere", true);
      this.elsewhere = problem.message.replace(/\d{4}-\d\d-\d\dT[\d:+Z-]+/, (at) => moment(at));
    }
  }

  async #register(): Promise<void> {
    const { SipPhone } = await import("./jssip.ts");
    if (this.own?.account == null || this.#sip !== undefined) return;
    this.#happens({ type: "begin" });
    const ice = this.own.iceServers.map(({ urls, username, credential }) => ({
      urls, ...(username === null ? {} : { username }), ...(credential === null ? {} : { credential }),
    }));
    this.#sip = new SipPhone(this.own.account, ice, {
      registered: () => this.#happens({ type: "registered" }),
      disconnected: () => this.#happens({ type: "disconnected" }),
      refused: (reason) => this.#happens({ type: "refused", reason }),
      invited: (line) => {
        if (this.#call !== undefined && !this.echoing) this.#lose();
        if (this.echoing) this.stopEcho();
        this.#take(line);
        this.#happens({ type: "invited", auto: this.autoAnswer });
      },
    });
  }

  #take(call: SipCall): void {
    this.#call = call;
    call.onSound = (stream) => this.#hear(stream);
    call.onMedia = (good) => this.#call === call && this.#happens({ type: "media", good });
    call.onTalking = () => this.#call === call && this.#talking();
    call.onEnded = () => this.#call === call && this.#over();
  }

  #talking(): void {
    this.#happens({ type: "talking" });
    const muted = this.#desk.session?.call?.muted ?? false;
    if (!this.echoing && muted) this.mute(true);
  }

  #hear(stream: MediaStream): void {
    this.#audio.srcObject = stream;
    const sink = devices.there("audiooutput", devices.chosen.speaker);
    void this.#audio.setSinkId?.(sink).catch(() => undefined);
    void this.#audio.play().catch(() => undefined);
    if (this.#stream === undefined) return;
    const context = readySound();
    this.#levels = { microphone: new Level(context, this.#stream), speaker: new Level(context, stream) };
    this.#heardAt = performance.now();
    this.#counts = undefined;
    this.samples = [];
  }

  #over(): void {
    this.#call = undefined;
    this.echoing = this.silent = false;
    this.#levels?.microphone.end();
    this.#levels?.speaker.end();
    this.#levels = undefined;
    this.microphone = this.speaker = 0;
    this.quality = undefined;
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = undefined;
    this.#audio.srcObject = null;
    this.#happens({ type: "ended" });
  }

  /** The session here is of no use any more; the server has rung anew. */
  #lose(): void {
    this.#call?.drop();
    this.#over();
  }

  #stop(why: "off" | "elsewhere", keepAsking = false): void {
    if (!keepAsking) clearInterval(this.#keeping);
    this.#sip?.drop();
    this.#sip = undefined;
    if (this.#call !== undefined) this.#lose();
    this.#happens({ type: why });
  }

  async #open(): Promise<MediaStream | undefined> {
    try {
      this.#stream = await devices.microphone();
      this.microphoneTrouble = undefined;
    } catch (thrown) {
      if (!(thrown instanceof DOMException)) throw thrown;
      this.microphoneTrouble = thrown.name;
      this.#stream = undefined;
    }
    return this.#stream;
  }

  #happens(happening: Happening): void {
    const [next, effects] = step(this.phone, happening, performance.now());
    if (next !== this.phone) this.phone = next;
    for (const effect of effects) {
      if (effect === "answer") void this.#answer();
      else if (effect === "ask-to-ring") void this.#askToRing();
      else if (effect === "ring") startRinging();
      else stopRinging();
    }
  }

  async #answer(): Promise<void> {
    const call = this.#call;
    const microphone = await this.#open();
    if (call === undefined || call !== this.#call) return;
    if (microphone === undefined) {
      // the customer goes to somebody who can be heard
      call.hangUp();
      return;
    }
    readySound();
    beep();
    call.answer(microphone);
  }

  async #askToRing(): Promise<void> {
    try {
      const body = { action: "ringPhone" } as const;
      await got(workspace.POST("/session/commands", { body, params: { header: { "Idempotency-Key": freshKey() } } }));
    } catch (thrown) {
      // asked again with the next tick that it is due in
      if (!(thrown instanceof Problem)) throw thrown;
    }
  }

  #tick(): void {
    const call = this.#desk.session?.call;
    const inCall = this.#desk.line.live && call?.state === "connected";
    this.#happens({ type: "tick", inCall, lost: inCall && call?.phoneLostTimestamp != null });
    this.#ticks += 1;
    if (this.#levels === undefined) return;
    this.microphone = this.#levels.microphone.read();
    this.speaker = this.#levels.speaker.read();
    const now = performance.now();
    if (this.microphone > 0.05 || call?.muted) this.#heardAt = now;
    this.silent = now - this.#heardAt > 8000;
    if (this.#ticks % MEASURE_EVERY === 0) void this.#measure();
  }

  async #measure(): Promise<void> {
    const connection = this.#call?.connection;
    if (connection === undefined) return;
    const report = await connection.getStats();
    const counts = countsOf(report), before = this.#counts;
    this.#counts = counts;
    this.#about = routeOf(report);
    if (before === undefined) return;
    const sample: Sample = {
      at: performance.now(), seconds: 0, lossPercent: lossPercent(before, counts),
      microphone: this.microphone, speaker: this.speaker,
      ...(counts.jitterMs === undefined ? {} : { jitterMs: counts.jitterMs }),
      ...(counts.roundTripMs === undefined ? {} : { roundTripMs: counts.roundTripMs }),
    };
    this.samples = [...this.samples.slice(1 - SAMPLES), sample];
    this.quality = qualityOf(sample);
  }
}

/** This browser, to tell it from others of the same person. */
function deviceId(): string {
  const known = localStorage.getItem(DEVICE_KEY);
  if (known !== null && /^[0-9a-f]{32}$/.test(known)) return known;
  const made = freshKey();
  localStorage.setItem(DEVICE_KEY, made);
  return made;
}
