// Refuses files of src that import each other in a circle, types included. First it proves on an example that it would.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const IMPORTS = /(?:from|import)\s*\(?\s*'(\.[^']+)'/g;
const ENDS = ['', '.ts', '.tsx', '/index.ts', '/index.tsx'];

/** The first circle of files that import each other, as the way round it; none where there is none. */
function circle(files) {
  const imports = (name) =>
    [...files.get(name).matchAll(IMPORTS)].flatMap(([, to]) => {
      const path = normalize(join(dirname(name), to));
      const found = ENDS.map((end) => path + end).find((own) => files.has(own));
      return found ? [found] : [];
    });
  const done = new Set();
  const way = [];
  const visit = (name) => {
    if (way.includes(name)) return [...way.slice(way.indexOf(name)), name];
    if (done.has(name)) return undefined;
    way.push(name);
    for (const next of imports(name)) {
      const found = visit(next);
      if (found) return found;
    }
    way.pop();
    done.add(name);
    return undefined;
  };
  for (const name of files.keys()) {
    const found = visit(name);
    if (found) return found;
  }
  return undefined;
}

const example = new Map([['a.ts', "import { b } from './b/b';"], ['b/b.tsx', "import type { C } from '../c';"], ['c.ts', "export * from './a';"]]);
if (circle(example)?.length !== 4) throw new Error('a circle of three files is not seen');
example.set('c.ts', '');
if (circle(example)) throw new Error('a circle is seen where there is none');

const names = readdirSync('src', { recursive: true }).filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.d.ts'));
const found = circle(new Map(names.map((name) => [name, readFileSync(join('src', name), 'utf8')])));
if (found) {
  console.error(`src: ${found.join(' → ')}`);
  process.exit(1);
}
