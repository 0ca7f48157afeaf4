/**
 * The API reference: one page around a library that draws /v1/openapi.json. The library is a static asset of this
 * Worker, so the page loads nothing from elsewhere, and its policy allows nothing else.
 */

const html = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Portcullis API</title>
    <script type="module" src="/openapi-explorer.min.js"></script>
    <style>body { margin: 0 }</style>
  </head>
  <body>
    <openapi-explorer spec-url="/v1/openapi.json" hide-console hide-authentication></openapi-explorer>
  </body>
</html>
`;

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'unsafe-inline'",
  "img-src data:",
  "font-src data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export const referencePage = (requestId: string): Response =>
  new Response(html, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
      "x-request-id": requestId,
      "cache-control": "public, max-age=300",
    },
  });
