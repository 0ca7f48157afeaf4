/** The demo without an Azure key: the simulated Entra is told to trust the gateway, and the backends name who it then is. */
import * as z from "zod";
import { azureClouds } from "../../src/azure/azure-clouds.ts";
import type { Credential } from "../../src/azure/credential.ts";
import { DISCOVERY_PATH } from "../../src/capability/entra-issuer.ts";
import type { Simulator } from "../simulator/start-simulator.ts";

const tenantId = "00000000-0000-0000-0000-00000000da7a";
const clientId = "00000000-0000-0000-0000-0000000ca57e";
const Discovery = z.looseObject({ issuer: z.url() });

/** The gateway's own settings say who it is: its discovery document is asked, as the real Entra would. */
export async function trustGateway({ identity, url }: Simulator, gatewayUrl: URL): Promise<Credential> {
  const { issuer } = Discovery.parse(await (await fetch(new URL(DISCOVERY_PATH, gatewayUrl))).json());
  identity.hosts.set(new URL(issuer).origin, gatewayUrl.origin);
  const { audience } = azureClouds.public;
  identity.federatedCredentials.push({ tenantId, clientId, issuer, subject: "portcullis", audience });
  return { kind: "entra", tenantId, clientId, authority: url };
}
