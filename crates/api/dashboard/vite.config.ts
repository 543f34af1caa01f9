import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

/** Each built file compressed beside it: the API embeds both. */
function zipped(): Plugin {
  return {
    name: 'zipped',
    closeBundle() {
      for (const folder of ['dist', 'dist/assets']) {
        for (const entry of readdirSync(folder, { withFileTypes: true })) {
          const path = join(folder, entry.name);
          if (entry.isFile() && !path.endsWith('.gz')) writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
        }
      }
    },
  };
}

/** Script that is loaded before the first page shows its figures, gzipped, at most. */
const FIRST_LOAD_BYTES = 60_000;

/** Refuses a build whose first load is too large: the entry, what it imports, the same of the overview, and its texts in one language. */
function bounded(): Plugin {
  return {
    name: 'bounded',
    generateBundle(_, bundle) {
      const need = (name: string, needed: Set<string>) => {
        const chunk = bundle[name];
        if (chunk?.type !== 'chunk' || needed.has(name)) return;
        needed.add(name);
        chunk.imports.forEach((own) => need(own, needed));
      };
      const of = (pattern: RegExp) => Object.keys(bundle).filter((name) => {
        const chunk = bundle[name];
        return chunk?.type === 'chunk' && pattern.test(chunk.isEntry ? 'entry' : (chunk.facadeModuleId ?? ''));
      });
      for (const language of of(/\/texts\/..\.ts$/)) {
        const needed = new Set<string>();
        for (const name of [...of(/^entry$|\/pages\/overview\.tsx$/), language]) need(name, needed);
        const sizes = [...needed].map((name) => [name, gzipSync((bundle[name] as { code: string }).code, { level: 9 }).length] as const);
        const bytes = sizes.reduce((sum, [, own]) => sum + own, 0);
        const told = `the first load has ${bytes} bytes of script, gzipped: ${sizes.map(([name, own]) => `${name} ${own}`).join(', ')}`;
        if (bytes > FIRST_LOAD_BYTES) this.error(`${told}; it may have ${FIRST_LOAD_BYTES}`);
        console.log(told);
      }
    },
  };
}

export default defineConfig({
  plugins: [bounded(), zipped()],
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: { target: 'es2021', modulePreload: { polyfill: false }, assetsInlineLimit: 0, cssCodeSplit: false },
  // `npx vite` beside a running `netbanx dev`.
  server: { proxy: { '/api': process.env.API_URL ?? 'http://127.0.0.1:8080' } },
});
