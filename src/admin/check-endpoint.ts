/**
 * Where the gateway may send prompts and credentials: https only, except a loopback simulator where the gateway
 * itself runs locally. Credentials in the URL would be stored and logged; a query would end up in every call.
 */
import type { DeploymentInput } from "../azure/deployment.ts";
import { endpointEncrypted } from "../azure/endpoint-encryption.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";

/** The first backend whose endpoint is not acceptable, or null. */
export function checkEndpoints({ backends }: DeploymentInput, isLocal: boolean): Refusal | null {
  for (const [index, { endpoint }] of backends.entries()) {
    const complaint = complaintAbout(new URL(endpoint), isLocal);
    if (complaint !== null) {
      return refuse("body_invalid", { field: `backends[${index}].endpoint`, message: complaint });
    }
  }
  return null;
}

function complaintAbout(url: URL, isLocal: boolean): string | null {
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    return "An endpoint carries no credentials, query or fragment.";
  }
  return endpointEncrypted(url, isLocal) ? null : "An endpoint must be https.";
}
