/**
 * Azure's clouds as a table: who issues tokens, for whom, and which hosts may be sent them. A token or a secret goes to
 * no host that is not in its cloud's row: whoever may register a deployment may not thereby lead Azure credentials to a
 * host of their own.
 */
import { isLoopback } from "./endpoint-encryption.ts";

export interface AzureCloud {
  readonly authorities: readonly [string, ...string[]];
  /** `aud` of a client assertion. */
  readonly audience: string;
  /** What a token for a model may be asked for; the first where nothing is said. */
  readonly scopes: readonly [string, ...string[]];
  /** Below which domains models have hosts of their own: Entra tokens are taken there alone. */
  readonly modelDomains: readonly string[];
  readonly vaultDomain: string;
  readonly vaultScope: string;
}

export const azureClouds = {
  public: {
    authorities: ["https://login.microsoftonline.com"],
    audience: "api://AzureADTokenExchange",
    scopes: ["https://cognitiveservices.azure.com/.default", "https://ai.azure.com/.default"],
    modelDomains: ["openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com"],
    vaultDomain: "vault.azure.net",
    vaultScope: "https://vault.azure.net/.default",
  },
  usGovernment: {
    authorities: ["https://login.microsoftonline.us"],
    audience: "api://AzureADTokenExchangeUSGov",
    scopes: ["https://cognitiveservices.azure.us/.default"],
    modelDomains: ["openai.azure.us", "cognitiveservices.azure.us"],
    vaultDomain: "vault.usgovcloudapi.net",
    vaultScope: "https://vault.usgovcloudapi.net/.default",
  },
  china: {
    authorities: ["https://login.partner.microsoftonline.cn", "https://login.chinacloudapi.cn"],
    audience: "api://AzureADTokenExchangeChina",
    scopes: ["https://cognitiveservices.azure.cn/.default"],
    modelDomains: ["openai.azure.cn", "cognitiveservices.azure.cn"],
    vaultDomain: "vault.azure.cn",
    vaultScope: "https://vault.azure.cn/.default",
  },
} as const satisfies Record<string, AzureCloud>;

export const PUBLIC_AUTHORITY = azureClouds.public.authorities[0];

export const modelScopes = [
  ...azureClouds.public.scopes,
  ...azureClouds.usGovernment.scopes,
  ...azureClouds.china.scopes,
] as const;

const clouds: readonly AzureCloud[] = Object.values(azureClouds);

/** Null = no cloud's. The loopback, where the gateway runs locally, stands for the public cloud. */
export function cloudOf(authority: string, isLocal: boolean): AzureCloud | null {
  const url = new URL(authority);
  // Nothing but an origin: a path would be put before the directory's.
  if (authority !== url.origin) return null;
  if (isLocal && isLoopback(url)) return azureClouds.public;
  return clouds.find(({ authorities }) => authorities.includes(authority)) ?? null;
}

/** Whether a credential of the cloud may be sent there. */
export const isModelHost = (url: URL, cloud: AzureCloud, isLocal: boolean): boolean =>
  cloud.modelDomains.some((domain) => isBelow(url, domain)) || (isLocal && isLoopback(url));

export const isVaultHost = (url: URL, cloud: AzureCloud, isLocal: boolean): boolean =>
  isBelow(url, cloud.vaultDomain) || (isLocal && isLoopback(url));

/** Of any cloud. */
export const isSomeModelHost = (url: URL, isLocal: boolean): boolean =>
  clouds.some((cloud) => isModelHost(url, cloud, isLocal));
export const isSomeVaultHost = (url: URL, isLocal: boolean): boolean =>
  clouds.some((cloud) => isVaultHost(url, cloud, isLocal));

/** One label before the domain: that is how Azure names a resource. On the usual port, with nothing before the host. */
function isBelow(url: URL, domain: string): boolean {
  const { protocol, hostname, port, username, password } = url;
  const label = hostname.endsWith(`.${domain}`) ? hostname.slice(0, -domain.length - 1) : "";
  return (
    protocol === "https:" &&
    port === "" &&
    username === "" &&
    password === "" &&
    /^[a-z0-9](?:[a-z0-9-]{0,62})$/.test(label)
  );
}
