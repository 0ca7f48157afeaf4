/** Calls to Azure by fetch. Redirects are answers, never followed: they would carry the key to another host. */
import type { AzureCalls } from "./azure-calls.ts";

export function createAzureCalls(): AzureCalls {
  return {
    send: ({ url, method = "POST", headers, body, signal }) =>
      fetch(url, { method, headers, body, signal, redirect: "manual" }),
  };
}
