/** A write of the control plane, as src/admin/revisioned-write.store.ts does it; its Worker may die at every wait. */
import type { PrepareReply, PublishReply } from "../../../../src/quota/write-contracts.ts";
import type { Chance } from "./chance.ts";
import type { Database } from "./database.ts";
import type { Network } from "./network.ts";
import type { Node } from "./node.ts";
import type { Scheduler } from "./scheduler.ts";
import type { TenantObject } from "./tenant-object.ts";

export interface WriterDeps {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly chance: Chance;
  readonly deaths: () => number;
  readonly ledger: Node<TenantObject>;
  readonly database: Database;
  /** The write has answered: its place in the order of the scope's writes. */
  readonly answered: (place: number) => void;
}

const LEDGER_CALL_MAX_MS = 10_000;
const D1_WRITE_MAX_MS = 10_000;
const TURN_MAX_MS = 10_000;

class Died extends Error {}

export async function write(deps: WriterDeps): Promise<void> {
  try {
    await new Writer(deps).run();
  } catch {
    // Refused, unreachable or dead: the ledger's alarm resolves what was prepared.
  }
}

class Writer {
  readonly #deps: WriterDeps;
  #isAlive = true;

  constructor(deps: WriterDeps) {
    this.#deps = deps;
  }

  async run(): Promise<void> {
    const { scheduler, database, answered, chance } = this.#deps;
    const revision = await this.#takeTurn();
    if (chance.happens(0.1)) {
      await this.#ledger((ledger) => ledger.resolve(revision));
      return;
    }
    const place = await this.#commit(revision);
    database.read();
    const published = await this.#publish(revision);
    await this.#step(scheduler.wait(published.waitMs));
    answered(place);
  }

  async #takeTurn(): Promise<number> {
    let waitedMs = 0;
    for (;;) {
      const reply = await this.#ledger<PrepareReply>((ledger) => ledger.prepare());
      if (reply.outcome === "prepared") return reply.revision;
      if (waitedMs >= TURN_MAX_MS) throw new Died();
      waitedMs += reply.retryAfterMs;
      await this.#step(this.#deps.scheduler.wait(reply.retryAfterMs));
    }
  }

  async #commit(revision: number): Promise<number> {
    const { database } = this.#deps;
    let place = 0;
    const batch = () => {
      place = database.commit(revision);
    };
    try {
      await this.#step(this.#deps.network.pass(this.#sender(), batch, D1_WRITE_MAX_MS));
      return place;
    } catch {
      if (!this.#isAlive) throw new Died();
    }
    await this.#ledger((ledger) => ledger.resolve(revision)).catch(() => undefined);
    const look = () => database.isCommitted(revision);
    if (await this.#step(this.#deps.network.pass(this.#sender(), look, D1_WRITE_MAX_MS))) return place;
    throw new Died();
  }

  async #publish(revision: number): Promise<PublishReply> {
    const publish = () => this.#ledger<PublishReply>((ledger) => ledger.publish(revision));
    return publish().catch(() => publish());
  }

  #ledger<T>(method: (ledger: TenantObject) => Promise<T>): Promise<T> {
    const { network, ledger } = this.#deps;
    return this.#step(network.call(this.#sender(), ledger, method, LEDGER_CALL_MAX_MS));
  }

  async #step<T>(wait: Promise<T>): Promise<T> {
    const { chance, deaths } = this.#deps;
    const result = await wait;
    if (!this.#isAlive || chance.happens(deaths())) {
      this.#isAlive = false;
      throw new Died();
    }
    return result;
  }

  #sender() {
    return {
      isAlive: () => this.#isAlive,
      send: (message: () => void) => {
        if (this.#isAlive) message();
      },
    };
  }
}
