/** `/v1/policies/simulate`: what recorded decisions would be under other policies, before anybody writes them. */
import type { World } from "../audit/redecide.ts";
import { replayed } from "../audit/replay.ts";
import { createReplayTally } from "../audit/replay-tally.ts";
import { requireScope } from "../capability/api-key-auth.ts";
import { DAY_MS } from "../kernel/clock.ts";
import { DEFAULT_TENANT, type TenantId } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { type Timestamp, timestampOf } from "../kernel/timestamp.ts";
import type { Policy } from "../policy/policy.ts";
import type { Home } from "../residency/home.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { literalsByDigest } from "./literals-by-digest.ts";
import { type Operation, operation } from "./operation.ts";
import { MAX_SIMULATED_DAYS, type Simulation, simulationDescriptions } from "./simulation-descriptions.ts";
import { notFound, tenantOf } from "./tenant-access.ts";
import { addressOf } from "./tenant-address.ts";
import { proposedWorld } from "./world-of-proposal.ts";

const DEFAULT_DAYS = 7;
const PAGE = 500;

export const simulationOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(simulationDescriptions.simulate, async ({ body, apiKey }) => {
    // What it tells is told by records.
    const allowed = requireScope(apiKey, "audit:read");
    if (!allowed.ok) return allowed;
    const nowMs = deps.clock();
    const range = rangeOf(body, nowMs);
    if (!range.ok) return range;
    const tenant = tenantOf(apiKey, body.tenantId, DEFAULT_TENANT, "tenantId");
    if (!tenant.ok) return tenant;
    const tenantId = tenant.value;
    const address = await addressOf(deps.tenants, tenantId, "tenantId");
    if (!address.ok) return address;
    const { home } = address.value;
    const current = await deps.currentSnapshot(tenantId, home);
    if (!current.ok) return current;
    if (current.value === null) return fail(notFound("tenant", "tenantId"));
    const world = await proposedWorld(deps, current.value, {
      ...body,
      tenantId,
      home,
      at: timestampOf(nowMs),
    });
    if (!world.ok) return world;
    const naming = [current.value, world.value.snapshot].flatMap(({ platform, tenant }) => [
      ...platform.policies,
      ...tenant.policies,
    ]);
    const { maxRecords, cursor } = body;
    const replay = await replayAll(deps, world.value, {
      ...range.value,
      tenantId,
      home,
      naming,
      maxRecords,
      cursor,
    });
    return replay.ok ? ok({ status: 200, body: { tenantId, ...range.value, ...replay.value } }) : replay;
  }),
];

interface Range {
  readonly from: Timestamp;
  readonly to: Timestamp;
}

function rangeOf({ days = DEFAULT_DAYS, from, to }: Simulation, nowMs: number): Result<Range> {
  const toMs = to === undefined ? nowMs : Date.parse(to);
  const fromMs = from === undefined ? toMs - days * DAY_MS : Date.parse(from);
  const invalid = (message: string) => fail(refuse("body_invalid", { field: "to", message }));
  if (fromMs >= toMs) return invalid("`to` must lie after `from`.");
  if (toMs - fromMs > MAX_SIMULATED_DAYS * DAY_MS)
    return invalid(`At most ${MAX_SIMULATED_DAYS} days can be looked at.`);
  return ok({ from: timestampOf(fromMs), to: timestampOf(toMs) });
}

interface Replay extends Range, Pick<Simulation, "maxRecords" | "cursor"> {
  readonly tenantId: TenantId;
  readonly home: Home;
  /** Policies that name texts, or did not long ago. */
  readonly naming: readonly Policy[];
}

async function replayAll(
  deps: Pick<ControlPlaneDeps, "auditLog" | "hashText">,
  world: World,
  { home, maxRecords, cursor: start, naming, ...search }: Replay,
) {
  const tally = createReplayTally();
  let here = world;
  let cursor = start;
  for (let left = maxRecords; ; ) {
    const page = await deps.auditLog.decisions(home, { ...search, cursor, limit: Math.min(PAGE, left) });
    if (!page.ok) return page;
    const { items, nextCursor } = page.value;
    const hasFound = items.some(({ inputs }) => (inputs?.ask?.content.texts?.found.length ?? 0) > 0);
    if (hasFound && here.literalOf.size === 0)
      here = { ...here, literalOf: await literalsByDigest(deps, search.tenantId, naming) };
    for (const record of items) tally.add(record, replayed(record, here));
    left -= items.length;
    if (nextCursor === null || left <= 0) return ok({ ...tally.counts(), cut: nextCursor });
    cursor = nextCursor;
  }
}
