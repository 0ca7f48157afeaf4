// Resources have one spelling, and patterns contain them by plain string comparison.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { parseDocument } from "../../../src/kernel/parse-document.ts";
import {
  deploymentOfResource,
  matchesResource,
  modelResource,
  Resource,
  ResourcePattern,
} from "../../../src/policy/resource.ts";

const good = [
  "api://azure-openai",
  "api://azure-openai/models/gpt-4",
  "api://azure-openai/models/gpt-4.1_mini",
  "api://a/b/c/d",
];
const bad = [
  "",
  "*/",
  "api://",
  "api:///models",
  "api:/azure-openai/models/gpt-4",
  "API://azure-openai/models/gpt-4",
  "Api://azure-openai/models/gpt-4",
  "http://azure-openai/models/gpt-4",
  "azure-openai/models/gpt-4",
  "api://azure-openai/models/",
  "api://azure-openai//models/gpt-4",
  "api://azure-openai/models//gpt-4",
  "api://azure-openai/../models/gpt-4",
  "api://azure-openai/models/..",
  "api://azure-openai/models/.",
  "api://azure-openai/models/.gpt-4",
  "api://azure-openai/models/gpt-4.",
  "api://azure-openai/models/gpt%2D4",
  "api://azure-openai/models%2fgpt-4",
  "api://azure-openai/models/gpt-4%00",
  "api://azure-openai/models/gpt-4?x=1",
  "api://azure-openai/models/gpt-4#x",
  "api://azure-openai\\models\\gpt-4",
  "api://azure-openai/models/gpt 4",
  " api://azure-openai/models/gpt-4",
  "api://azure-openai/models/gpt-4\n",
  "api://azure-openai/models/gpt-４",
  "api://user@azure-openai/models/gpt-4",
  "api://azure-openai:443/models/gpt-4",
  `api://azure-openai/models/${"g".repeat(129)}`,
  `api://${"a/".repeat(260)}a`,
];

describe("what parses", () => {
  it.each(good)("%s is a resource and a pattern", (text) => {
    expect(Resource.safeParse(text).success).toBe(true);
    expect(ResourcePattern.safeParse(text).success).toBe(true);
    expect(ResourcePattern.safeParse(`${text}/*`).success).toBe(true);
  });

  it.each(bad)("%j is neither", (text) => {
    expect(Resource.safeParse(text).success).toBe(false);
    expect(ResourcePattern.safeParse(text).success).toBe(false);
    expect(ResourcePattern.safeParse(`${text}/*`).success).toBe(false);
  });

  it.each([
    "api://azure-openai/*/gpt-4",
    "api://azure-openai/models/gpt-*",
    "api://*",
    "api://*/models",
    "**",
    "*/*",
    "api://azure-openai/**",
    "api://azure-openai/*/*",
  ])("%s is no pattern: a wildcard stands alone or as the last segment", (text) => {
    expect(ResourcePattern.safeParse(text).success).toBe(false);
  });

  it("a resource holds no wildcard", () => {
    expect(Resource.safeParse("*").success).toBe(false);
    expect(Resource.safeParse("api://azure-openai/*").success).toBe(false);
  });
});

describe("what matches", () => {
  it.each<[pattern: string, resource: string, matches: boolean]>([
    ["*", "api://azure-openai/models/gpt-4", true],
    ["api://azure-openai/models/gpt-4", "api://azure-openai/models/gpt-4", true],
    ["api://azure-openai/models/gpt-4", "api://azure-openai/models/gpt-4o", false],
    ["api://azure-openai/models/gpt-4", "api://azure-openai/models/gpt-4/versions", false],
    ["api://azure-openai/models/gpt-4", "api://azure-openai/models/GPT-4", false],
    ["api://azure-openai/models/gpt.4", "api://azure-openai/models/gpt-4", false],
    ["api://azure-openai/models/*", "api://azure-openai/models/gpt-4", true],
    ["api://azure-openai/models/*", "api://azure-openai/models/a/b", true],
    ["api://azure-openai/models/*", "api://azure-openai/models", false],
    ["api://azure-openai/models/*", "api://azure-openai/models-other/gpt-4", false],
    ["api://azure-openai/*", "api://azure-openai-2/models/gpt-4", false],
    ["api://azure-openai/*", "api://Azure-OpenAI/models/gpt-4", false],
  ])("%s on %s: %s", (pattern, resource, matches) => {
    expect(matchesResource(ResourcePattern.parse(pattern), Resource.parse(resource))).toBe(matches);
  });

  it("a prefix matches exactly the resources below it", () => {
    const path = fc
      .array(fc.constantFrom("a", "ab", "b", "a-b"), { minLength: 1, maxLength: 4 })
      .map((segments) => `api://${segments.join("/")}`);
    fc.assert(
      fc.property(path, path, (prefix, resource) => {
        const below =
          resource.split("/").length > prefix.split("/").length &&
          prefix.split("/").every((segment, index) => resource.split("/")[index] === segment);
        expect(matchesResource(`${prefix}/*`, resource)).toBe(below);
      }),
    );
  });
});

describe("a model's resource", () => {
  it("names its deployment and nothing else does", () => {
    expect(deploymentOfResource(modelResource("gpt-4"))).toBe("gpt-4");
    expect(deploymentOfResource("api://azure-openai/models/a/b")).toBeUndefined();
    expect(deploymentOfResource("api://azure-openai/models")).toBeUndefined();
    expect(deploymentOfResource("api://other/models/gpt-4")).toBeUndefined();
  });
});

describe("a pattern as the control plane answers it", () => {
  const codeOf = (text: string): string => {
    const parsed = parseDocument(
      z.object({ resources: z.array(ResourcePattern) }),
      { resources: ["*", text] },
      "body_invalid",
    );
    if (parsed.ok) return "fine";
    expect(parsed.error.field).toBe("resources[1]");
    return parsed.error.code;
  };

  it.each([
    "API://azure-openai/models/gpt-4",
    "api://azure-openai/models/",
    "api://azure-openai//models/*",
    "api://azure-openai/x/../models/gpt-4",
    "api://azure-openai/./models/gpt-4",
    "api://azure-openai/models/gpt%2D4",
    " api://azure-openai/models/gpt-4",
    "api://azure-openai/models/gpt-４",
  ])("%j is another spelling of one, and means nothing", (text) => {
    expect(codeOf(text)).toBe("meaningless");
  });

  it.each([
    "",
    "api://",
    "models/gpt-4",
    "api://azure-openai/*/gpt-4",
    "api://azure-openai/models/gpt 4",
    "%E0%A4%A",
  ])("%j is malformed", (text) => {
    expect(codeOf(text)).toBe("body_invalid");
  });

  it("of the right spelling is fine", () => {
    for (const text of [...good, "*", "api://azure-openai/models/*"]) expect(codeOf(text)).toBe("fine");
  });
});
