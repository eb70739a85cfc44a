// The only file that knows JsSIP; it is loaded when a phone is to be used.
import JsSIP from "jssip";
import type { RTCSession } from "jssip/lib/RTCSession";
import type { IncomingRTCSessionEvent, RTCSessionEvent } from "jssip/lib/UA";
import type { Workspace } from "../api/client.ts";

export interface Heard {
  registered: () => void;
  disconnected: () => void;
  refused: (reason: string) => void;
  invited: (line: SipCall) => void;
}

const GATHER_MS = 700;
const AGAIN_MS = 5000;

/** One SIP session. */
export class SipCall {
  onTalking: () => void = () => undefined;
  onEnded: () => void = () => undefined;
  onMedia: (good: boolean) => void = () => undefined;
  onSound: (stream: MediaStream) => void = () => undefined;
  readonly #session: RTCSession;
  readonly #ice: RTCIceServer[];
  #connection: RTCPeerConnection | undefined;

  constructor(session: RTCSession, ice: RTCIceServer[]) {
    this.#session = session;
    this.#ice = ice;
    session.on("peerconnection", ({ peerconnection }) => this.#watch(peerconnection));
    // a STUN server that does not answer would keep everybody waiting
    session.on("icecandidate", ({ ready }) => setTimeout(ready, GATHER_MS));
    session.on("confirmed", () => this.onTalking());
    session.on("ended", () => this.onEnded());
    session.on("failed", () => this.onEnded());
    if (session.connection !== undefined && session.connection !== null) this.#watch(session.connection);
  }

  get connection(): RTCPeerConnection | undefined {
    return this.#connection;
  }

  answer(microphone: MediaStream): void {
    this.#session.answer({ mediaStream: microphone, pcConfig: { iceServers: this.#ice, rtcpMuxPolicy: "require" } });
  }

  mute(on: boolean): void {
    if (on) this.#session.mute({ audio: true });
    else this.#session.unmute({ audio: true });
  }

  /** Say goodbye. */
  hangUp(): void {
    if (!this.#session.isEnded()) this.#session.terminate();
  }

  /** Leave without a word: the other side is to wait for this phone. */
  drop(): void {
    this.#connection?.close();
  }

  #watch(connection: RTCPeerConnection): void {
    if (this.#connection === connection) return;
    this.#connection = connection;
    connection.addEventListener("track", ({ streams, track }) => this.onSound(streams[0] ?? new MediaStream([track])));
    connection.addEventListener("connectionstatechange", () => {
      const state = connection.connectionState;
      if (state === "connected") this.onMedia(true);
      else if (state === "disconnected" || state === "failed") this.onMedia(false);
    });
  }
}

/** A registered phone. */
export class SipPhone {
  readonly #agent: InstanceType<typeof JsSIP.UA>;
  readonly #socket: InstanceType<typeof JsSIP.WebSocketInterface>;
  readonly #ice: RTCIceServer[];

  constructor(account: Workspace["PhoneAccount"], ice: RTCIceServer[], heard: Heard) {
    this.#ice = ice;
    this.#socket = new JsSIP.WebSocketInterface(account.address);
    this.#agent = new JsSIP.UA({
      sockets: [this.#socket],
      uri: account.uri,
      authorization_user: account.user,
      password: account.password,
      register: true,
      register_expires: 120,
      session_timers: false,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 8,
      user_agent: "Callfloor console",
    });
    this.#agent.on("registered", () => heard.registered());
    this.#agent.on("disconnected", () => heard.disconnected());
    this.#agent.on("registrationFailed", ({ cause }) => {
      heard.refused(String(cause ?? ""));
      // a server that has just started refuses whom it does not know yet
      setTimeout(() => this.#agent.isConnected() && this.#agent.register(), AGAIN_MS);
    });
    this.#agent.on("newRTCSession", (event: RTCSessionEvent) => {
      if (isIncoming(event)) heard.invited(new SipCall(event.session, ice));
    });
    this.#agent.start();
  }

  /** Call somebody, such as the echo. */
  call(uri: string, microphone: MediaStream): SipCall {
    const session = this.#agent.call(uri, {
      mediaStream: microphone,
      pcConfig: { iceServers: this.#ice, rtcpMuxPolicy: "require" },
    });
    return new SipCall(session, this.#ice);
  }

  /** Be gone without a word, so that no call ends: who has the phone next is rung. */
  drop(): void {
    this.#socket.send = () => true;
    this.#agent.removeAllListeners();
    this.#agent.stop();
    this.#socket.disconnect();
  }
}

function isIncoming(event: RTCSessionEvent): event is IncomingRTCSessionEvent {
  return (event.originator as string) === "remote";
}
