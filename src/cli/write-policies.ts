/**
 * Makes the planned writes, each to the version that was judged. A test that a policy carries may fail between two
 * writes and hold after both: such a write is made later, and at last without its tests, which then follow by themselves.
 */
import { PLATFORM, type Scope } from "../kernel/ids.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { PolicyDocument } from "../policy/policy.ts";
import type { CommandIo } from "./command.ts";
import { askGateway, type GatewayAnswer, type GatewayRequest } from "./gateway-answer.ts";
import type { GatewaySettings } from "./gateway-settings.ts";
import { type LivePolicy, liveOf, reasonOf, refusalCodeOf } from "./live-policies.ts";
import { isSame, nameOf, type PlannedWrite } from "./push-plan.ts";

export interface Written {
  readonly done: readonly PlannedWrite[];
  /** Why not all was written; null = all was. */
  readonly fault: string | null;
}

export async function writePolicies(
  settings: GatewaySettings,
  scope: Scope,
  planned: readonly PlannedWrite[],
  io: Pick<CommandIo, "fetch">,
): Promise<Written> {
  const done: PlannedWrite[] = [];
  let waiting = [...planned];
  let withTests = true;
  while (waiting.length > 0) {
    const refused: PlannedWrite[] = [];
    let progress = false;
    let reason = "";
    for (const write of waiting) {
      const tried = withTests ? write : withoutTests(write);
      const answer = await writeOne(settings, scope, tried, io);
      if (!answer.ok) return { done, fault: answer.error };
      if (answer.value.live !== undefined || answer.value.isDone) {
        progress = true;
        done.push(write);
        const { live } = answer.value;
        if (tried !== write && write.kind !== "delete" && live)
          refused.push({ kind: "update", live, input: write.input });
      } else {
        reason = answer.value.reason;
        refused.push(write);
      }
    }
    if (!progress && !withTests) return { done, fault: reason };
    // Once they are written, their tests are tried again.
    withTests = progress;
    waiting = refused;
  }
  return { done: [...new Map(done.map((write) => [nameOf(write), write])).values()], fault: null };
}

const withoutTests = (write: PlannedWrite): PlannedWrite => {
  if (write.kind === "delete" || write.input.tests === undefined) return write;
  const { tests: _tests, ...input } = write.input;
  return { ...write, input };
};

interface Attempt {
  readonly isDone: boolean;
  readonly live?: LivePolicy;
  readonly reason: string;
}

/** Fails where going on would be wrong; a test that breaks is no such failure. */
async function writeOne(
  settings: GatewaySettings,
  scope: Scope,
  write: PlannedWrite,
  io: Pick<CommandIo, "fetch">,
): Promise<Result<Attempt, string>> {
  const request = await requestOf(settings, scope, write, io);
  if (!request.ok) return request;
  const answer = await askGateway(settings, request.value, io);
  if (answer?.status === 204) return ok({ isDone: true, reason: "" });
  if (answer?.status === 200 || answer?.status === 201) {
    const live = documentOf(answer);
    return live === null
      ? fail(reasonOf(settings, answer))
      : ok({ isDone: true, live: liveOf(live), reason: "" });
  }
  const reason = reasonOf(settings, answer);
  return refusalCodeOf(answer) === "policy_tests_failed" ? ok({ isDone: false, reason }) : fail(reason);
}

async function requestOf(
  settings: GatewaySettings,
  scope: Scope,
  write: PlannedWrite,
  io: Pick<CommandIo, "fetch">,
): Promise<Result<GatewayRequest, string>> {
  if (write.kind === "create") {
    const tenant = scope === PLATFORM ? {} : { tenantId: scope };
    return ok({ method: "POST", path: "/v1/policies", body: { ...write.input, ...tenant } });
  }
  const path = `/v1/policies/${write.live.id}`;
  const seen = await askGateway(settings, { path }, io);
  const document = seen?.status === 200 ? documentOf(seen) : null;
  if (document === null || seen?.etag === null || seen?.etag === undefined)
    return fail(reasonOf(settings, seen));
  if (!isSame(liveOf(document).input, write.live.input))
    return fail(`${JSON.stringify(nameOf(write))} was changed meanwhile: push again to see what that means.`);
  const ifMatch = seen.etag;
  return ok(
    write.kind === "delete"
      ? { method: "DELETE", path, ifMatch }
      : { method: "PUT", path, ifMatch, body: write.input },
  );
}

/** A write's answer has its revision as well. */
function documentOf({ body }: GatewayAnswer): PolicyDocument | null {
  if (typeof body !== "object" || body === null) return null;
  const { revision: _revision, ...document } = body as Record<string, unknown>; // Parsed below.
  return PolicyDocument.safeParse(document).data ?? null;
}
