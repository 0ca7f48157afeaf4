/** What ARM says of the resource: where it is, and what is deployed with which sku (reference sections 1.2 and 6). */
import type { SimulatedDeployment } from "./simulated-deployment.ts";

export interface ArmAccount {
  /** By its name, such as `swedencentral`; headers of the data plane show the display name. */
  readonly location: string;
  readonly endpoint: () => string;
  readonly deployments: readonly SimulatedDeployment[];
}

export const armAccountBody = (id: string, { location, endpoint }: ArmAccount): object => ({
  id,
  name: id.split("/").at(-1),
  type: "Microsoft.CognitiveServices/accounts",
  location,
  kind: "OpenAI",
  sku: { name: "S0" },
  properties: {
    endpoint: `${endpoint()}/`,
    provisioningState: "Succeeded",
    customSubDomainName: id.split("/").at(-1),
  },
});

export const armDeploymentsBody = (id: string, { deployments }: ArmAccount): object => ({
  value: deployments.map(({ name, model, modelVersion, sku = "Standard" }) => ({
    id: `${id}/deployments/${name}`,
    name,
    type: "Microsoft.CognitiveServices/accounts/deployments",
    sku: { name: sku, capacity: 10 },
    properties: {
      model: { format: "OpenAI", name: model, version: versionOf(model, modelVersion) },
      provisioningState: "Succeeded",
    },
  })),
});

/** The version of `gpt-4o-mini-2024-07-18` is `2024-07-18`. */
const versionOf = (model: string, modelVersion: string): string =>
  modelVersion.startsWith(`${model}-`) ? modelVersion.slice(model.length + 1) : "1";
