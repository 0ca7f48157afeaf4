/** A simulated world: one platform, its tenants and their agents, on skewed clocks and a bad network, and its truth. */
import { AgentId, PLATFORM, TenantId } from "../../../../src/kernel/ids.ts";
import { AgentReservation } from "../../../../src/quota/agent-reservation.ts";
import type { AgentState, ConfirmReply, LeaseReply, ReserveReply } from "../../../../src/quota/contracts.ts";
import { counterName, type LimitClaim } from "../../../../src/quota/limit-claim.ts";
import { bucketEndMs } from "../../../../src/quota/windows.ts";
import { AgentObject, type AgentSteps, type SimulatedHop } from "./agent-object.ts";
import { BudgetHistory } from "./budget-history.ts";
import { mintReservationId } from "./caller.ts";
import { Chance } from "./chance.ts";
import { type Content, Database, type DatabaseWay } from "./database.ts";
import { Network } from "./network.ts";
import { Node, type Sender } from "./node.ts";
import { type Scenario, START_MS } from "./scenario.ts";
import { Scheduler } from "./scheduler.ts";
import { SkewedClock } from "./skewed-clock.ts";
import { TenantObject } from "./tenant-object.ts";
import { Truth } from "./truth.ts";

/** Planted in the waiting; those in pure files are planted by planted-bugs.ts. */
export interface Distortions {
  readonly leaseFromReply?: boolean;
  readonly leaseAddedMs?: number;
  readonly voidRowsIgnored?: boolean;
  readonly grantsUnstored?: boolean;
}

export interface SimulatedTenant {
  readonly node: Node<TenantObject>;
  readonly database: Database;
  readonly scope: string;
  readonly answered: { writes: number };
  readonly history: BudgetHistory;
}

export interface SimulatedAgent {
  readonly node: Node<AgentObject>;
  readonly tenant: SimulatedTenant;
  readonly address: Pick<AgentState, "home" | "tenantId" | "agentId">;
}

const HOP_MAX_MS = 4_000;
const DRIFT = 1e-4;
const CLOCK_TOLERANCE_MS = 10;
export const RELAY_MAX_MS = 8_000;
/** relayMaxMs and the grace of RESERVATION_GRACE_MS. */
const RELAY_LIFE_MS = RELAY_MAX_MS + 30_000;
const ENFORCE_LIFE_MS = 600_000;

export class World {
  readonly chance: Chance;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly truth: Truth;
  readonly platform: SimulatedTenant;
  readonly tenants: SimulatedTenant[] = [];
  readonly agents: SimulatedAgent[] = [];
  readonly #scenario: Scenario;
  readonly #distortions: Distortions;
  readonly #decided = new Map<string, { readonly tenant: Content; readonly platform: Content }>();

  constructor(scenario: Scenario, distortions: Distortions) {
    this.#scenario = scenario;
    this.#distortions = distortions;
    this.chance = new Chance(scenario.seed);
    this.scheduler = new Scheduler(START_MS[scenario.start], () => {
      for (const { node } of [this.platform, ...this.tenants]) node.flush();
      for (const { node } of this.agents) node.flush();
    });
    this.network = new Network(this.scheduler, this.chance, scenario);
    this.truth = new Truth(() => this.scheduler.nowMs);
    this.platform = this.#tenant(PLATFORM, null);
    const tenants = scenario.agents >= 3 ? 2 : 1;
    for (let index = 0; index < tenants; index += 1)
      this.tenants.push(this.#tenant(`tenant-${index}`, this.platform));
    for (let index = 0; index < scenario.agents; index += 1) {
      const tenant = this.tenants[index % tenants];
      if (tenant) this.agents.push(this.#agent(index, tenant));
    }
  }

  decides = (tokenId: string, tenant: Content, platform: Content): void => {
    this.#decided.set(tokenId, { tenant, platform });
  };

  #clock(): SkewedClock {
    const apart = this.#scenario.clocksApartMs;
    const drift = (this.chance.next() * 2 - 1) * DRIFT;
    return new SkewedClock(() => this.scheduler.nowMs, this.chance.between(-apart, apart), drift);
  }

  #tenant(scope: string, above: SimulatedTenant | null): SimulatedTenant {
    const database = new Database(this.#distortions.voidRowsIgnored !== true);
    const history = new BudgetHistory(() => this.scheduler.nowMs);
    const node: Node<TenantObject> = new Node<TenantObject>(
      this.scheduler,
      this.chance,
      this.#clock(),
      () => {
        const sender = node.sender();
        return new TenantObject(node, {
          scope,
          leaseMs: this.#scenario.leaseMs,
          askPlatform: () =>
            this.network.call(sender, (above ?? this.platform).node, (o) => o.lease(null), HOP_MAX_MS),
          database: this.#way(sender, database),
          distortLease: this.#distortLease,
          grantsUnstored: this.#distortions.grantsUnstored === true,
          exchanged: history.exchanged,
        });
      },
      () => undefined,
    );
    return { node, database, scope, answered: { writes: 0 }, history };
  }

  #way(sender: Sender, database: Database): DatabaseWay {
    return {
      highest: () => this.network.pass(sender, () => database.highest(), HOP_MAX_MS),
      insertVoid: (revision) => this.network.pass(sender, () => database.insertVoid(revision), HOP_MAX_MS),
    };
  }

  #agent(index: number, tenant: SimulatedTenant): SimulatedAgent {
    const agentId = AgentId.parse(`agent_${index.toString(16).padStart(32, "0")}`);
    const address = { home: "global" as const, tenantId: TenantId.parse(tenant.scope), agentId };
    /** What a crash would undo: the steps whose commit is on its way. */
    const uncommitted = new Set<() => void>();
    const node: Node<AgentObject> = new Node<AgentObject>(
      this.scheduler,
      this.chance,
      this.#clock(),
      () =>
        new AgentObject(node, {
          hop: this.#hop(node.sender(), tenant),
          steps: this.#steps(node, agentId, tenant, uncommitted),
          relayMaxMs: RELAY_MAX_MS,
          holder: agentId,
          mintId: mintReservationId,
          distortLease: this.#distortLease,
        }),
      () => {
        for (const undo of [...uncommitted].reverse()) undo();
        uncommitted.clear();
        this.truth.crashed(agentId, (id) => node.disk.get("open", id) !== undefined);
      },
    );
    return { node, tenant, address };
  }

  #hop(sender: Sender, { node }: SimulatedTenant): SimulatedHop {
    const call = <T>(method: (ledger: TenantObject) => Promise<T>): Promise<T> =>
      this.network.call(sender, node, method, HOP_MAX_MS);
    return {
      lease: (slices) => call((ledger) => ledger.lease(slices)),
      reserve: (request) =>
        call((ledger) =>
          ledger.reserve({ v: 1, scope: TenantId.parse("tenant-0"), home: "global", ...request }),
        ),
      settle: (reservationId) => call((ledger) => ledger.settle(reservationId)),
    };
  }

  #steps(
    node: Node<AgentObject>,
    agent: string,
    tenant: SimulatedTenant,
    uncommitted: Set<() => void>,
  ): AgentSteps {
    const { truth } = this;
    const keep = (undo: (() => void) | null) => {
      if (undo === null) return;
      uncommitted.add(undo);
      node.sender().send(() => uncommitted.delete(undo));
    };
    const owners = { agentId: agent, tenantId: tenant.scope };
    const number = (n: number) => node.sender().send(() => truth.numbered(`${agent}/${n}`));
    return {
      reserved: (request, reply) => {
        this.#checkRevisions(request.caller.tokenId, reply, tenant);
        if (reply.outcome === "refused") number(reply.number.n);
        if (reply.outcome !== "reserved") return;
        const claims = request.candidates[reply.candidate]?.claims ?? [];
        if (reply.replayed) return number(reply.number.n);
        const lifeMs = request.purpose === "relay" ? RELAY_LIFE_MS : ENFORCE_LIFE_MS;
        const readAt = ({ scope }: LimitClaim) => (scope === "tenant" ? tenant.node : node).clock.read();
        const undo = truth.admitted(owners, request, reply.number.n, claims, readAt, lifeMs);
        keep(undo);
        if (undo === null) return;
        number(reply.number.n);
        this.#checkBuckets(node, tenant, reply.reservationId);
      },
      confirmed: (request, reply) => {
        this.#checkRevisions(request.caller.tokenId, reply, tenant);
        if (reply.outcome !== "stale") number(reply.number.n);
      },
      settled: (request, reply) => {
        keep(truth.settled(agent, request, reply));
        if (reply.outcome !== "repeated") number(reply.number.n);
      },
      expired: ({ reservationId }) => keep(truth.expired(agent, reservationId)),
      recorded: (record) => {
        number(record.n);
        node.sender().send(() => truth.recorded(agent, record));
      },
      full: (candidate, refusal) => {
        truth.count(refusal.code);
        const { scope, window, owner, meter } = refusal.evidence ?? {};
        if (scope !== "tenant" || window === "open") return;
        const claim = candidate.claims.find(
          (one) => one.owner === owner && one.scope === scope && one.meter === meter && one.window === window,
        );
        if (claim === undefined) return;
        const free = tenant.history.leastFree(counterName(claim), claim.limit, this.#scenario.leaseMs + 100);
        if (free >= claim.amount)
          truth.wrong(`refused ${claim.amount} of ${counterName(claim)} while ${free} was free`);
      },
    };
  }

  /** No slice outlives the bucket in which the tenant counts it. */
  #checkBuckets(node: Node<AgentObject>, tenant: SimulatedTenant, reservationId: string): void {
    const open = node.disk.get("open", reservationId);
    if (open === undefined) return;
    for (const { counter, window, bucket } of AgentReservation.parse(open).charges) {
      if (counter.split("/")[1] !== "tenant") continue;
      const endMs = window === "minute" ? (bucket + 1) * 1_000 : (bucketEndMs(window, bucket) ?? 0);
      const lateMs = tenant.node.clock.read() - endMs;
      if (lateMs > CLOCK_TOLERANCE_MS) this.truth.wrong(`G1: ${counter} spent ${lateMs} ms after its bucket`);
    }
  }

  /** G3: whatever is answered was decided on what has been answered to a writer. */
  #checkRevisions(tokenId: string, reply: ReserveReply | ConfirmReply, tenant: SimulatedTenant): void {
    const decided = this.#decided.get(tokenId);
    if (reply.outcome === "stale") this.truth.count("stale");
    if (decided === undefined || reply.outcome === "stale") return;
    for (const [scope, content] of [
      [tenant, decided.tenant],
      [this.platform, decided.platform],
    ] as const) {
      const { writes } = scope.answered;
      if (content.writes < writes) {
        this.truth.wrong(`G3: ${scope.scope} decided on ${content.writes} writes, ${writes} had answered`);
      }
    }
  }

  readonly #distortLease = (reply: LeaseReply, tookMs: number): LeaseReply => {
    const { leaseFromReply, leaseAddedMs = 0 } = this.#distortions;
    const addedMs = leaseAddedMs + (leaseFromReply === true ? Math.max(0, tookMs) : 0);
    return { ...reply, durationMs: reply.durationMs + addedMs };
  };
}
