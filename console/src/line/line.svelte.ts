import { auth, got } from "../api/client.ts";
import { credentials } from "../api/credentials.svelte.ts";
import { clock } from "./clock.svelte.ts";
import { begin, step, type Happening, type Line } from "./machine.ts";

const TICK_MS = 1000;
/** A tick that comes so much later than it should: the machine slept. */
const SLEPT_MS = 30_000;

/** A WebSocket that comes back by itself. What it carries is the business of whoever opens it. */
export class LiveLine {
  line = $state.raw<Line>(begin(Date.now()));
  readonly #address: () => string;
  readonly #heard: (message: Record<string, unknown>) => boolean;
  readonly #catchUp: (() => Promise<void>) | undefined;
  #socket: WebSocket | undefined;
  #tickedAt = Date.now();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #wake = () => this.#happens({ type: "wake" });
  readonly #lost = () => this.#socket !== undefined && this.#happens({ type: "close", code: 1006, reason: "" });
  readonly #seen = () => document.visibilityState === "visible" && this.#wake();

  /** `address`: to connect to now, with what is known by then. `heard`: take a message; true: everything is here.
   * `catchUp`: ask for all of it, where the server does not say when a replay is over. */
  constructor(
    address: () => string,
    heard: (message: Record<string, unknown>) => boolean,
    catchUp?: () => Promise<void>,
  ) {
    this.#address = address;
    this.#heard = heard;
    this.#catchUp = catchUp;
    addEventListener("online", this.#wake);
    addEventListener("offline", this.#lost);
    addEventListener("pageshow", this.#wake);
    document.addEventListener("visibilitychange", this.#seen);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#connect();
  }

  get live(): boolean {
    return this.line.state === "live";
  }

  /** Somebody signed in again. */
  signedIn(): void {
    this.#happens({ type: "signed-in" });
  }

  /** What came does not follow what is known: connect again and ask for what is between. */
  restart(): void {
    this.#happens({ type: "slept" });
  }

  end(): void {
    removeEventListener("online", this.#wake);
    removeEventListener("offline", this.#lost);
    removeEventListener("pageshow", this.#wake);
    document.removeEventListener("visibilitychange", this.#seen);
    clearInterval(this.#timer);
    this.#happens({ type: "end" });
  }

  #tick(): void {
    const now = Date.now();
    const slept = now - this.#tickedAt > SLEPT_MS && document.visibilityState === "visible";
    this.#tickedAt = now;
    this.#happens({ type: slept ? "slept" : "tick" });
  }

  #happens(happening: Happening): void {
    const [line, effects] = step(this.line, happening, Date.now(), Math.random());
    if (line !== this.line) this.line = line;
    for (const effect of effects) effect === "connect" ? this.#connect() : this.#drop();
    if (line.state === "signed-out" && happening.type === "close") void this.#ask();
    if (line.state === "waiting" || line.state === "stopped" || line.state === "signed-out") this.#drop();
  }

  /** The session that the line began with is over; the person may have signed in again meanwhile, in another tab. */
  async #ask(): Promise<void> {
    try {
      await got(auth.GET("/me"));
      this.signedIn();
    } catch {
      credentials.refused = true;
    }
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #connect(): void {
    this.#drop();
    const url = new URL(this.#address(), location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    // what an old socket still says is not heard
    const current = (work: () => void) => () => this.#socket === socket && work();
    socket.onopen = current(() => {
      this.#happens({ type: "open" });
      this.#catchUp?.().then(
        () => this.#socket === socket && this.#happens({ type: "message", current: true }),
        () => this.#socket === socket && this.#happens({ type: "slept" }),
      );
    });
    socket.onmessage = (event: MessageEvent<string>) => {
      if (this.#socket !== socket) return;
      const message = JSON.parse(event.data) as Record<string, unknown>;
      if (typeof message.timestamp === "string") clock.heard(message.timestamp);
      this.#happens({ type: "message", current: this.#heard(message) });
    };
    socket.onclose = (event) => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#happens({ type: "close", code: event.code, reason: event.reason });
    };
  }
}
