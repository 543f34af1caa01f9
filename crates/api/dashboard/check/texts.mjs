// Refuses texts outside of the catalogue (src/texts), and French that is not set as French is. First it proves on examples that it
// would; then it looks at every file of src. A string that reads like a text and is none has `Not a text: why` in the line above.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

/** Attributes that are read or heard, of elements and of components of ours. */
const TEXTS = /^(aria-(label|valuetext|description|roledescription)|title|placeholder|alt|label|caption|text|action|none|hint)$/;
/** Attributes whose value nobody reads. */
const CODE = /^(class|d|path|viewBox|href|rel|accept|autocomplete|points|transform)$/;
/** Attributes that a browser reads: a text there would mean another thing, or nothing, in another language. */
const READ_BY_BROWSERS = /^(type|name|inputMode|list|role|method|for|id)$/;
/** Elements that show code as it is. */
const CODES = /^(code|kbd|Code)$/;

/** What reads like a text: two words in a row, or a word that begins as a sentence does. */
const READS = /(?<![\p{L}\p{N}_-])\p{L}{2,}[,;:.]? \p{L}{2,}(?![\p{L}\p{N}_]*[-_=(])|^\p{Lu}\p{Ll}+(?![\p{L}\p{N}_-])/u;

/** What a file says that the catalogue should, as [line, text]. */
function outside(name, source) {
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true, name.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS);
  const lines = source.split('\n');
  const found = [];
  const lineOf = (node) => file.getLineAndCharacterOfPosition(node.getStart()).line;
  const tell = (node, text) => {
    const line = lineOf(node);
    if (!/Not a text: \S/.test(lines[line - 1] ?? '')) found.push([line + 1, text.trim()]);
  };
  const visit = (node) => {
    if (ts.isImportDeclaration(node) || ts.isTypeNode(node) || ts.isThrowStatement(node)) return;
    if (ts.isJsxElement(node) && CODES.test(node.openingElement.tagName.getText())) return;
    if (ts.isJsxAttribute(node)) {
      const attribute = node.name.getText();
      // Of elements alone: what a component of ours does with it is its own.
      const isElement = /^[a-z]/.test(node.parent.parent.tagName.getText());
      if (isElement && (CODE.test(attribute) || READ_BY_BROWSERS.test(attribute)) && /(?<![\w.])t\.\w/.test(node.initializer?.getText() ?? '')) tell(node, node.getText());
      if (CODE.test(attribute)) return;
      const value = node.initializer;
      if (value && ts.isStringLiteral(value) && TEXTS.test(attribute) && /\p{L}/u.test(value.text)) {
        tell(node, value.text);
        return;
      }
    }
    // Which element of the page is meant, and what is compared, is no text.
    if (ts.isCallExpression(node) && /querySelector(All)?$|closest$/.test(node.expression.getText())) return;
    if (ts.isBinaryExpression(node) && /^[!=]==$/.test(node.operatorToken.getText())) return;
    if (ts.isPropertyAssignment(node) && (node.name.getText() === 'icon' || node.name.getText() === 'font')) return;
    if (ts.isJsxText(node)) {
      if (/\p{L}/u.test(node.text)) tell(node, node.text);
    } else if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node)) {
      if (READS.test(node.text.trim()) && !(ts.isPropertyAssignment(node.parent) && node.parent.name === node)) tell(node, node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const LETTER_APOSTROPHE = /\p{L}'\p{L}/u;
/** What stands before a high mark, or after an opening one, other than the narrow space that does not break. */
const WRONG_SPACE = /[^\u202f\s\p{P}][;:!?»](\s|$)|[ \u00a0][;:!?»]|«[^\u202f]/u;

/** What a file of French sets otherwise than French is set, as [line, text]. */
function unset(name, source) {
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true, name.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS);
  const found = [];
  const visit = (node) => {
    if (ts.isImportDeclaration(node) || ts.isTypeNode(node)) return;
    const isText = ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node) || ts.isJsxText(node);
    if (isText) {
      // What a template tells stands before its parts: a mark that begins one needs its space there.
      const text = ts.isTemplateMiddle(node) || ts.isTemplateTail(node) ? `x${node.text}` : node.text;
      if (LETTER_APOSTROPHE.test(text) || WRONG_SPACE.test(text)) found.push([file.getLineAndCharacterOfPosition(node.getStart()).line + 1, node.text.trim()]);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const REFUSED = [
  '<p>Waiting</p>', '<p>{count(3)} rows</p>', '<input placeholder="EUR" />', '<nav aria-label="pages" />', '<a title="Go there" />',
  '<Select label={isOpen ? "Open" : "Shut"} />', 'tell("The session ended");', 'const columns = [{ name: "Status" }];',
  '<input type={t.common.password} />', 'tell(`${number} rows were read`);', '<Figure name="Waiting" value="" />', '<Id text={id} of="the id" />',
];
const ALLOWED = [
  '<p>{t.queue.waiting}</p>', '<p>· {a} – {b}</p>', '<div class="card wide" />', '<path d="M3 12l6-6 4 4" />', '<code>netbanx user add</code>',
  'const path = "/api/v1/events";', 'if (name === "Not found") go();', 'throw new Error("nobody is signed in");',
  '// Not a text: a program.\nconst example = "pip install something";', 'headers["content-type"] = "application/json";', 'root.querySelector("main h1");',
];
const MISSET = ["'L\\'API est là'", "'Vraiment ?'", "'Vraiment?'", "'« oui »'", '`Clé ${n} : fin`', '`Clé ${n}: fin`'];
const WELL_SET = ["'L’API est là'", "'Vraiment\u202f?'", "'«\u202foui\u202f»'", '`Clé ${n}\u202f: fin`', "'37:40 à l’heure'"];

function proven() {
  const wrong = [
    ...REFUSED.filter((example) => outside('example.tsx', example).length === 0).map((example) => `is not refused: ${example}`),
    ...ALLOWED.filter((example) => outside('example.tsx', example).length > 0).map((example) => `is refused: ${example}`),
    ...MISSET.filter((example) => unset('example.ts', example).length === 0).map((example) => `is not refused in French: ${example}`),
    ...WELL_SET.filter((example) => unset('example.ts', example).length > 0).map((example) => `is refused in French: ${example}`),
  ];
  for (const one of wrong) console.error(`check/texts.mjs: ${one}`);
  return wrong.length === 0;
}

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path) : /\.tsx?$/.test(entry.name) && !entry.name.endsWith('.d.ts') ? [path] : [];
  });
}

if (!proven()) process.exit(1);
const root = new URL('..', import.meta.url).pathname;
const complaints = files(join(root, 'src')).flatMap((path) => {
  const name = relative(root, path);
  const source = readFileSync(path, 'utf8');
  const told = (why) => ([line, text]) => `${name}:${line}: ${why}: ${text}`;
  if (name.startsWith('src/texts/fr/')) return unset(name, source).map(told('not set as French is (’, and a narrow no-break space before ; : ! ? »)'));
  return name.startsWith('src/texts/') ? [] : outside(name, source).map(told('a text outside of src/texts'));
});
for (const complaint of complaints) console.error(complaint);
if (complaints.length > 0) process.exit(1);
