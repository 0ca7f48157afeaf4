/** `/v1/decisions/{id}`: why was it decided so? For administrators: a caller is told code, sentence and decision id. */
import { explainRecord } from "../audit/explained-decision.ts";
import { DEFAULT_TENANT, DecisionId } from "../kernel/ids.ts";
import { fail, ok } from "../kernel/result.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { decisionDescriptions } from "./decision-descriptions.ts";
import { type Operation, operation } from "./operation.ts";
import { notFound, scopeOf } from "./tenant-access.ts";
import { addressOf } from "./tenant-address.ts";
import { worldOfRecord } from "./world-of-record.ts";

export const decisionOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(decisionDescriptions.explain, async ({ query, param, apiKey }) => {
    const id = DecisionId.safeParse(param("decisionId"));
    if (!id.success) return fail(notFound("decision"));
    const scope = scopeOf(apiKey, query.tenant, DEFAULT_TENANT, "tenant");
    if (!scope.ok) return scope;
    const address = await addressOf(deps.tenants, scope.value, "tenant");
    if (!address.ok) return address;
    const found = await deps.decisions.find(address.value.home, scope.value, id.data);
    if (!found.ok) return found;
    if (found.value === null) return fail(notFound("decision"));
    const { decision: record, completion, abandoned } = found.value;
    const world = await worldOfRecord(deps, record);
    const explanation = explainRecord(record, world);
    return ok({ status: 200, body: { record, completion, abandoned, explanation } });
  }),
];
