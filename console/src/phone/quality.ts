// What a browser measures of a call's sound, made into what people are told: pure.
import type { Workspace } from "../api/client.ts";

export type Sample = Workspace["SoundSample"] & { at: number };
export type Quality = "good" | "fair" | "poor";

/** Counts of RTP since the call began. */
export interface Counts {
  received: number;
  lost: number;
  jitterMs: number | undefined;
  roundTripMs: number | undefined;
}

/** Share of packets that did not come between two counts, in percent. */
export function lossPercent(before: Counts, now: Counts): number {
  const lost = Math.max(0, now.lost - before.lost);
  const all = lost + Math.max(0, now.received - before.received);
  return all === 0 ? 100 : (lost / all) * 100;
}

/** ITU-T G.1028 gives 1 % and 3 % of loss, and telephones bear 30 and 60 ms of jitter. */
export function qualityOf(sample: { lossPercent?: number | null; jitterMs?: number | null }): Quality {
  const loss = sample.lossPercent ?? 0, jitter = sample.jitterMs ?? 0;
  return loss > 3 || jitter > 60 ? "poor" : loss > 1 || jitter > 30 ? "fair" : "good";
}

/** What a connection says of itself, as far as it is of interest. */
export function countsOf(report: RTCStatsReport): Counts {
  const counts: Counts = { received: 0, lost: 0, jitterMs: undefined, roundTripMs: undefined };
  for (const each of report.values() as Iterable<Record<string, unknown>>) {
    if (each.type === "inbound-rtp" && each.kind === "audio") {
      counts.received = number(each.packetsReceived);
      counts.lost = number(each.packetsLost);
      counts.jitterMs = number(each.jitter) * 1000;
    } else if (each.type === "candidate-pair" && each.nominated === true && each.state === "succeeded") {
      counts.roundTripMs = number(each.currentRoundTripTime) * 1000;
    }
  }
  return counts;
}

/** The way that sound goes, and how it is encoded. */
export function routeOf(report: RTCStatsReport): { route: string; codec: string } {
  const all = [...(report.values() as Iterable<Record<string, unknown>>)];
  const of = (id: unknown) => all.find((each) => each.id === id);
  const pair = all.find((each) => each.type === "candidate-pair" && each.nominated === true);
  const side = (id: unknown): string => {
    const candidate = of(id);
    return candidate === undefined ? "?" : `${String(candidate.candidateType)}/${String(candidate.protocol)}`;
  };
  const codec = of(all.find((each) => each.type === "inbound-rtp")?.codecId);
  return {
    route: pair === undefined ? "" : `${side(pair.localCandidateId)} → ${side(pair.remoteCandidateId)}`,
    codec: codec === undefined ? "" : String(codec.mimeType),
  };
}

function number(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
