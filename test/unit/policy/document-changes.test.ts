// Changes between two documents: enough to make one of the other, and no more.
import fc from "fast-check";
import { expect, it } from "vitest";
import type { JsonObject } from "../../../src/kernel/json.ts";
import { type DocumentChange, documentChanges } from "../../../src/policy/document-changes.ts";

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, true, 0, 1, "a", ""),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "a/b", "~1", ""), tie("value"), { maxKeys: 3 }),
  ),
}));
const document = fc.dictionary(fc.constantFrom("a", "b", "a/b", "~1", ""), value);

/** Applies changes, removals last item first. */
function applied(before: JsonObject, changes: readonly DocumentChange[]): unknown {
  const root: unknown = structuredClone(before);
  for (const change of [...changes].reverse().sort((a, b) => Number("after" in b) - Number("after" in a))) {
    const names = change.path.split("/").slice(1);
    const parts = names.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = parts.pop() ?? "";
    const holder = parts.reduce<unknown>(
      (here, part) => (typeof here === "object" && here !== null ? Reflect.get(here, part) : undefined),
      root,
    );
    if (Array.isArray(holder) && !("after" in change)) holder.pop();
    else if (typeof holder === "object" && holder !== null) {
      if ("after" in change) Reflect.set(holder, last, change.after);
      else Reflect.deleteProperty(holder, last);
    }
  }
  return root;
}

it("turn the one into the other", () => {
  fc.assert(
    fc.property(document, document, (before, after) => {
      const changes = documentChanges(before, after);
      expect(applied(before, changes)).toEqual(after);
      expect(documentChanges(before, structuredClone(before))).toEqual([]);
      const paths = changes.map(({ path }) => path);
      expect(new Set(paths).size).toBe(paths.length);
    }),
  );
});

it("turned around, undo it", () => {
  fc.assert(
    fc.property(document, document, (before, after) => {
      const reversed = documentChanges(after, before).map(({ path }) => path);
      expect(reversed.sort()).toEqual(
        documentChanges(before, after)
          .map(({ path }) => path)
          .sort(),
      );
    }),
  );
});

it("name the innermost member that differs", () => {
  const before = { name: "a", actions: ["chat"], constraints: { maxTokensPerDay: 1, "a/b~c": 1 }, kept: [1] };
  const after = { name: "b", actions: ["chat", "embedding"], constraints: { "a/b~c": 2 }, kept: [1] };
  expect(documentChanges(before, after)).toEqual([
    { path: "/name", before: "a", after: "b" },
    { path: "/actions/1", after: "embedding" },
    { path: "/constraints/maxTokensPerDay", before: 1 },
    { path: "/constraints/a~1b~0c", before: 1, after: 2 },
  ]);
});
