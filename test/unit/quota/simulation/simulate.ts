/** Runs a scenario: its phases under adversity, a long quiet time, then what must hold at the end. */
import { SECOND_MS } from "../../../../src/kernel/clock.ts";
import { call, resetIds } from "./caller.ts";
import { checkEnd, checkUsable } from "./ending.ts";
import { candidateOf, limitsOf } from "./limits.ts";
import type { Phase, Scenario } from "./scenario.ts";
import { type Distortions, RELAY_MAX_MS, type SimulatedAgent, World } from "./world.ts";
import { write } from "./writer.ts";

export interface Outcome {
  readonly steps: number;
  readonly violations: readonly string[];
  /** How often what happened: so that a test can tell that its adversities were there. */
  readonly tally: ReadonlyMap<string, number>;
}

/** Every reservation has run out by then, and every alarm has rung. */
const QUIET_MS = 1_500 * SECOND_MS;
const CALLS_PER_SECOND: Record<Phase["kind"], number> = { quiet: 1.5, busy: 90, idle: 0 };

export async function simulate(scenario: Scenario, distortions: Distortions = {}): Promise<Outcome> {
  resetIds();
  const world = new World(scenario, distortions);
  const { scheduler, truth, network } = world;
  for (const { node, address } of world.agents) {
    const state = { v: 1 as const, ...address, version: 1, status: "active" as const };
    scheduler.after(0, () =>
      node.receive(
        (object) => object.putAgentState(state),
        () => undefined,
      ),
    );
  }
  await scheduler.runUntil(scheduler.nowMs + SECOND_MS);
  for (const phase of scenario.phases) {
    if (truth.violations.length > 0) break;
    await run(world, scenario, phase);
  }
  network.adversity = { loss: 0, duplicates: 0, slow: 0 };
  if (truth.violations.length === 0) {
    await scheduler.runUntil(scheduler.nowMs + QUIET_MS);
    checkEnd(world);
    await checkUsable(world, limitsOf(scenario.room));
  }
  return { steps: scheduler.steps, violations: truth.violations, tally: truth.tally };
}

async function run(world: World, scenario: Scenario, { kind, seconds }: Phase): Promise<void> {
  const { scheduler } = world;
  const endMs = scheduler.nowMs + seconds * SECOND_MS;
  const often = (perMinute: number, what: () => void) => {
    const next = () => {
      const gapMs = perMinute === 0 ? Number.POSITIVE_INFINITY : (world.chance.next() * 120_000) / perMinute;
      if (scheduler.nowMs + gapMs >= endMs) return;
      scheduler.after(gapMs, () => {
        what();
        next();
      });
    };
    next();
  };
  const nodes = [world.platform, ...world.tenants, ...world.agents];
  const anyNode = () => nodes[world.chance.between(0, nodes.length - 1)]?.node;
  often(scenario.crashesPerMinute, () => anyNode()?.crash());
  // A step that a lease could outlive goes unnoticed; larger ones drop it.
  often(scenario.stepsBackPerMinute, () =>
    anyNode()?.stepBack(world.chance.between(scenario.leaseMs + 1_000, 30_000)),
  );
  for (const scope of [world.platform, ...world.tenants]) {
    often(scenario.writesPerMinute, () => {
      const answered = (place: number) => {
        world.truth.count("write answered");
        if (place === 0) world.truth.wrong(`G3: ${scope.scope} answered a write that was never committed`);
        scope.answered.writes = Math.max(scope.answered.writes, place);
      };
      const { chance, network } = world;
      const { node: ledger, database } = scope;
      void write({ scheduler, network, chance, deaths: () => scenario.deaths, ledger, database, answered });
    });
  }
  // One agent is busy at a time: that is what charges ahead.
  for (const [index, agent] of world.agents.entries()) {
    if (kind === "busy" && index > 0) continue;
    often(CALLS_PER_SECOND[kind] * 60, () => start(world, scenario, agent, kind === "busy"));
  }
  await scheduler.runUntil(endMs);
}

function start(
  world: World,
  scenario: Scenario,
  { node, tenant, address }: SimulatedAgent,
  plain: boolean,
): void {
  const { scheduler, network, chance, decides, platform } = world;
  const limits = limitsOf(scenario.room);
  const candidates = [
    candidateOf(limits, chance, plain),
    ...(chance.happens(0.3) ? [candidateOf(limits, chance, plain)] : []),
  ];
  const deaths = () => (network.adversity.loss === 0 && network.adversity.slow === 0 ? 0 : scenario.deaths);
  const deps = {
    scheduler,
    network,
    chance,
    deaths,
    ledger: node,
    tenant: tenant.database,
    platform: platform.database,
  };
  void call({ ...deps, agent: address, decides }, candidates, RELAY_MAX_MS);
}
