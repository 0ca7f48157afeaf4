/**
 * What really happened in a simulated world, told by the steps of its ledgers: which calls were admitted, how each
 * ended, what writes have answered. It knows nothing of counters or slices: it adds up calls, and says what is wrong.
 */
import type { AuditRecord } from "../../../../src/audit/audit-record.ts";
import type { ReserveRequest, Settle, SettleReply } from "../../../../src/quota/contracts.ts";
import { counterName, type LimitClaim } from "../../../../src/quota/limit-claim.ts";
import { bucketOf } from "../../../../src/quota/windows.ts";

export interface Part {
  readonly claim: LimitClaim;
  readonly amount: number;
  /** Of the ledger that counts. */
  readonly readAtMs: number;
  actual: number | null;
}

export interface Call {
  readonly agent: string;
  readonly reservationId: string;
  readonly n: number;
  readonly parts: ReadonlyMap<string, Part>;
  readonly admittedAtMs: number;
  readonly lifeMs: number;
  /** `lost` with a busy ledger's memory: charged in full, by what was stored ahead. */
  state: "open" | "settled" | "expired" | "lost";
}

/** Whose ledgers count. */
interface Owners {
  readonly agentId: string;
  readonly tenantId: string;
}

interface Forfeit {
  readonly agent: string;
  readonly counter: string;
  readonly bucket: number;
  readonly amount: number;
}

/** Clocks drift during a lease, and show whole milliseconds. */
const CLOCK_TOLERANCE_MS = 5;
const MINUTE_MS = 60_000;

export class Truth {
  readonly violations: string[] = [];
  readonly calls = new Map<string, Call>();
  readonly forfeits: Forfeit[] = [];
  readonly tally = new Map<string, number>();
  readonly #byCounter = new Map<string, Call[]>();
  readonly #byReservation = new Map<string, Call[]>();
  readonly #numbers = new Set<string>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
  }

  wrong(what: string): void {
    if (this.violations.length < 5) this.violations.push(`${what} [at ${this.#nowMs()}]`);
  }

  /** @returns undoes it, for a step that is lost in a crash; null where the call was known. */
  admitted(
    { agentId: agent, tenantId }: Owners,
    { reservationId }: ReserveRequest,
    n: number,
    claims: readonly LimitClaim[],
    readAt: (claim: LimitClaim) => number,
    lifeMs: number,
  ): (() => void) | null {
    const key = `${agent}/${n}`;
    if (this.calls.has(key)) return null;
    const parts = new Map<string, Part>();
    for (const claim of claims) {
      const counter = counterName(claim);
      const amount = Math.max(claim.amount, parts.get(counter)?.amount ?? 0);
      parts.set(counter, { claim, amount, readAtMs: readAt(claim), actual: null });
    }
    const call: Call = { agent, reservationId, n, parts, admittedAtMs: this.#nowMs(), lifeMs, state: "open" };
    const keyOf = (counter: string) =>
      `${parts.get(counter)?.claim.scope === "tenant" ? tenantId : agent} ${counter}`;
    for (const [counter, part] of parts) this.#checkLimit(keyOf(counter), counter, part);
    this.calls.set(key, call);
    for (const counter of parts.keys()) push(this.#byCounter, keyOf(counter), call);
    push(this.#byReservation, `${agent}/${reservationId}`, call);
    this.count("admitted");
    return () => {
      this.calls.delete(key);
      for (const counter of parts.keys()) remove(this.#byCounter, keyOf(counter), call);
      remove(this.#byReservation, `${agent}/${reservationId}`, call);
    };
  }

  settled(agent: string, { reservationId, outcome }: Settle, reply: SettleReply): (() => void) | null {
    const calls = this.#byReservation.get(`${agent}/${reservationId}`) ?? [];
    const open = calls.find(({ state }) => state === "open");
    const expired = calls.find(({ state }) => state === "expired");
    this.count(`settle ${reply.outcome}`);
    const call = reply.outcome === "settled" ? open : expired;
    if (reply.outcome === "unknown" || reply.outcome === "repeated") {
      if (open) this.wrong(`G2: ${reply.outcome} settlement of an open reservation`);
      return null;
    }
    if (!call) {
      this.wrong(`G2: ${reply.outcome} a reservation that was not there to be ended`);
      return null;
    }
    return end(call, "settled", (part) => spent(part, outcome));
  }

  expired(agent: string, reservationId: string): (() => void) | null {
    const open = this.#byReservation.get(`${agent}/${reservationId}`)?.find(({ state }) => state === "open");
    if (!open) {
      this.wrong("G2: expired a reservation that had ended");
      return null;
    }
    this.count("expired");
    return end(open, "expired", ({ claim, amount }) => (claim.window === "open" ? 0 : amount));
  }

  /** After a crash and the undoing of what it lost. */
  crashed(agent: string, isStored: (reservationId: string) => boolean): void {
    this.count("crash");
    for (const call of this.calls.values()) {
      if (call.agent !== agent || call.state !== "open" || isStored(call.reservationId)) continue;
      call.state = "lost";
      this.count("lost");
      for (const [, part] of call.parts) part.actual = part.claim.window === "open" ? 0 : part.amount;
    }
  }

  numbered(what: string): void {
    if (this.#numbers.has(what)) this.wrong(`number given twice: ${what}`);
    this.#numbers.add(what);
  }

  recorded(agent: string, record: AuditRecord): void {
    if (record.kind !== "epoch_forfeited") return;
    this.count("forfeited");
    for (const forfeit of record.counters) this.forfeits.push({ agent, ...forfeit });
  }

  /** What an agent's calls really used of a counter; in one bucket, where its own clock names that. */
  used(
    owner: string,
    counter: string,
    agent: string,
    bucket: number | null,
  ): { readonly known: number; readonly lost: number } {
    let known = 0;
    let lost = 0;
    for (const call of this.#byCounter.get(`${owner} ${counter}`) ?? []) {
      const part = call.parts.get(counter);
      if (part === undefined || call.agent !== agent) continue;
      if (bucket !== null && bucketOf(part.claim.window, part.readAtMs) !== bucket) continue;
      if (call.state === "lost") lost += part.actual ?? 0;
      else known += part.actual ?? part.amount;
    }
    return { known, lost };
  }

  /** G1: debt is more than was reserved, and the only thing that may exceed a limit. */
  #checkLimit(key: string, counter: string, part: Part): void {
    const { claim, amount, readAtMs } = part;
    const { window, limit, scope } = claim;
    let sum = amount;
    for (const call of this.#byCounter.get(key) ?? []) {
      const other = call.parts.get(counter);
      if (other === undefined) continue;
      if (window === "open") {
        // The tenant's part runs out on its own, a little before the agent's.
        const isOver = scope === "tenant" && this.#nowMs() - call.admittedAtMs > call.lifeMs - 15_000;
        if (call.state === "open" && !isOver) sum += other.amount;
      } else if (isInWindow(other, part, readAtMs)) {
        sum += Math.min(other.actual ?? other.amount, other.amount);
      }
    }
    if (sum > limit) this.wrong(`G1: ${counter} admitted ${sum} of ${limit}`);
  }
}

/** A reading ahead counts as well: that clock stepped back. */
function isInWindow(other: Part, { claim: { window, scope } }: Part, nowMs: number): boolean {
  const tolerance = scope === "tenant" ? CLOCK_TOLERANCE_MS : 0;
  if (window === "minute") return other.readAtMs > nowMs - MINUTE_MS + tolerance;
  return bucketOf(window, other.readAtMs - tolerance) >= bucketOf(window, nowMs - tolerance);
}

function spent({ claim: { meter, window }, amount }: Part, outcome: Settle["outcome"]): number {
  if (window === "open" || outcome.kind === "released") return 0;
  if (meter === "requests" || (outcome.kind === "as_reserved" && meter === "tokens")) return amount;
  return meter === "tokens" && outcome.kind === "used"
    ? outcome.usage.totalTokens
    : (outcome.costNanoUsd ?? amount);
}

function end(call: Call, state: Call["state"], actualOf: (part: Part) => number): () => void {
  const before = { state: call.state, actuals: [...call.parts.values()].map(({ actual }) => actual) };
  call.state = state;
  for (const part of call.parts.values()) part.actual = actualOf(part);
  return () => {
    call.state = before.state;
    for (const [index, part] of [...call.parts.values()].entries())
      part.actual = before.actuals[index] ?? null;
  };
}

function push<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

function remove<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key) ?? [];
  const index = list.indexOf(value);
  if (index >= 0) list.splice(index, 1);
}
