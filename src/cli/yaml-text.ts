/**
 * YAML (and so JSON) as plain data: no tags, no key twice, and no more aliases than people write. What is wrong is told
 * with its line.
 */
import { isNode, LineCounter, parseDocument } from "yaml";
import { fail, ok, type Result } from "../kernel/result.ts";

export interface YamlText {
  readonly value: unknown;
  /** Where the member at this path begins, or the nearest that there is. */
  lineOf(path: readonly PropertyKey[]): number;
}

export interface YamlFault {
  readonly line: number;
  readonly message: string;
}

const MAX_ALIASES = 100;

export function parseYaml(text: string): Result<YamlText, readonly YamlFault[]> {
  const lines = new LineCounter();
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  const document = parseDocument(text, {
    lineCounter: lines,
    schema: "core",
    merge: false,
    uniqueKeys: true,
    stringKeys: true,
    prettyErrors: false,
  });
  // A tag that is not known is a warning to the parser; here it is as wrong as any other error.
  const faults = [...document.errors, ...document.warnings].map(({ message, pos: [start] }) => ({
    line: lineAt(start),
    message,
  }));
  if (faults.length > 0) return fail(faults);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch {
    return fail([{ line: 1, message: "Aliases stand for more than they may." }]);
  }
  return ok({
    value,
    lineOf(path) {
      for (let length = path.length; length > 0; length -= 1) {
        const node = document.getIn(path.slice(0, length), true);
        if (isNode(node) && node.range) return lineAt(node.range[0]);
      }
      return 1;
    },
  });
}
