// The values that random policies and asks are drawn from, and what those mean that can be written in several ways.
import { AgentId } from "../../../../src/kernel/ids.ts";

export const classifications = ["public", "internal", "confidential", "restricted"] as const;

export const hour = Date.parse("2026-09-21T14:00:00.000Z");
export const momentAt = (epochMs: number) => new Date(epochMs).toISOString();

/** Every tool that a list or an ask may name, and two that none names. */
export const toolPool = [
  "function:search",
  "function:mail",
  "function:unlisted",
  "function",
  "custom:search",
  "web_search",
  "mcp",
  "brand_new",
] as const;

/** What each spelling of an address means; null = no address. Cedar and the reference are given the meaning. */
export const addressMeanings: Readonly<Record<string, string | null>> = {
  "192.0.2.1": "192.0.2.1",
  "192.0.2.64": "192.0.2.64",
  "192.0.2.127": "192.0.2.127",
  "192.0.2.128": "192.0.2.128",
  "::ffff:192.0.2.65": "192.0.2.65",
  "::ffff:c000:241": "192.0.2.65",
  "2001:db8::1": "2001:db8::1",
  "2001:db8:8000::1": "2001:db8:8000::1",
  somewhere: null,
};
export const rangeMeanings: Readonly<Record<string, string>> = {
  "0.0.0.0/0": "0.0.0.0/0",
  "192.0.2.0/24": "192.0.2.0/24",
  "192.0.2.64/26": "192.0.2.64/26",
  "192.0.2.1/32": "192.0.2.1/32",
  "::ffff:192.0.2.64/122": "192.0.2.64/26",
  "::/0": "::/0",
  "2001:db8::/32": "2001:db8::/32",
  "2001:db8::/33": "2001:db8::/33",
};

/** One literal of each built-in set of denied patterns, of those that situations hold. */
export const literalOf = { script_markup: "<script", data_url_markup: "data:image/" } as const;

/** A role that would break out of a text that is not escaped. */
export const oddRole = 'a"b\\c*';

export const agentId = (index: number): AgentId => AgentId.parse(`agent_${"0".repeat(31)}${index}`);
