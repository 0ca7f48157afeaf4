/**
 * Bounds what bad credentials of one client address can cost. Verifying a token needs no I/O (some 55 µs), so it always
 * comes first and the shield touches refusals alone: a good caller behind the same address never waits for it. A key
 * of the control plane costs a D1 read, so there an address that this isolate knows to be over the limit is refused
 * before the look-up, good keys behind it included, for seconds at most.
 */
import type { Clock } from "../kernel/clock.ts";
import { BAD_CREDENTIALS_RETRY_SECONDS, FLOOD_MEMORY_MS, MAX_KNOWN_FLOODS } from "../kernel/limits.ts";
import { type Refusal, type RefusalCode, refusalTable, refuse } from "../kernel/refusal.ts";
import { clientNetwork } from "./client-network.ts";

/** What is used of the platform's `ratelimits` binding. */
export interface RateLimiter {
  limit(options: { readonly key: string }): Promise<{ readonly success: boolean }>;
}

export interface FloodShield {
  /** Before a look-up that costs something: the refusal for an address known to be over the limit, else null. */
  knownFlood(clientAddress: string | null): Refusal | null;
  /** Counts the refusal of a request that nobody authenticated, and says what to answer. */
  refused(clientAddress: string | null, refusal: Refusal): Promise<Refusal>;
}

interface FloodShieldPorts {
  readonly limiter: RateLimiter;
  readonly clock: Clock;
  readonly count: (code: RefusalCode) => void;
}

export function createFloodShield({ limiter, clock, count }: FloodShieldPorts): FloodShield {
  /** Network → until when it counts as over the limit; oldest first. */
  const floods = new Map<string, number>();

  function isKnown(network: string): boolean {
    const untilMs = floods.get(network);
    if (untilMs === undefined) return false;
    if (clock() < untilMs) return true;
    floods.delete(network);
    return false;
  }

  function remember(network: string): void {
    // Forgetting one early costs a look-up; an unbounded map would be the flood's success.
    const [oldest] = floods.keys();
    if (oldest !== undefined && floods.size >= MAX_KNOWN_FLOODS) floods.delete(oldest);
    floods.set(network, clock() + FLOOD_MEMORY_MS);
  }

  async function isOver(network: string): Promise<boolean> {
    if (isKnown(network)) return true;
    try {
      if ((await limiter.limit({ key: network })).success) return false;
    } catch {
      // The request is refused either way; without the limiter it is refused for its first reason.
      return false;
    }
    remember(network);
    return true;
  }

  function counted(refusal: Refusal): Refusal {
    count(refusal.code);
    return refusal;
  }

  return {
    knownFlood: (clientAddress) =>
      clientAddress !== null && isKnown(clientNetwork(clientAddress)) ? counted(tooMany()) : null,
    async refused(clientAddress, refusal) {
      const aboutCredentials = refusalTable[refusal.code].status === 401;
      // The platform names the address of whoever comes from outside; without one there is nothing to bound by.
      const floods =
        aboutCredentials && clientAddress !== null && (await isOver(clientNetwork(clientAddress)));
      return counted(floods ? tooMany() : refusal);
    },
  };
}

const tooMany = (): Refusal =>
  refuse("too_many_bad_credentials", { retryAfterSeconds: BAD_CREDENTIALS_RETRY_SECONDS });
