import { describe, expect, it } from 'vitest';
import { RunIsEnding } from '../processes.ts';
import { explain, firstThatWorks, mapSource, NothingFound, type Source } from './source-chain.ts';

const asked: string[] = [];
const has = (name: string): Source<string> => ({
  name,
  find: async () => {
    asked.push(name);
    return { value: `/${name}`, version: '1.2.3' };
  },
});
const lacks = (name: string, error: unknown = new Error(`no ${name}`)): Source<string> => ({
  name,
  find: () => Promise.reject(error as Error),
});

describe('a chain of sources', () => {
  it('takes the first that works, asks no further and tells why the others did not', async () => {
    const found = await firstThatWorks('Thing', [lacks('one'), lacks('two'), has('three'), has('four')], 'buy one');
    expect(found).toEqual({
      value: '/three',
      version: '1.2.3',
      source: 'three',
      tried: [
        { source: 'one', why: 'no one' },
        { source: 'two', why: 'no two' },
      ],
    });
    expect(asked).toEqual(['three']);
    expect(explain('Thing', found)).toBe('Thing 1.2.3 from: three\n  not from one: no one\n  not from two: no two');
  });

  it('lists every reason and an advice when nothing works', async () => {
    const failure = await firstThatWorks('Thing', [lacks('one'), lacks('two')], 'buy one').catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(NothingFound);
    expect((failure as Error).message).toBe(
      'Thing: no source has it.\n  not from one: no one\n  not from two: no two\n  Try: buy one',
    );
  });

  it('gives up at once when the run is being ended', async () => {
    await expect(firstThatWorks('Thing', [lacks('one', new RunIsEnding()), has('two')], '')).rejects.toBeInstanceOf(
      RunIsEnding,
    );
  });

  it('keeps name and version of a source whose value is mapped', async () => {
    const source = mapSource(has('one'), (path) => ({ path }));
    expect(source.name).toBe('one');
    expect(await source.find()).toEqual({ value: { path: '/one' }, version: '1.2.3' });
  });
});
