/** A published key set, from the gateway that publishes it or from a copy that was kept. */
import { PublishedKeys } from "../capability/verify-receipt.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { CommandIo } from "./command.ts";

const FETCH_MAX_MS = 10_000;
const JWKS_PATH = "/.well-known/jwks.json";
const loopback = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Fails with a sentence: no receipt can be judged then.
 *
 * @param source a path, or a URL; of a URL without a path, the gateway's well-known one.
 */
export async function readKeySet(
  source: string,
  io: Pick<CommandIo, "fetch" | "readFile">,
): Promise<Result<PublishedKeys, string>> {
  const text = /^https?:\/\//i.test(source) ? await fetched(source, io) : await read(source, io);
  if (!text.ok) return text;
  try {
    return ok(PublishedKeys.parse(JSON.parse(text.value)));
  } catch {
    return fail(`${source} holds no JWK set.`);
  }
}

async function read(
  path: string,
  { readFile }: Pick<CommandIo, "readFile">,
): Promise<Result<string, string>> {
  try {
    return ok(await readFile(path));
  } catch {
    return fail(`${path} cannot be read.`);
  }
}

/** Whoever can change the key set on its way can forge receipts: so https, and no redirects to elsewhere. */
async function fetched(source: string, io: Pick<CommandIo, "fetch">): Promise<Result<string, string>> {
  if (!URL.canParse(source)) return fail(`${source} is no URL.`);
  const url = new URL(source);
  if (url.protocol !== "https:" && !loopback.has(url.hostname))
    return fail(`${source} is not https: keys that anybody on the way can change prove nothing.`);
  if (url.pathname === "/") url.pathname = JWKS_PATH;
  try {
    const answer = await io.fetch(url, { redirect: "error", signal: AbortSignal.timeout(FETCH_MAX_MS) });
    return answer.ok ? ok(await answer.text()) : fail(`${url.href} answered ${answer.status}.`);
  } catch {
    return fail(`${url.href} cannot be reached.`);
  }
}
