// What policies strip is gone from every text that Azure gets, and stripping again finds nothing.
import fc from "fast-check";
import { expect, it } from "vitest";
import { jsonBytes } from "../../../src/azure/prompt-bound.ts";
import { promptTexts } from "../../../src/azure/prompt-texts.ts";
import { folded } from "../../../src/kernel/literal-matcher.ts";
import { literalsOf, type PatternSet } from "../../../src/policy/denied-patterns.ts";
import { strippedBody } from "../../../src/safeguard/stripped-body.ts";

const patterns: PatternSet = { builtIn: ["script_markup", "data_url_markup"], patterns: ["Project X", "é"] };

const fragment = fc.constantFrom(
  "<scr",
  "<script",
  "ipt",
  "project",
  " x",
  "PROJECT X",
  "data:",
  "text/",
  "É",
  "e",
  "\ud83d",
);
const text = fc.array(fragment, { maxLength: 8 }).map((parts) => parts.join(""));
const body = fc.record({
  model: text,
  instructions: text,
  messages: fc.array(
    fc.record({
      role: fc.constant("user"),
      content: fc.array(fc.record({ type: fc.constant("text"), text })),
    }),
  ),
  tools: fc.array(fc.record({ type: fc.constant("function"), description: text })),
  brand_new: fc.record({ anything: text }),
});

it("no text of what is left holds a denied one; it has no byte more; and nothing is left to strip", () => {
  fc.assert(
    fc.property(body, (given) => {
      const stripped = strippedBody({ body: given, parts: null }, patterns);
      for (const left of promptTexts(stripped.body) ?? [])
        for (const literal of literalsOf(patterns)) expect(folded(left)).not.toContain(literal);
      expect(jsonBytes(stripped.body)).toBeLessThanOrEqual(jsonBytes(given));
      expect(stripped.isStripped).toBe(JSON.stringify(stripped.body) !== JSON.stringify(given));
      const again = { body: stripped.body, parts: null };
      expect(strippedBody(again, patterns)).toEqual({ ...again, isStripped: false });
      expect(stripped.body.model).toBe(given.model);
    }),
  );
});

it("a body that holds nothing of it, or that nobody strips, is left alone", () => {
  const plain = { body: { messages: [{ role: "user", content: "Hello <script>" }] }, parts: null };
  expect(strippedBody(plain, null)).toEqual({ ...plain, isStripped: false });
  expect(strippedBody(plain, { builtIn: [], patterns: ["Hallo"] }).body).toBe(plain.body);
});

it("the texts of a form are stripped as members of their names would be, and nothing else of it", () => {
  const file = { naming: 'filename="a"', contentType: null, bytes: new Uint8Array(3) };
  const parts = [
    { name: "prompt", field: "prompt", value: "a <script" },
    { name: "keywords[]", field: "keywords", value: "x<script" },
    { name: "user", field: "user", value: "<script" },
    { name: "n", field: "n", value: "12" },
    { name: "image", field: "image", value: file },
  ];
  const body = { prompt: "a <script", keywords: ["x<script"], user: "<script", n: 12, image: null };
  const stripped = strippedBody({ body, parts }, { builtIn: ["script_markup"], patterns: ["2"] });
  expect(stripped.isStripped).toBe(true);
  expect(stripped.parts?.map(({ value }) => value)).toEqual(["a ", "x", "<script", "12", file]);
});

it("the form that is sent has the very texts that were judged, whatever its brackets make of them", () => {
  const part = (name: string, field: string, value: string) => ({ name, field, value });
  const parts = [
    part("chunking_strategy[type]", "chunking_strategy", "secret"),
    part("languages[]", "languages", "secret"),
    part("languages[]", "languages", "no word"),
    part("voice", "voice", "secret"),
  ];
  const body = {
    chunking_strategy: { "[type]": "secret" },
    languages: ["secret", "no word"],
    voice: "secret",
  };
  const stripped = strippedBody({ body, parts }, { builtIn: [], patterns: ["secret"] });
  expect(stripped.body).toEqual({
    chunking_strategy: { "[type]": "" },
    languages: ["", "no word"],
    voice: "secret",
  });
  expect(stripped.parts?.map(({ value }) => value)).toEqual(["", "", "no word", "secret"]);
});
