import { router } from "../router.svelte.ts";
import { auth, got, type Auth } from "./client.ts";

/** Where providers send people back to; it is registered there (callfloor/api/auth/single_sign_on.py). */
const PAGE = "/sign-in";

/** Go to the provider. Raises `Problem`. */
export async function goToProvider(organisation: string): Promise<void> {
  const body = organisation === "" ? {} : { organisation };
  location.assign((await got(auth.POST("/single-sign-on", { body }))).uri);
}

/** What the provider sent back in the address, which is taken out of it: it is of use once, and no link. */
export function takeReturn(): Auth["SingleSignOnReturn"] | undefined {
  if (location.pathname !== PAGE) return undefined;
  const query = new URLSearchParams(location.search);
  const state = query.get("state");
  router.replace("/");
  router.path = "/";
  if (state === null) return undefined;
  return { state, code: query.get("code"), error: query.get("error"), iss: query.get("iss") };
}

/** Sign in with what came back. Raises `Problem`. */
export const finishSignIn = (body: Auth["SingleSignOnReturn"]): Promise<Auth["SignedIn"]> =>
  got(auth.POST("/single-sign-on/finish", { body }));
