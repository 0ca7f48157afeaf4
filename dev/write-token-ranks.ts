// `npm run token-ranks`: packs the vocabularies of gpt-tokenizer (MIT; OpenAI's tiktoken files) into src/azure/token-ranks,
// as src/azure/token-ranks.ts reads them. A test fails when they say anything else than the package.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const target = join(import.meta.dirname, "../src/azure/token-ranks");
const require = createRequire(import.meta.url);

for (const encoding of ["o200k_base", "cl100k_base"]) {
  const lines = readFileSync(require.resolve(`gpt-tokenizer/data/${encoding}.tiktoken`), "latin1")
    .trimEnd()
    .split("\n");
  const tokens = lines.map((line, index) => {
    const [token = "", rank] = line.split(" ");
    if (Number(rank) !== index) throw new Error(`${encoding} has no rank ${index}.`);
    return Buffer.from(token, "base64");
  });
  const packed = Buffer.concat(tokens.flatMap((token) => [Buffer.from([token.length]), token]));
  writeFileSync(join(target, `${encoding}.bin`), gzipSync(packed, { level: 9 }));
  console.log(`Packed ${tokens.length} tokens of ${encoding}.`);
}
