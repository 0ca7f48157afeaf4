/**
 * Finds and removes literal texts, whatever their case, in time linear in the text however many there are: one automaton
 * of all of them (Aho and Corasick, 1975). No expression that a policy could make slow is ever run.
 */

/** Case aside. One unit stays one unit, so that places in the folded text are places in the text. */
export const folded = (text: string): string =>
  // U+0130 alone grows in lower case, and the Greek sigma has another form at the end of a word.
  text.replaceAll("İ", "i").toLowerCase().replaceAll("ς", "σ");

export interface LiteralMatcher {
  /** Adds to `found` those that stand in the text. */
  find(text: string, found: Set<string>): void;
  /** The text without them; what is left holds none of them, not even one that closed up around what was removed. */
  strip(text: string): string;
}

/** One beginning of literals. */
interface Node {
  /** Its number; 0 = the empty beginning. */
  readonly id: number;
  readonly next: Map<number, Node>;
  /** That is all of it; folded. */
  literal: string | null;
  /** The longest other beginning that ends where this one does; null for the empty one. */
  fallback: Node | null;
  /** The longest beginning that ends where this one does and is a literal: itself, or a fallback. */
  ending: Node | null;
}

/** @param literals folded, none of them empty. */
export function literalMatcher(literals: readonly string[]): LiteralMatcher {
  const nodes = automatonOf(literals);
  const [root] = nodes;
  if (!root) throw new Error("An automaton begins with the empty beginning.");

  const after = (state: Node, unit: number): Node => {
    for (let node: Node | null = state; node !== null; node = node.fallback) {
      const next = node.next.get(unit);
      if (next) return next;
    }
    return root;
  };

  const holdsAny = (searched: string): boolean => {
    let state = root;
    for (let index = 0; index < searched.length; index += 1) {
      state = after(state, searched.charCodeAt(index));
      if (state.ending) return true;
    }
    return false;
  };

  return {
    find(text, found) {
      const searched = folded(text);
      let state = root;
      for (let index = 0; index < searched.length; index += 1) {
        state = after(state, searched.charCodeAt(index));
        let node = state.ending;
        // Where one was found before, so were all that end with it.
        while (node?.literal && !found.has(node.literal)) {
          found.add(node.literal);
          node = node.fallback?.ending ?? null;
        }
      }
    },
    strip(text) {
      const searched = folded(text);
      if (!holdsAny(searched)) return text;
      const kept = new Uint16Array(text.length);
      // The state after each unit that is kept; in the smallest form, since a text may be megabytes.
      const states =
        nodes.length > 0xffff ? new Uint32Array(text.length + 1) : new Uint16Array(text.length + 1);
      let length = 0;
      for (let index = 0; index < text.length; index += 1) {
        const state = after(nodes[states[length] ?? 0] ?? root, searched.charCodeAt(index));
        kept[length] = text.charCodeAt(index);
        length += 1;
        states[length] = state.id;
        // Back to before the match began: what comes next meets what stood there.
        if (state.ending?.literal) length -= state.ending.literal.length;
      }
      return textOf(kept.subarray(0, length));
    },
  };
}

/** All nodes by their numbers. */
function automatonOf(literals: readonly string[]): readonly Node[] {
  const nodes: Node[] = [];
  const newNode = (): Node => {
    const node = { id: nodes.length, next: new Map(), literal: null, fallback: null, ending: null };
    nodes.push(node);
    return node;
  };
  const root = newNode();
  for (const literal of literals) {
    let node = root;
    for (let index = 0; index < literal.length; index += 1) {
      const unit = literal.charCodeAt(index);
      const next = node.next.get(unit) ?? newNode();
      node.next.set(unit, next);
      node = next;
    }
    node.literal = literal;
    node.ending = node;
  }
  // Breadth first: fallbacks are shorter, and known before.
  const queue = [root];
  for (const node of queue) {
    for (const [unit, child] of node.next) {
      let fallback = node.fallback;
      while (fallback && !fallback.next.has(unit)) fallback = fallback.fallback;
      child.fallback = fallback?.next.get(unit) ?? root;
      child.ending ??= child.fallback.ending;
      queue.push(child);
    }
  }
  return nodes;
}

/** More units than this do not fit into the arguments of a call. */
const CHUNK_UNITS = 8_192;

function textOf(units: Uint16Array): string {
  let text = "";
  for (let start = 0; start < units.length; start += CHUNK_UNITS)
    text += String.fromCharCode(...units.subarray(start, start + CHUNK_UNITS));
  return text;
}
