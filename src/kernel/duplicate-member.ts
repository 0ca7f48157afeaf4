/**
 * Finds a member that an object names twice. Parsers disagree on which one counts, so the gateway could judge one
 * body and Azure read another; JSON.parse keeps the last and says nothing.
 */

/** @param json well-formed JSON. @returns the first name that stands twice in one object. */
export function duplicateMember(json: string): string | undefined {
  // The names seen in each open object, null for an array.
  const open: (Set<string> | null)[] = [];
  let isName = false;
  for (let index = 0; index < json.length; index += 1) {
    switch (json[index]) {
      case '"': {
        const end = endOfString(json, index);
        const names = open.at(-1);
        if (isName && names) {
          const name = nameOf(json.slice(index, end + 1));
          if (names.has(name)) return name;
          names.add(name);
          isName = false;
        }
        index = end;
        break;
      }
      case "{":
        open.push(new Set());
        isName = true;
        break;
      case "[":
        open.push(null);
        isName = false;
        break;
      case "}":
      case "]":
        open.pop();
        isName = false;
        break;
      case ",":
        isName = open.at(-1) instanceof Set;
        break;
    }
  }
  return undefined;
}

function endOfString(json: string, start: number): number {
  let end = start + 1;
  while (json[end] !== '"') end += json[end] === "\\" ? 2 : 1;
  return end;
}

/** `"a"` and `"\u0061"` are one name. */
const nameOf = (literal: string): string =>
  literal.includes("\\") ? String(JSON.parse(literal)) : literal.slice(1, -1);
