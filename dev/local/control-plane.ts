/** The control plane over HTTP. What is refused becomes a failure that says what was refused and why. */
import * as z from "zod";
import { PlainFailure } from "./plain-failure.ts";

const Problem = z.object({ code: z.string(), detail: z.string(), requestId: z.string() });

export interface ControlPlane {
  get<T extends z.ZodType>(path: string, answer: T): Promise<z.output<T>>;
  send<T extends z.ZodType>(
    method: "POST" | "PUT",
    path: string,
    body: unknown,
    answer: T,
  ): Promise<z.output<T>>;
  /** Walks the pages of a list until an item fits. */
  find<T extends z.ZodType>(
    path: string,
    item: T,
    fits: (item: z.output<T>) => boolean,
  ): Promise<z.output<T> | undefined>;
}

export function connectControlPlane(gatewayUrl: string, adminKey: string): ControlPlane {
  async function call<T extends z.ZodType>(
    method: string,
    path: string,
    body: unknown,
    answer: T,
  ): Promise<z.output<T>> {
    const response = await fetch(new URL(path, gatewayUrl), {
      method,
      headers: {
        "x-api-key": adminKey,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    const json: unknown = await response.json();
    if (response.ok) return answer.parse(json);
    const problem = Problem.safeParse(json);
    const why = problem.success
      ? `${problem.data.code}: ${problem.data.detail} (${problem.data.requestId})`
      : "an answer that is no problem document";
    throw new PlainFailure(`${method} ${path} answered ${response.status} ${why}`);
  }

  const get: ControlPlane["get"] = (path, answer) => call("GET", path, undefined, answer);
  return {
    get,
    send: call,
    async find(path, item, fits) {
      const page = z.object({ items: z.array(item), nextCursor: z.string().nullable() });
      let cursor: string | null = null;
      do {
        const query: string = cursor === null ? "" : `${path.includes("?") ? "&" : "?"}cursor=${cursor}`;
        const { items, nextCursor } = await get(path + query, page);
        const found = items.find(fits);
        if (found !== undefined) return found;
        cursor = nextCursor;
      } while (cursor !== null);
      return undefined;
    },
  };
}
