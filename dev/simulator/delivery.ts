/**
 * Sends an answer over a real socket, faithfully or with the faults that only a socket can show: late,
 * never, torn off, or ended too early. Every wait ends when the signal does.
 */
import type { ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import type { Reply } from "./reply.ts";

export interface Delivery {
  readonly beforeHeadersMs: number;
  readonly betweenPartsMs: number;
  readonly stop:
    | {
        readonly how: "hang" | "cut" | "end";
        /** "nothing": not even headers. */
        readonly afterParts: number | "nothing";
      }
    | undefined;
  readonly garbageAt: number | undefined;
}

/** `answered` includes an answer that ended too early but properly in HTTP. */
export type DeliveryOutcome = "answered" | "cut" | "interrupted";

const garbageEvent = 'data: {"choices":[{"index":0,"delta":{"content":\n\n';

export async function deliver(
  outgoing: ServerResponse,
  reply: Reply,
  headers: Readonly<Record<string, string>>,
  delivery: Delivery,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  try {
    return await send(outgoing, reply, headers, delivery, signal);
  } catch (error) {
    // A write that fails, or a wait that ends early, is what an interruption looks like from here.
    if (signal.aborted || outgoing.destroyed) return "interrupted";
    throw error;
  }
}

async function send(
  outgoing: ServerResponse,
  reply: Reply,
  headers: Readonly<Record<string, string>>,
  delivery: Delivery,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  const { stop } = delivery;
  if (delivery.beforeHeadersMs > 0) await pause(delivery.beforeHeadersMs, undefined, { signal });
  if (stop?.afterParts === "nothing") await untilAborted(signal);

  const parts = deliveredParts(reply, delivery);
  const sent = stop === undefined || stop.afterParts === "nothing" ? parts : parts.slice(0, stop.afterParts);
  const { length } = wholeOf(reply);
  // A silent end must be proper HTTP, so it cannot announce the length of what will not come.
  const hasLength = !reply.isStream && stop?.how !== "end";
  outgoing.writeHead(reply.status, reply.statusText, {
    ...(hasLength ? { "Content-Length": String(length) } : {}),
    "Content-Type": reply.contentType,
    ...headers,
  });
  // An answer that is one part leaves with its headers in one piece.
  if (parts.length > 1) outgoing.flushHeaders();

  for (const [index, part] of sent.entries()) {
    if (index > 0 && delivery.betweenPartsMs > 0) {
      await pause(delivery.betweenPartsMs, undefined, { signal });
    }
    signal.throwIfAborted();
    await write(outgoing, part);
  }
  if (stop?.how === "hang") await untilAborted(signal);
  if (stop?.how === "cut") {
    outgoing.destroy();
    return "cut";
  }
  outgoing.end();
  return "answered";
}

const wholeOf = ({ parts }: Reply): Buffer => Buffer.concat(parts.map((part) => Buffer.from(part)));

function deliveredParts(reply: Reply, delivery: Delivery): Reply["parts"] {
  if (reply.isStream) {
    return delivery.garbageAt === undefined
      ? reply.parts
      : reply.parts.toSpliced(delivery.garbageAt, 0, garbageEvent);
  }
  const whole = wholeOf(reply);
  if (delivery.stop === undefined && delivery.betweenPartsMs === 0) return [whole];
  const middle = Math.ceil(whole.length / 2);
  return [whole.subarray(0, middle), whole.subarray(middle)];
}

/** Waits until the bytes are with the kernel, so that a cut after k chunks really delivers k chunks. */
function write(outgoing: ServerResponse, part: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    outgoing.write(part, (error) => (error ? reject(error) : resolve()));
  });
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
