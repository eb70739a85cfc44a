// Of several tabs one has the phone: whoever holds a lock of the browser. A frozen tab keeps its lock, so it can be taken.

/** Wait for the lock, or take it. `held`: it is ours; what it answers is called when it is taken from us. Answers how to
 * stop waiting, or to let go. */
export function holdLock(name: string, take: boolean, held: () => () => void): () => void {
  const stop = new AbortController();
  let release: () => void = () => undefined;
  let lost: (() => void) | undefined;
  const kept = new Promise<void>((done) => (release = done));
  const options: LockOptions = take ? { steal: true } : { signal: stop.signal };
  navigator.locks
    .request(name, options, async () => {
      lost = held();
      await kept;
    })
    .catch(() => lost?.());
  return () => {
    stop.abort();
    release();
  };
}
