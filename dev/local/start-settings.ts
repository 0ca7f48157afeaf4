/** What `npm start` reads from the environment. */
import * as z from "zod";
import { Sku } from "../../src/azure/backend.ts";
import { type AzureSite, WORKER_SECRET } from "./demo-data.ts";
import { DEFAULT_PLACE, type PlaceName, placeNamed } from "./places.ts";
import { PlainFailure } from "./plain-failure.ts";

/** How the demo's backends are opened: with a key, or, at the simulator, with an Entra identity. */
export type DemoCredential = "key" | "entra";

export interface StartSettings {
  /** 0 takes a free port. */
  readonly port: number;
  readonly simulatorPort: number;
  /** Where every call seems to come from. */
  readonly place: PlaceName;
  readonly credential: DemoCredential;
  /** Real Azure instead of the simulator. */
  readonly azure: { readonly site: AzureSite; readonly key: string } | null;
}

const SWEDEN = "swedencentral";

export function readStartSettings(environment: NodeJS.ProcessEnv): StartSettings {
  return {
    port: portOf(environment, "PORT", 8787),
    simulatorPort: portOf(environment, "SIMULATOR_PORT", 8788),
    place: placeNamed(environment.PORTCULLIS_PLACE || DEFAULT_PLACE),
    credential: credentialOf(environment),
    azure: azureOf(environment),
  };
}

function credentialOf({ AZURE_CREDENTIAL, AZURE_OPENAI_ENDPOINT }: NodeJS.ProcessEnv): DemoCredential {
  if (AZURE_CREDENTIAL === undefined || AZURE_CREDENTIAL === "" || AZURE_CREDENTIAL === "key") return "key";
  if (AZURE_CREDENTIAL !== "entra") throw new PlainFailure("AZURE_CREDENTIAL must be `key` or `entra`.");
  // The real Entra cannot fetch the keys of a gateway on this machine.
  if (AZURE_OPENAI_ENDPOINT) {
    throw new PlainFailure(
      "AZURE_CREDENTIAL=entra works with the simulator alone: unset AZURE_OPENAI_ENDPOINT.",
    );
  }
  return "entra";
}

export const simulatorSite = (
  endpoint: string,
  credential: AzureSite["credential"] = WORKER_SECRET,
): AzureSite => ({ endpoint, region: SWEDEN, sku: "Standard", credential });

function portOf(environment: NodeJS.ProcessEnv, name: string, fallback: number): number {
  const text = environment[name] || String(fallback);
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new PlainFailure(`${name} must be a port number from 0 to 65535; it is \`${text}\`.`);
}

function azureOf(environment: NodeJS.ProcessEnv): StartSettings["azure"] {
  const endpoint = environment.AZURE_OPENAI_ENDPOINT;
  const key = environment.AZURE_OPENAI_API_KEY;
  if (!endpoint) return null;
  if (!key) throw new PlainFailure("AZURE_OPENAI_ENDPOINT is set; set AZURE_OPENAI_API_KEY as well.");
  if (!z.url({ protocol: /^https$/ }).safeParse(endpoint).success) {
    throw new PlainFailure("AZURE_OPENAI_ENDPOINT must be an https URL.");
  }
  const sku = Sku.safeParse(environment.AZURE_OPENAI_SKU || "Standard");
  if (!sku.success) throw new PlainFailure(`AZURE_OPENAI_SKU must be one of ${Sku.options.join(", ")}.`);
  // Residency is decided by region and sku: whoever brings a resource elsewhere must be able to say so.
  const region = environment.AZURE_OPENAI_REGION || SWEDEN;
  return { site: { endpoint, region, sku: sku.data, credential: WORKER_SECRET }, key };
}
