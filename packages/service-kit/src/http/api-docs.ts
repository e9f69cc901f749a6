import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { swaggerUI } from '@hono/swagger-ui';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { HttpEnv } from './http-env.ts';

/** What the page needs and no more: our own files only, and the API it describes. */
const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const initializer = `window.ui = SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true });\n`;

const assets = [
  { path: '/api-docs/swagger-ui.css', file: 'swagger-ui.css', type: 'text/css; charset=utf-8' },
  { path: '/api-docs/swagger-ui-bundle.js', file: 'swagger-ui-bundle.js', type: 'text/javascript; charset=utf-8' },
  { path: '/favicon.ico', file: 'favicon-32x32.png', type: 'image/png' },
] as const;

/** Swagger UI at `/api-docs`, every file of it served from here, so that it works without the internet; `/` leads there. */
export function addApiDocs(app: OpenAPIHono<HttpEnv>, title: string): void {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('swagger-ui-dist/package.json'));
  app.use('/api-docs', async (context, next) => {
    await next();
    context.header('content-security-policy', contentSecurityPolicy);
  });
  app.get('/', (context) => context.redirect('/api-docs'));
  app.get(
    '/api-docs',
    swaggerUI({
      url: '/openapi.json',
      title,
      manuallySwaggerUIHtml: () => `
        <link rel="stylesheet" href="/api-docs/swagger-ui.css" />
        <div id="swagger-ui"></div>
        <script src="/api-docs/swagger-ui-bundle.js"></script>
        <script src="/api-docs/initializer.js"></script>`,
    }),
  );
  app.get('/api-docs/initializer.js', (context) =>
    context.body(initializer, 200, { 'content-type': 'text/javascript; charset=utf-8' }),
  );
  for (const { path, file, type } of assets) {
    const content = new Uint8Array(readFileSync(join(folder, file)));
    app.get(path, (context) =>
      context.body(content, 200, { 'content-type': type, 'cache-control': 'public, max-age=3600' }),
    );
  }
}
