// Who is signed in. A token lives as long as the tab: it is never written to a disk.
const KEY = "callfloor.token";

class Credentials {
  token = $state.raw<string | undefined>(sessionStorage.getItem(KEY) ?? undefined);
  /** The server takes it no more: the page stays, and asks to sign in again. */
  refused = $state(false);

  keep(token: string): void {
    sessionStorage.setItem(KEY, token);
    this.token = token;
    this.refused = false;
  }

  forget(): void {
    sessionStorage.removeItem(KEY);
    this.token = undefined;
    this.refused = false;
  }
}

export const credentials = new Credentials();
