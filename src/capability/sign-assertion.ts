/**
 * Client assertions (RFC 7523): what the gateway says of itself to Microsoft Entra instead of a secret. Each is made for
 * one exchange and kept nowhere.
 */
import { SignJWT } from "jose";
import { type Clock, SECOND_MS } from "../kernel/clock.ts";
import { ASSERTION_SECONDS } from "../kernel/limits.ts";
import { ASSERTION_ALGORITHM, type EntraKeys } from "./entra-keys.ts";
import { jwsTypes } from "./jws-types.ts";

export const ASSERTION_TYPE = jwsTypes.assertion;

export interface AssertionSigner {
  /** @param audience whom the cloud expects to be addressed. */
  sign(audience: string): Promise<string>;
}

interface AssertionSignerOptions {
  readonly keys: Pick<EntraKeys, "signing">;
  readonly issuer: string;
  readonly subject: string;
  readonly clock: Clock;
  readonly newId: () => string;
}

export function createAssertionSigner({
  keys: { signing },
  issuer,
  subject,
  clock,
  newId,
}: AssertionSignerOptions): AssertionSigner {
  const header = { alg: ASSERTION_ALGORITHM, typ: ASSERTION_TYPE, kid: signing.keyId };
  return {
    async sign(audience) {
      const nowSeconds = Math.floor(clock() / SECOND_MS);
      const claims = {
        iss: issuer,
        sub: subject,
        aud: audience,
        iat: nowSeconds,
        nbf: nowSeconds,
        exp: nowSeconds + ASSERTION_SECONDS,
        jti: newId(),
      };
      return new SignJWT(claims).setProtectedHeader(header).sign(signing.privateKey);
    },
  };
}
