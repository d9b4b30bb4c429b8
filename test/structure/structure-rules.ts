import { basename, dirname } from 'node:path/posix';

export interface SourceFile {
  /** From the project's root, with slashes. */
  path: string;
  text: string;
}

const CODE_FOLDERS = /^(connectors|workflows|activities|store|api|simulators|local|test)\//;
const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const VAGUE = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'types', 'lib', 'shared', 'misc']);
const MAX_LINES = 350;
const MAX_WORKFLOW_LINES = 200;

/** The Temporal bundler wants one module that exports every workflow. */
const WORKFLOW_ENTRY = 'workflows/index.ts';

/** Written in pieces, so that this file does not find itself. */
const FORBIDDEN_TEXT: { what: string; pattern: RegExp }[] = [
  {
    what: "a path of somebody's machine",
    pattern: new RegExp(`(?<![\\w.~}])/(${['work', 'root', 'home'].join('|')})/\\w`),
  },
  { what: 'a path in the temporary folder', pattern: new RegExp(`(?<![\\w.])/${'tmp'}/[\\w.]`) },
  {
    what: 'the host of a package registry',
    pattern: new RegExp(['registry\\.' + 'npmjs', 'pypi\\.' + 'org', 'files\\.' + 'pythonhosted'].join('|')),
  },
  {
    what: 'unfinished work',
    pattern: new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`),
  },
];
const FORBIDDEN_IN_TESTS = {
  what: 'a test that is skipped or runs alone',
  pattern: new RegExp(`\\b(it|test|describe)\\.(${['sk' + 'ip', 'on' + 'ly', 'to' + 'do'].join('|')})\\b`),
};

/** What is wrong with the shape of the project, one line each; empty when all is well. */
export function structureProblems(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => [
    ...nameProblems(file),
    ...lengthProblems(file),
    ...reexportProblems(file),
    ...textProblems(file),
  ]);
}

function nameProblems({ path }: SourceFile): string[] {
  if (!CODE_FOLDERS.test(path)) return [];
  const folders = dirname(path).split('/');
  const stem = basename(path).split('.')[0] ?? '';
  const isCode = path.endsWith('.ts');
  return [
    ...[...folders, ...(isCode ? [stem] : [])]
      .filter((name) => VAGUE.has(name))
      .map((name) => `${path}: "${name}" says nothing about what is in it`),
    ...[...folders, ...(isCode ? [stem] : [])]
      .filter((name) => !KEBAB.test(name))
      .map((name) => `${path}: "${name}" is not kebab-case`),
  ];
}

function lengthProblems({ path, text }: SourceFile): string[] {
  if (!path.endsWith('.ts')) return [];
  const lines = text.split('\n').length - 1;
  const limit = path.startsWith('workflows/') && !path.endsWith('.test.ts') ? MAX_WORKFLOW_LINES : MAX_LINES;
  return lines > limit ? [`${path}: ${lines} lines, past ${limit} a file wants splitting`] : [];
}

function reexportProblems({ path, text }: SourceFile): string[] {
  if (!path.endsWith('.ts') || path === WORKFLOW_ENTRY) return [];
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '').trim();
  const onlyReexports = /^(export\s+(type\s+)?(\*(\s+as\s+\w+)?|\{[^}]*\})\s+from\s+['"][^'"]+['"];?\s*)+$/.test(code);
  return onlyReexports ? [`${path}: only re-exports; import from where the thing is`] : [];
}

function textProblems({ path, text }: SourceFile): string[] {
  const patterns = path.endsWith('.test.ts') ? [...FORBIDDEN_TEXT, FORBIDDEN_IN_TESTS] : FORBIDDEN_TEXT;
  return text
    .split('\n')
    .flatMap((line, index) =>
      patterns
        .filter(({ pattern }) => pattern.test(line))
        .map(({ what }) => `${path}:${index + 1}: ${what}: ${line.trim().slice(0, 100)}`),
    );
}
