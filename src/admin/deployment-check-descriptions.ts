/** What the check of a deployment's backends answers. */
import * as z from "zod";
import { DeploymentName } from "../azure/deployment.ts";
import { DeploymentCheck } from "../kernel/backend-check.ts";
import { described, NoBody } from "./operation-description.ts";

/** A picture costs cents, where any other call here costs next to nothing. */
const CheckQuery = z.strictObject({ images: z.enum(["true", "false"]).default("false") });

export const deploymentCheckDescriptions = {
  check: described({
    method: "POST",
    path: "/deployments/:name/check",
    operationId: "checkDeployment",
    summary:
      "Call each backend of a deployment with the smallest call of each kind it serves: credential, model, time, and where it processes. Pictures are made only with images=true.",
    scope: "deployments:write",
    platformOnly: true,
    params: { name: DeploymentName },
    query: CheckQuery,
    body: NoBody,
    answer: { status: 200, schema: DeploymentCheck.meta({ id: "DeploymentCheck" }) },
  }),
};
