/**
 * A secret of Key Vault: its identifier, as `az keyvault secret show --query id` prints it, the request that reads it, and
 * what the answer says.
 */
import * as z from "zod";
import { fail, ok, type Result } from "../kernel/result.ts";
import { isSomeVaultHost } from "./azure-clouds.ts";
import type { CredentialAnswer, CredentialRequest } from "./credential-calls.ts";

const API_VERSION = "2025-07-01";
const identifierPath = /^\/secrets\/[A-Za-z0-9-]{1,127}(?:\/[0-9a-f]{32})?$/;

/** Null where the URL is no identifier of a secret in any cloud's vaults; an endpoint of models, for one. */
export function vaultSecretOf(identifier: string, isLocal: boolean): URL | null {
  const url = new URL(identifier);
  const isPlain = url.search === "" && url.hash === "";
  return isPlain && identifierPath.test(url.pathname) && isSomeVaultHost(url, isLocal) ? url : null;
}

export const vaultRequestOf = ({ origin, pathname }: URL, token: string): CredentialRequest => ({
  method: "GET",
  url: `${origin}${pathname}?api-version=${API_VERSION}`,
  headers: { accept: "application/json", authorization: `Bearer ${token}` },
  body: null,
});

/** Of what may stand in a header or be a URL, and no longer than either needs. */
const Secret = z.looseObject({ value: z.string().regex(/^[\x21-\x7e]{1,1024}$/) });
const Failure = z.looseObject({ error: z.looseObject({ code: z.string().regex(/^[A-Za-z]{1,40}$/) }) });

/** Fails with a word about why, never with anything of the answer but Key Vault's own code. */
export function readVaultAnswer({ status, json }: CredentialAnswer): Result<string, string> {
  if (status !== 200) {
    const failure = Failure.safeParse(json);
    return fail(`status ${status}${failure.success ? ` ${failure.data.error.code}` : ""}`);
  }
  const secret = Secret.safeParse(json);
  return secret.success ? ok(secret.data.value) : fail("answer not understood");
}
