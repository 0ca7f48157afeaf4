/**
 * What a JSON text looks like, told in one walk over its characters before anything is made of it: how many values it
 * holds, how deep it nests, and whether an object names a member twice. Parsers disagree on which of two members
 * counts, so the gateway could judge one body and Azure read another; JSON.parse keeps the last and says nothing.
 */

export interface JsonShape {
  /** Values and members, or more than `maxValues`. */
  readonly values: number;
  /** Of objects and arrays; 0 for a text that has neither. */
  readonly depth: number;
  /** The first name that stands twice in one object. */
  readonly duplicate: string | undefined;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * @param json any text; of one that is not well-formed JSON only `values` means something.
 * @param maxValues the walk ends where there are more: a body of `{}` costs many times its bytes in memory.
 */
export function jsonShape(json: string, maxValues: number): JsonShape {
  // The names seen in each open object, null for an array.
  const open: (Set<string> | null)[] = [];
  let values = 1;
  let depth = 0;
  let duplicate: string | undefined;
  /** Of the innermost open object, where a name comes next; otherwise null. */
  let names: Set<string> | null = null;
  for (let index = 0; index < json.length && values <= maxValues; index += 1) {
    switch (json.charCodeAt(index)) {
      case QUOTE: {
        const end = endOfString(json, index);
        if (names !== null && duplicate === undefined) {
          const name = nameOf(json.slice(index + 1, end));
          if (names.has(name)) duplicate = name;
          names.add(name);
        }
        names = null;
        index = end;
        break;
      }
      case COMMA:
        values += 1;
        names = open.at(-1) ?? null;
        break;
      case OPEN_BRACE:
        values += 1;
        names = new Set();
        depth = Math.max(depth, open.push(names));
        break;
      case OPEN_BRACKET:
        values += 1;
        names = null;
        depth = Math.max(depth, open.push(null));
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        names = null;
        open.pop();
        break;
    }
  }
  return { values, depth, duplicate };
}

/** The index of the closing quote, or the text's length. Prompts are long strings, so they are leapt over. */
function endOfString(json: string, start: number): number {
  let end = json.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(json, end)) end = json.indexOf('"', end + 1);
  return end === -1 ? json.length : end;
}

function isEscaped(json: string, index: number): boolean {
  let before = index;
  while (json.charCodeAt(before - 1) === BACKSLASH) before -= 1;
  return (index - before) % 2 === 1;
}

/** `"a"` and `"\u0061"` are one name. */
function nameOf(literal: string): string {
  if (!literal.includes("\\")) return literal;
  try {
    return String(JSON.parse(`"${literal}"`));
  } catch {
    // Not JSON at all, which is said elsewhere.
    return literal;
  }
}
