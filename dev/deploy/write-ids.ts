/**
 * Writes ids of stores into the text of wrangler.toml and leaves everything else, comments and order included, as it
 * was. What comes out is read by wrangler's own parser before it replaces the file.
 */
import { PlainFailure } from "../local/plain-failure.ts";

export interface BindingId {
  readonly table: "d1_databases" | "kv_namespaces";
  readonly binding: string;
  readonly id: string;
}

const keys = { d1_databases: "database_id", kv_namespaces: "id" } as const;
// After the name, where there is one.
const anchors = { d1_databases: /^\s*database_name\s*=/, kv_namespaces: /^\s*binding\s*=/ } as const;

export const withIds = (toml: string, environment: string | undefined, ids: readonly BindingId[]): string =>
  ids.reduce((text, each) => withId(text, environment, each), toml);

function withId(toml: string, environment: string | undefined, { table, binding, id }: BindingId): string {
  const header = environment === undefined ? `[[${table}]]` : `[[env.${environment}.${table}]]`;
  const key = keys[table];
  const newline = toml.includes("\r\n") ? "\r\n" : "\n";
  const lines = toml.split(newline);
  const bindingLine = new RegExp(`^\\s*binding\\s*=\\s*["']${binding}["']`);
  for (const { start, end } of blocksOf(lines, header)) {
    const block = lines.slice(start, end);
    if (!block.some((line) => bindingLine.test(line))) continue;
    const assigned = block.findIndex((line) => new RegExp(`^\\s*${key}\\s*=`).test(line));
    const line = `${key} = ${JSON.stringify(id)}`;
    if (assigned >= 0) lines.splice(start + assigned, 1, line);
    else lines.splice(start + block.findIndex((each) => anchors[table].test(each)) + 1, 0, line);
    return lines.join(newline);
  }
  throw new PlainFailure(
    `wrangler.toml has no block ${header} with binding = "${binding}"; write ${key} = "${id}" where it is bound.`,
  );
}

interface Block {
  readonly start: number;
  /** The next header, or the end of the file. */
  readonly end: number;
}

function blocksOf(lines: readonly string[], header: string): readonly Block[] {
  const headers = lines.flatMap((line, at) => (/^\s*\[/.test(line) ? [at] : []));
  return headers
    .map((start, nth) => ({ start, end: headers[nth + 1] ?? lines.length }))
    .filter(({ start }) => withoutComment(lines[start] ?? "") === header);
}

const withoutComment = (line: string): string => line.replace(/#.*$/, "").replaceAll(/\s/g, "");
