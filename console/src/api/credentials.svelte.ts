// The session is a cookie that no page can read. What is known here is whether the server still takes it.
class Credentials {
  /** The server takes the session no more: the page stays, and asks to sign in again. */
  refused = $state(false);
}

export const credentials = new Credentials();
