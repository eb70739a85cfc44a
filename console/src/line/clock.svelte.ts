// The server's time here. Timers of a background tab are throttled, so nothing is counted: everything is a difference.

class ServerClock {
  /** Changes about once a second; whoever shows a duration depends on it. */
  beat = $state(0);
  // server time - own monotonic time, ms: the largest seen, since a timestamp is cut to whole seconds and comes late
  #offset = 0;
  #seen = false;

  /** The server named its time, in whole seconds. */
  heard(timestamp: string): void {
    const offset = Date.parse(timestamp) - monotonic();
    // a machine that slept is found by its clock having stood still
    if (!this.#seen || offset > this.#offset || offset < this.#offset - 5000) this.#offset = offset;
    this.#seen = true;
  }

  /** ms since 1970 by the server's clock; one's own until it was heard. */
  now(): number {
    return this.#seen ? monotonic() + this.#offset : Date.now();
  }

  /** `now`, as something that is shown: it changes with the beat. */
  shown(): number {
    void this.beat;
    return this.now();
  }
}

function monotonic(): number {
  return performance.timeOrigin + performance.now();
}

export const clock = new ServerClock();
setInterval(() => (clock.beat += 1), 500);
