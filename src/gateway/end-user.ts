/**
 * The end user behind a call: whom its token names, else whom its body does. A holder could name anybody in a body; what
 * its issuer has put into the token is not for it to choose. The body goes to Azure as it stands.
 */
import type { Capability } from "../capability/claims.ts";
import type { GatewayPorts } from "./gateway-ports.ts";

/** @param named in the body; null = nobody. @returns the salted hash, which is the same whichever names them. */
export const endUserOf = async (
  { hashEndUser }: Pick<GatewayPorts, "hashEndUser">,
  { endUser, tenantId }: Pick<Capability, "endUser" | "tenantId">,
  named: string | null,
): Promise<string | null> => endUser ?? (named === null ? null : await hashEndUser(tenantId, named));
