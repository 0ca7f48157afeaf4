/**
 * Where the gateway may send prompts and credentials: https only, except a loopback simulator where the gateway
 * itself runs locally. Credentials in the URL would be stored and logged; a query would end up in every call.
 */
import { endpointEncrypted } from "../azure/endpoint-encryption.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";

/** Null where it is acceptable. */
export function checkEndpoint(endpoint: string, field: string, isLocal: boolean): Refusal | null {
  const message = complaintAbout(new URL(endpoint), isLocal);
  return message === null ? null : refuse("body_invalid", { field, message });
}

function complaintAbout(url: URL, isLocal: boolean): string | null {
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    return "An endpoint carries no credentials, query or fragment.";
  }
  return endpointEncrypted(url, isLocal) ? null : "An endpoint must be https.";
}
