import { auth, got, type Auth } from "./client.ts";

/** What went wrong at the device: nobody was there, another key, too late. Browsers do not say which. */
export class NoPasskey extends Error {}

/** Whether this browser has passkeys on this page; they need TLS, or this very machine. */
export const canUsePasskeys = (): boolean => isSecureContext && typeof PublicKeyCredential === "function";

/** Make a passkey and add it. `password`: where one has to show it again. Raises `Problem`, `NoPasskey`. */
export async function addPasskey(name: string, password: string | undefined): Promise<Auth["AddedPasskey"]> {
  const options = await got(auth.POST("/factors/passkeys/options", { body: { currentPassword: password ?? null } }));
  const publicKey: PublicKeyCredentialCreationOptions = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: options.excludeCredentials.map(known),
  };
  const made = await asked(() => navigator.credentials.create({ publicKey }));
  const response = made.response as AuthenticatorAttestationResponse;
  const credential: Auth["MadePasskey"] = {
    id: made.id,
    type: "public-key",
    response: {
      clientDataJSON: text(response.clientDataJSON),
      attestationObject: text(response.attestationObject),
      transports: response.getTransports(),
    },
  };
  return got(auth.POST("/factors/passkeys", { body: { name, credential } }));
}

/** Go on signing in with a passkey. Raises `Problem`, `NoPasskey`. */
export async function showPasskey(): Promise<Auth["SignedIn"]> {
  const options = await got(auth.POST("/session/passkey/options"));
  const { allowCredentials, challenge, ...others } = options;
  const publicKey: PublicKeyCredentialRequestOptions = {
    ...others,
    challenge: bytes(challenge),
    allowCredentials: allowCredentials.map(known),
  };
  const shown = await asked(() => navigator.credentials.get({ publicKey }));
  const response = shown.response as AuthenticatorAssertionResponse;
  const credential: Auth["ShownPasskey"] = {
    id: shown.id,
    type: "public-key",
    response: {
      clientDataJSON: text(response.clientDataJSON),
      authenticatorData: text(response.authenticatorData),
      signature: text(response.signature),
      userHandle: response.userHandle === null ? null : text(response.userHandle),
    },
  };
  return got(auth.POST("/session/passkey", { body: { credential } }));
}

async function asked(asking: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const given = await asking();
    if (given instanceof PublicKeyCredential) return given;
  } catch (thrown) {
    if (!(thrown instanceof DOMException)) throw thrown;
  }
  throw new NoPasskey();
}

const known = (each: Auth["KnownPasskey"]): PublicKeyCredentialDescriptor => ({
  type: each.type,
  id: bytes(each.id),
  transports: each.transports as AuthenticatorTransport[],
});

// base64url; browsers read it by themselves only since lately
function bytes(given: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(given.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
}

function text(given: ArrayBuffer): string {
  const plain = btoa(Array.from(new Uint8Array(given), (each) => String.fromCharCode(each)).join(""));
  return plain.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
