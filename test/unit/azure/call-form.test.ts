// A form as the gateway judges it and as Azure gets it: nothing is said twice, and nothing of it is lost.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readForm } from "../../../src/azure/call-form.ts";
import { forwardedForm } from "../../../src/azure/forwarded-form.ts";
import { joinedBytes } from "../../../src/kernel/joined-bytes.ts";
import { parseMultipart } from "../../../src/kernel/multipart.ts";
import { backendOf, textOf } from "./azure-fixture.ts";
import { type Field, formOf, picture, readMediaForm, sound } from "./media-fixture.ts";

function told(...fields: readonly Field[]) {
  const form = readForm(formOf(fields));
  return form.ok ? form.value.fields : `${form.error.code} at ${form.error.field ?? "-"}`;
}

describe("the fields of a form", () => {
  it("mean what the members of JSON mean", () => {
    expect(
      told(["prompt", "a castle"], ["n", "2"], ["temperature", "0.5"], ["stream", "true"], ["model", "1"]),
    ).toEqual({ prompt: "a castle", n: 2, temperature: 0.5, stream: true, model: "1" });
  });

  it("are lists and objects by their brackets; files are told by nothing", () => {
    expect(
      told(
        ["image[]", picture],
        ["image[]", picture],
        ["include[]", "logprobs"],
        ["chunking_strategy[type]", "server_vad"],
        ["chunking_strategy[threshold]", "0.5"],
        ["file", sound],
      ),
    ).toEqual({
      image: [null, null],
      include: ["logprobs"],
      chunking_strategy: { "[type]": "server_vad", "[threshold]": "0.5" },
      file: null,
    });
  });

  it.each<[field: string, fields: readonly Field[]]>([
    [
      "model",
      [
        ["model", "a"],
        ["model", "b"],
      ],
    ],
    [
      "model",
      [
        ["model", "a"],
        ["model[]", "b"],
      ],
    ],
    [
      "model",
      [
        ["model[]", "a"],
        ["model", "b"],
      ],
    ],
    [
      "model",
      [
        ["model[x]", "a"],
        ["model", "b"],
      ],
    ],
    [
      "prompt",
      [
        ["prompt", "a"],
        ["prompt", "a"],
      ],
    ],
    [
      "image",
      [
        ["image", picture],
        ["image", picture],
      ],
    ],
    [
      "image",
      [
        ["image", picture],
        ["image[]", picture],
      ],
    ],
    [
      "x",
      [
        ["x[a]", "1"],
        ["x[a]", "2"],
      ],
    ],
    [
      "x",
      [
        ["x[a]", "1"],
        ["x[]", "2"],
      ],
    ],
    [
      "n",
      [
        ["n", "2"],
        ["n", "200"],
      ],
    ],
  ])("name %s once", (field, fields) => {
    expect(told(...fields)).toBe(`body_invalid at ${field}`);
  });

  it.each(["", " ", "2 ", "+2", "02", "1e3", "0x10", "Infinity", "NaN", "２", "1,000", "1_000"])(
    "write a number in one way: %j is none",
    (text) => {
      expect(told(["n", text])).toBe("body_invalid at n");
    },
  );

  it.each(["", "1", "True", "yes", " true", "TRUE"])("write a switch in one way: %j is none", (text) => {
    expect(told(["stream", text])).toBe("body_invalid at stream");
  });

  it.each(["", "a b", 'a"b', "a[", "a]b", "a[b", "[a]", "a[b][c][d][e][f]", "é", "x".repeat(65)])(
    "have names that parameters have: %j is none",
    (name) => {
      expect(told([name, "1"])).toBe("body_invalid at -");
    },
  );

  it("may be called like members of every object", () => {
    expect(Object.keys(told(["__proto__", "1"], ["constructor", "2"]))).toEqual(["__proto__", "constructor"]);
  });
});

describe("the form that Azure gets", () => {
  const field = fc.tuple(
    fc.constantFrom("prompt", "user", "brand_new", "include[]", "size", "x[a]", "x[b]"),
    fc.oneof(fc.string({ unit: "grapheme" }), fc.constant(picture), fc.constant(sound)),
  );
  const REQUEST_ID = "request_1";

  it("is what came, with another model: names, order, texts, files to the byte, their names and types", () => {
    fc.assert(
      fc.property(fc.uniqueArray(field, { selector: ([name]) => name, maxLength: 6 }), (fields) => {
        const form = readForm(formOf([["model", "theirs"], ...fields]));
        if (!form.ok) throw new Error(form.error.code);
        const backend = backendOf({ azureDeployment: "ours" });
        const { contentType, pieces } = forwardedForm(form.value.parts, backend, REQUEST_ID, false);
        expect(contentType).toBe("multipart/form-data; boundary=portcullis-request_1");
        const read = parseMultipart(joinedBytes(pieces), `portcullis-${REQUEST_ID}`, 10);
        expect(read).toEqual(formOf([["model", "ours"], ...fields]));
      }),
    );
  });

  it("holds files without copying them", () => {
    const form = readForm(formOf([["file", sound]]));
    const pieces = form.ok ? forwardedForm(form.value.parts, backendOf(), REQUEST_ID, false).pieces : [];
    expect(pieces.filter((piece) => piece === sound.bytes)).toHaveLength(1);
  });

  it.each([true, false])("is kept by Azure only where that is allowed: %j", (allowStore) => {
    const form = readForm(formOf([["store", "true"]]));
    if (!form.ok) throw new Error(form.error.code);
    const { pieces } = forwardedForm(form.value.parts, backendOf(), REQUEST_ID, allowStore);
    const read = parseMultipart(joinedBytes(pieces), `portcullis-${REQUEST_ID}`, 10);
    expect(read).toEqual(formOf([["store", String(allowStore)]]));
  });

  it("has no model where the caller named none: the path names it", () => {
    const form = readForm(formOf([["prompt", "x"]]));
    const forwarded = form.ok ? forwardedForm(form.value.parts, backendOf(), REQUEST_ID, false).pieces : [];
    expect(textOf(joinedBytes(forwarded))).not.toContain("model");
  });
});

describe("a call by form", () => {
  it.each(["model", "prompt", "stream", "n", "response_format", "user", "output_compression", "speed"])(
    "has no file for %s, which would be unseen",
    (field) => {
      expect(readMediaForm("images/edits", [[field, picture]])).toMatchObject({
        ok: false,
        error: { code: "body_invalid", field },
      });
    },
  );

  it.each<[what: string, holdsFile: boolean, outsideContent: boolean, fields: readonly Field[]]>([
    [
      "pictures",
      false,
      false,
      [
        ["image[]", picture],
        ["mask", picture],
      ],
    ],
    ["a picture by its address", false, true, [["image", "https://x.test/a.png"]]],
    [
      "one of several by its address",
      false,
      true,
      [
        ["image[]", picture],
        ["image[]", "https://x.test/a"],
      ],
    ],
    [
      "a file that nobody knows",
      true,
      false,
      [
        ["image", picture],
        ["brand_new", sound],
      ],
    ],
  ])("of an edit tells of %s", (_what, holdsFile, outsideContent, fields) => {
    const call = readMediaForm("images/edits", fields);
    expect(call).toMatchObject({
      ok: true,
      value: { holdsFile, prompt: { textTokens: null, outsideContent } },
    });
  });

  it.each<[what: string, outsideContent: boolean, field: Field]>([
    ["its sound", false, ["file", sound]],
    ["sound by its address", true, ["file", "https://x.test/a.mp3"]],
    ["sound elsewhere", false, ["image", sound]],
  ])("of a transcript holds %s, which nothing looks into", (_what, outsideContent, field) => {
    expect(readMediaForm("audio/transcriptions", [field])).toMatchObject({
      ok: true,
      value: { holdsFile: true, prompt: { outsideContent } },
    });
  });
});
