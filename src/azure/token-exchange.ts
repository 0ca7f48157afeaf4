/**
 * The exchange at Entra's token endpoint: the client assertion as a form, and what the answer says. Of a failure only the
 * number is kept: descriptions quote the assertion's issuer and subject, and may quote more.
 */
import * as z from "zod";
import { SECOND_MS } from "../kernel/clock.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { EntraIdentity } from "./credential.ts";
import type { CredentialAnswer, CredentialRequest } from "./credential-calls.ts";

const ASSERTION_KIND = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

export const exchangeRequestOf = (
  { authority, tenantId, clientId }: EntraIdentity,
  scope: string,
  assertion: string,
): CredentialRequest => ({
  method: "POST",
  url: `${authority}/${tenantId}/oauth2/v2.0/token`,
  headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
  body: new URLSearchParams({
    scope,
    client_id: clientId,
    client_assertion_type: ASSERTION_KIND,
    client_assertion: assertion,
    grant_type: "client_credentials",
  }).toString(),
});

export interface EntraToken {
  readonly token: string;
  readonly lifeMs: number;
}

const DAY_SECONDS = 86_400;

const Success = z.looseObject({
  token_type: z.string().regex(/^bearer$/i),
  // RFC 6750, section 2.1: nothing else may stand in the header.
  access_token: z.string().regex(/^[A-Za-z0-9._~+/-]{1,16384}=*$/),
  // Entra of before answered it as text.
  expires_in: z.coerce.number().int().min(1).max(DAY_SECONDS),
});
const Failure = z.looseObject({
  error: z.string().optional(),
  error_codes: z.tuple([z.int().min(1).max(9_999_999_999)], z.unknown()).optional(),
});

/** Fails with a word about why: `AADSTS700213`, else OAuth's code, else the status. */
export function readExchange({ status, json }: CredentialAnswer): Result<EntraToken, string> {
  if (status === 200) {
    const success = Success.safeParse(json);
    if (!success.success) return fail("answer not understood");
    return ok({ token: success.data.access_token, lifeMs: success.data.expires_in * SECOND_MS });
  }
  const { error, error_codes: [number] = [] } = Failure.safeParse(json).data ?? {};
  if (number !== undefined) return fail(`AADSTS${number}`);
  return fail(error !== undefined && /^[a-z_]{1,40}$/.test(error) ? error : `status ${status}`);
}
