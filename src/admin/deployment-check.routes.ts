/** `/v1/deployments/{name}/check`: calls to Azure are made, and cost a little, so each check is recorded before it begins. */

import { asked } from "../kernel/asked.ts";
import { PLATFORM } from "../kernel/ids.ts";
import { ok } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { PLATFORM_HOME } from "../residency/home.ts";
import { checkDeployment } from "./check-deployment.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { deploymentCheckDescriptions } from "./deployment-check-descriptions.ts";
import { findDeployment } from "./deployments.routes.ts";
import { type Operation, operation } from "./operation.ts";

export const deploymentCheckOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(deploymentCheckDescriptions.check, async ({ param, query, apiKey, requestId }) => {
    const deployment = await findDeployment(deps, param("name"));
    if (!deployment.ok) return deployment;
    const { name } = deployment.value;
    const nowMs = deps.clock();
    const recorded = await deps.changes.append({
      caller: { apiKey, requestId },
      scope: PLATFORM,
      home: PLATFORM_HOME,
      operation: "deployment.check",
      objectId: name,
      revision: null,
      nowMs,
    });
    if (!recorded.ok) return recorded;
    deps.background(asked(() => deps.deliverOutbox(PLATFORM, PLATFORM_HOME)));
    const backends = await checkDeployment(deps, deployment.value, query.images === "true");
    return ok({ status: 200, body: { deployment: name, checkedAt: timestampOf(nowMs), backends } });
  }),
];
