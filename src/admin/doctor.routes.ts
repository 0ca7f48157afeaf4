/** `/v1/doctor`: is this deployment whole, and can it keep what its tenants promise? Ill health is an answer, not a failure. */
import { requireScope } from "../capability/api-key-auth.ts";
import { ok } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { examine } from "./doctor/examine.ts";
import { doctorDescriptions } from "./doctor-descriptions.ts";
import { type Operation, operation } from "./operation.ts";

export const doctorOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(doctorDescriptions.examine, async ({ apiKey }) => {
    // Findings name tenants as well as deployments: they tell a key nothing that its scopes do not.
    const allowed = requireScope(apiKey, "tenants:read");
    if (!allowed.ok) return allowed;
    return ok({ status: 200, body: examine(await deps.doctorFacts(), timestampOf(deps.clock())) });
  }),
];
