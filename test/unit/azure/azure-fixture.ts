// A deployment with one backend, and bodies that the surface takes.
import { Backend } from "../../../src/azure/backend.ts";
import { Deployment } from "../../../src/azure/deployment.ts";
import { BackendId } from "../../../src/kernel/ids.ts";

export const backendId = (index: number): BackendId =>
  BackendId.parse(`backend_${index.toString(16).padStart(32, "0")}`);

export const backendOf = (changes: Record<string, unknown> = {}): Backend =>
  Backend.parse({
    id: backendId(1),
    endpoint: "https://sweden.openai.azure.com",
    azureDeployment: "gpt-4-eu",
    region: "swedencentral",
    sku: "Standard",
    credential: { kind: "api_key", secret: "AZURE_OPENAI_API_KEY" },
    ...changes,
  });

export const deploymentOf = (changes: Record<string, unknown> = {}): Deployment =>
  Deployment.parse({
    name: "gpt-4",
    model: "gpt-4",
    maxOutputTokens: 4_096,
    backends: [backendOf()],
    ...changes,
  });

export const chatBody = { model: "gpt-4", messages: [{ role: "user", content: "Hello" }] };
export const responsesBody = { model: "gpt-4", input: "Hello" };

export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
