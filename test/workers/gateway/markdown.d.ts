// Vite hands over a file's text as the default export, which is the one way it has.
declare module "*.md?raw" {
  const text: string;
  // biome-ignore lint/style/noDefaultExport: Vite's.
  export default text;
}
