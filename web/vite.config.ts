import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/**
 * The dashboard as a few static files that the server holds in memory. No inline script or style and nothing from
 * outside, so that the strictest content policy holds.
 */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../build/web',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
