/** What the check of a deployment's backends answers. */
import { DeploymentName } from "../azure/deployment.ts";
import { DeploymentCheck } from "../kernel/backend-check.ts";
import { described, NoBody, NoQuery } from "./operation-description.ts";

export const deploymentCheckDescriptions = {
  check: described({
    method: "POST",
    path: "/deployments/:name/check",
    operationId: "checkDeployment",
    summary:
      "Call each backend of a deployment once, with one word: credential, model, time, and where it processes.",
    scope: "deployments:write",
    platformOnly: true,
    params: { name: DeploymentName },
    query: NoQuery,
    body: NoBody,
    answer: { status: 200, schema: DeploymentCheck.meta({ id: "DeploymentCheck" }) },
  }),
};
