/** What the operations of `/v1/deployments` take and answer. */
import { Deployment, DeploymentInput, DeploymentName } from "../azure/deployment.ts";
import { listPageOf } from "../kernel/list-page.ts";
import type { RefusalCode } from "../kernel/refusal.ts";
import { Revision } from "../policy/snapshot.ts";
import { ListQuery } from "./list-query.ts";
import { described, NoBody, NoQuery } from "./operation-description.ts";

const DeploymentBody = DeploymentInput.meta({ id: "DeploymentInput" });
const DeploymentDocument = Deployment.meta({ id: "Deployment" });
const WrittenDeployment = Deployment.extend({ revision: Revision }).meta({ id: "WrittenDeployment" });
const params = { name: DeploymentName };
const ofWrites = ["write_in_progress", "ledger_unavailable"] as const satisfies readonly RefusalCode[];
const example = {
  name: "gpt-4o",
  model: "gpt-4o",
  maxOutputTokens: 4_096,
  backends: [
    {
      endpoint: "https://contoso.openai.azure.com",
      azureDeployment: "gpt-4o",
      region: "swedencentral",
      sku: "Standard",
      credential: { kind: "api_key", secret: "AZURE_OPENAI_API_KEY" },
    },
  ],
};

export const deploymentDescriptions = {
  create: described({
    method: "POST",
    path: "/deployments",
    operationId: "createDeployment",
    summary: "Register a deployment: a model name callers use, and the backends behind it.",
    scope: "deployments:write",
    platformOnly: true,
    query: NoQuery,
    body: DeploymentBody,
    example,
    answer: { status: 201, schema: WrittenDeployment, hasRevision: true, hasEtag: true },
    refusals: ["already_exists", "entra_not_configured", ...ofWrites],
  }),
  list: described({
    method: "GET",
    path: "/deployments",
    operationId: "listDeployments",
    summary: "List deployments.",
    scope: "deployments:read",
    platformOnly: true,
    query: ListQuery,
    body: NoBody,
    answer: { status: 200, schema: listPageOf(DeploymentDocument).meta({ id: "DeploymentPage" }) },
  }),
  get: described({
    method: "GET",
    path: "/deployments/:name",
    operationId: "getDeployment",
    summary: "Look up a deployment.",
    scope: "deployments:read",
    platformOnly: true,
    params,
    query: NoQuery,
    body: NoBody,
    answer: { status: 200, schema: DeploymentDocument, hasEtag: true },
  }),
  replace: described({
    method: "PUT",
    path: "/deployments/:name",
    operationId: "replaceDeployment",
    summary: "Replace a deployment. Its name is fixed; a backend keeps its id while it is the same one.",
    scope: "deployments:write",
    platformOnly: true,
    params,
    query: NoQuery,
    body: DeploymentBody,
    example,
    answer: { status: 200, schema: WrittenDeployment, hasRevision: true, hasEtag: true },
    refusals: ["meaningless", "entra_not_configured", ...ofWrites],
  }),
  delete: described({
    method: "DELETE",
    path: "/deployments/:name",
    operationId: "deleteDeployment",
    summary: "Delete a deployment.",
    scope: "deployments:write",
    platformOnly: true,
    params,
    query: NoQuery,
    body: NoBody,
    answer: { status: 204, schema: null, hasRevision: true },
    refusals: ofWrites,
  }),
};
