// wrangler hands over a file's bytes as the default export, which is the one way it has.
declare module "*.bin" {
  const bytes: ArrayBuffer;
  // biome-ignore lint/style/noDefaultExport: wrangler's.
  export default bytes;
}
