/** What a change of policies costs: the write until it has answered, and loading the snapshot anew after it. */
import * as z from "zod";
import { TenantId } from "../../src/kernel/ids.ts";
import type { ControlPlane } from "../local/control-plane.ts";
import { IssuedToken } from "../local/demo-data.ts";
import { type Row, row } from "./figures.ts";
import type { Plan } from "./plan.ts";
import { type SnapshotLoad, SnapshotTimes } from "./policy-contract.ts";
import type { Target } from "./targets.ts";
import { pathOf, requestBodyOf } from "./traffic.ts";

const tenantId = TenantId.parse("bench-policies");
const grant = {
  name: "Bench policy",
  tenantId,
  effect: "allow",
  actions: ["chat"],
  resources: ["api://azure-openai/models/*"],
  constraints: { maxRequestsPerDay: 1_000_000, dataClassification: "internal" },
};

export interface ChangedGateway {
  readonly target: Target;
  connect(): Promise<ControlPlane>;
}

export async function policyChangeRows(
  { target, connect }: ChangedGateway,
  { policies, snapshotLoads, busyWrites }: Plan,
): Promise<readonly Row[]> {
  const controlPlane = await connect();
  const send = (path: string, body: object) => controlPlane.send("POST", path, body, z.unknown());
  const timedWrite = async (): Promise<number> => {
    const startMs = performance.now();
    await send("/v1/policies", grant);
    return performance.now() - startMs;
  };
  await send("/v1/tenants", { id: tenantId, name: "Bench of policies" });
  // Nobody has called for this tenant yet: no ledger holds a lease that a write would have to outlast.
  const idle: number[] = [];
  for (let index = 0; index < policies; index++) idle.push(await timedWrite());

  const origin = `http://127.0.0.1:${target.port}`;
  const question: SnapshotLoad = { tenantId, rounds: snapshotLoads };
  const loaded = await fetch(`${origin}/bench/snapshots`, {
    method: "POST",
    body: JSON.stringify(question),
  });
  const { fromKv, fromD1 } = SnapshotTimes.parse(await loaded.json());

  const token = await addAgent(controlPlane);
  const busy: number[] = [];
  for (let index = 0; index < busyWrites; index++) {
    const call = {
      method: "POST",
      headers: { ...target.headers, "content-type": "application/json", "api-key": token },
    };
    const answer = await fetch(`${origin}${pathOf("chat")}`, { ...call, body: requestBodyOf("chat") });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`The call before a write was answered with ${answer.status}.`);
    busy.push(await timedWrite());
  }
  const ofSnapshot = `snapshot of ${policies} policies, isolate without memory`;
  return [
    row("snapshot_kv", `${ofSnapshot}: from KV`, "ms", fromKv),
    row("snapshot_d1", `${ofSnapshot}: from D1`, "ms", fromD1),
    row("write_idle", "policy write until it has answered, no lease is out", "ms", idle),
    row(
      "write_busy",
      "policy write until it has answered, an agent of the tenant has just called",
      "ms",
      busy,
    ),
  ];
}

async function addAgent(controlPlane: ControlPlane): Promise<string> {
  const newAgent = { name: "Bench agent", tenantId };
  const { id } = await controlPlane.send("POST", "/v1/agents", newAgent, z.looseObject({ id: z.string() }));
  return (await controlPlane.send("POST", "/v1/tokens", { agentId: id }, IssuedToken)).token;
}
