/**
 * One request to a gateway's control plane. The admin key goes into one header, to https or this machine, and nowhere
 * else: failures of `fetch` are not repeated, since they can quote a header.
 */
import type { CommandIo } from "./command.ts";
import type { GatewaySettings } from "./gateway-settings.ts";

const ANSWER_MS = 60_000;

export interface GatewayAnswer {
  readonly status: number;
  /** Undefined where it is no JSON. */
  readonly body: unknown;
  readonly etag: string | null;
}

export interface GatewayRequest {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly ifMatch?: string;
}

/** Null where nothing answered in time. */
export async function askGateway(
  { url, key }: GatewaySettings,
  { method = "GET", path, body, ifMatch }: GatewayRequest,
  io: Pick<CommandIo, "fetch">,
): Promise<GatewayAnswer | null> {
  try {
    const response = await io.fetch(new URL(path, url), {
      ...(method === "GET" ? {} : { method }),
      headers: {
        "x-api-key": key,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(ifMatch === undefined ? {} : { "if-match": ifMatch }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // Followed, a redirect would carry the key to wherever it leads.
      redirect: "manual",
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const text = await response.text();
    return { status: response.status, body: jsonOf(text), etag: response.headers.get("etag") };
  } catch {
    return null;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
