/**
 * What wrangler's listings say. Some are JSON, some only tables for people; an answer in a form that is not understood
 * fails rather than being taken for an empty account, where everything would be made again.
 */
import { stripVTControlCharacters } from "node:util";
import * as z from "zod";
import { PlainFailure } from "../local/plain-failure.ts";
import type { ExistingStore } from "./store.ts";

const Jurisdiction = z.string().nullish();
const Databases = z.array(z.looseObject({ uuid: z.string(), name: z.string(), jurisdiction: Jurisdiction }));
const Namespaces = z.array(z.looseObject({ id: z.string(), title: z.string(), jurisdiction: Jurisdiction }));
const Secrets = z.array(z.looseObject({ name: z.string() }));
const Identity = z.looseObject({
  loggedIn: z.boolean(),
  accounts: z.array(z.looseObject({ id: z.string(), name: z.string() })).default([]),
});
const Counted = z.array(z.looseObject({ results: z.array(z.strictObject({ n: z.number() })) })).min(1);

/** Notices may stand before the JSON. */
function readJson<T>(what: string, output: string, schema: z.ZodType<T>): T {
  const text = output.slice(Math.max(0, output.search(/^[[{]/m)));
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new PlainFailure(`wrangler's answer about ${what} was not understood; nothing was changed.`);
  }
}

export const readIdentity = (output: string) => readJson("the login", output, Identity);

export const readDatabases = (output: string): readonly ExistingStore[] =>
  readJson("D1 databases", output, Databases).map(({ uuid, name, jurisdiction }) => ({
    kind: "database",
    name,
    id: uuid,
    jurisdiction,
  }));

export const readNamespaces = (output: string): readonly ExistingStore[] =>
  readJson("KV namespaces", output, Namespaces).map(({ id, title, jurisdiction }) => ({
    kind: "namespace",
    name: title,
    id,
    jurisdiction,
  }));

export const readSecretNames = (output: string): ReadonlySet<string> =>
  new Set(readJson("secrets", output, Secrets).map(({ name }) => name));

export const readCount = (output: string): number =>
  readJson("API keys", output, Counted)[0]?.results[0]?.n ?? 0;

/** A table with box-drawing borders; the column `jurisdiction` is there only if some queue has one. */
export function readQueues(output: string): readonly ExistingStore[] {
  const rows = stripVTControlCharacters(output)
    .split("\n")
    .filter((line) => line.includes("│"))
    .map((line) =>
      line
        .split("│")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const [head = [], ...body] = rows;
  const name = head.indexOf("name");
  const jurisdiction = head.indexOf("jurisdiction");
  if (body.length > 0 && name < 0) {
    throw new PlainFailure("wrangler's answer about queues was not understood; nothing was changed.");
  }
  return body.map((cells) => ({
    kind: "queue",
    name: cells[name] ?? "",
    jurisdiction: cells[jurisdiction] || undefined,
  }));
}

/** Each jurisdiction has a listing of its own, so what is listed there is known to rest there. */
export const readBuckets = (output: string, jurisdiction: string | undefined): readonly ExistingStore[] =>
  [...stripVTControlCharacters(output).matchAll(/^name:\s+(\S+)\s*$/gm)].map(([, name = ""]) => ({
    kind: "bucket",
    name,
    jurisdiction: jurisdiction ?? null,
  }));
