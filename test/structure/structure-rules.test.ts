import { describe, expect, it } from 'vitest';
import { structureProblems } from './structure-rules.ts';

const problems = (path: string, text = 'export const a = 1;\n') => structureProblems([{ path, text }]);
const lines = (count: number) => 'export const a = 1;\n'.repeat(count);

describe('the structure check', () => {
  it('accepts what is as it should be', () => {
    expect(problems('connectors/okta/sign-in-policy.ts')).toEqual([]);
    expect(problems('workflows/index.ts', "export { connection } from './connection.ts';\n")).toEqual([]);
    expect(problems('docs/README.md', 'https://vendor.example/home/x and ${base}/home/y')).toEqual([]);
  });

  it.each(['utils', 'helpers', 'common', 'types', 'lib', 'shared'])('refuses the name %s', (name) => {
    expect(problems(`store/${name}/one.ts`)).toEqual([expect.stringContaining(`"${name}"`)]);
    expect(problems(`store/${name}.ts`)).toEqual([expect.stringContaining(`"${name}"`)]);
  });

  it('wants kebab-case', () => {
    expect(problems('store/writeGroup.ts')).toEqual([expect.stringContaining('kebab-case')]);
    expect(problems('simulators/Okta/server.ts')).toEqual([expect.stringContaining('kebab-case')]);
  });

  it('limits the length of files, workflows more', () => {
    expect(problems('store/a.ts', lines(350))).toEqual([]);
    expect(problems('store/a.ts', lines(351))).toEqual([expect.stringContaining('351 lines')]);
    expect(problems('workflows/a.ts', lines(200))).toEqual([]);
    expect(problems('workflows/a.ts', lines(201))).toEqual([expect.stringContaining('201 lines')]);
    expect(problems('workflows/a.test.ts', lines(201))).toEqual([]);
  });

  it('refuses files that only re-export', () => {
    const text = "/** All. */\nexport * from './a.ts';\nexport { type B,\n  c } from './b.ts';\n";
    expect(problems('store/all.ts', text)).toEqual([expect.stringContaining('re-exports')]);
    expect(problems('store/all.ts', `${text}export const d = 1;\n`)).toEqual([]);
  });

  it.each([
    ['a machine path', `const a = '/${'root'}/x';`],
    ['another', `see /${'work'}/main/store`],
    ['a temporary path', `/${'tmp'}/x`],
    ['a registry', `https://registry.${'npmjs'}.org/x`],
    ['an open end', `// ${'TO' + 'DO'}: finish`],
  ])('finds %s', (_what, line) => {
    expect(problems('README.md', `first\n${line}\n`)).toEqual([expect.stringMatching(/^README\.md:2: /)]);
  });

  it('finds tests that do not run', () => {
    expect(problems('store/a.test.ts', `it.${'skip'}('x', () => {});\n`)).toEqual([expect.stringContaining('skipped')]);
    expect(problems('store/a.test.ts', `describe.${'only'}('x', () => {});\n`)).toEqual([
      expect.stringContaining('alone'),
    ]);
  });
});
