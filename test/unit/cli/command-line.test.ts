import { describe, expect, it } from "vitest";
import type { Command } from "../../../src/cli/command.ts";
import { typed } from "./command-fixture.ts";

const commandOf = (...words: string[]): Command => ({
  words,
  usage: `portcullis ${words.join(" ")} <something>`,
  summary: `Does ${words.join(" ")}.`,
  async run(args, { out }) {
    out(`${words.join(" ")}: ${args.join(" ")}`);
    return 7;
  },
});
const commands = [commandOf("key", "list"), commandOf("key", "make"), commandOf("lint")];

describe("portcullis", () => {
  it("runs the command whose words were typed, with the rest as its arguments", async () => {
    expect(await typed(commands, ["key", "make", "--fast", "a"])).toEqual({
      code: 7,
      out: ["key make: --fast a"],
      err: [],
    });
    expect((await typed(commands, ["lint"])).out).toEqual(["lint: "]);
  });

  it.each([[["help"]], [["--help"]], [["-h"]]])("tells every command on %s", async (words) => {
    const { code, out } = await typed(commands, words);
    expect(code).toBe(0);
    for (const { usage, summary } of commands)
      expect(out.join("\n")).toMatch(new RegExp(`${usage}\n.*${summary}`));
  });

  it("tells a command's usage instead of running it", async () => {
    const { code, out } = await typed(commands, ["lint", "x", "--help"]);
    expect(code).toBe(0);
    expect(out).toEqual(["Does lint.", "Usage: portcullis lint <something>"]);
  });

  it.each([[[]], [["unknown"]], [["key"]], [["key", "lose"]], [["make"]], [["list", "key"]]])(
    "knows no command %j, says what there is on standard error, and ends with 2",
    async (words) => {
      const { code, out, err } = await typed(commands, words);
      expect(code).toBe(2);
      expect(out).toEqual([]);
      expect(err.join("\n")).toContain("portcullis key make");
    },
  );
});
