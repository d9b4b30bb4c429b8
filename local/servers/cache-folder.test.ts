import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { useProcessOwner } from '../../test/support/use-process-owner.ts';
import { cacheFolder, installOnce, newLogFolder } from './cache-folder.ts';

const owner = useProcessOwner();
let cache: string;

beforeEach(() => {
  cache = owner.folder('castellan-test');
  vi.stubEnv('CASTELLAN_CACHE', cache);
});

afterEach(() => vi.unstubAllEnvs());

it('is where the user keeps caches, unless told otherwise', () => {
  expect(cacheFolder()).toBe(cache);
  vi.stubEnv('CASTELLAN_CACHE', '');
  vi.stubEnv('XDG_CACHE_HOME', '/some/caches');
  expect(cacheFolder()).toBe('/some/caches/castellan');
  vi.stubEnv('XDG_CACHE_HOME', '');
  expect(cacheFolder()).toMatch(/\.cache\/castellan$/);
});

it('shows an entry only when it is complete', async () => {
  const folder = await installOnce(owner, 'tool-1', async (making) => {
    writeFileSync(join(making, 'tool'), 'content');
    expect(readdirSync(cache)).not.toContain('tool-1');
  });
  expect(folder).toBe(join(cache, 'tool-1'));
  expect(readFileSync(join(folder, 'tool'), 'utf8')).toBe('content');
  expect(readdirSync(cache)).toEqual(['tool-1']);
});

it('leaves nothing of an entry that could not be made', async () => {
  const broken = installOnce(owner, 'tool-1', async (making) => {
    writeFileSync(join(making, 'tool'), 'half');
    throw new Error('no network');
  });
  await expect(broken).rejects.toThrow('no network');
  expect(readdirSync(cache)).toEqual([]);
});

it('lets two make the same entry at once: both get the one that was first', async () => {
  let bothAreAtIt = () => {};
  const meeting = new Promise<void>((resolve) => (bothAreAtIt = resolve));
  let there = 0;
  const make = (who: string) =>
    installOnce(owner, 'tool-1', async (making) => {
      writeFileSync(join(making, 'tool'), who);
      if (++there === 2) bothAreAtIt();
      await meeting;
    });
  const folders = await Promise.all([make('a'), make('b')]);
  expect(folders).toEqual([join(cache, 'tool-1'), join(cache, 'tool-1')]);
  expect(['a', 'b']).toContain(readFileSync(join(cache, 'tool-1', 'tool'), 'utf8'));
  expect(readdirSync(cache)).toEqual(['tool-1']);
});

it('keeps logs for a week', () => {
  mkdirSync(join(cache, 'logs', 'old'), { recursive: true });
  utimesSync(join(cache, 'logs', 'old'), 1, 1);
  const first = newLogFolder();
  expect(readdirSync(join(cache, 'logs'))).toEqual([first.split('/').at(-1)]);
});
