import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';

const env = { MONGODB_URI: 'mongodb://127.0.0.1:1', CASTELLAN_KEY: Buffer.alloc(32).toString('base64') };

describe('how often a connection is looked at', () => {
  it('is told in seconds, whatever the scale of the other times', () => {
    const { times } = readConfig({ ...env, CASTELLAN_TIME_SCALE: '0.1', CASTELLAN_WATCH_SECONDS: '30-60' });
    expect([times.watchMinMs, times.watchMaxMs, times.chunkMs]).toEqual([30_000, 60_000, 6_000]);
    expect(readConfig(env).times).toMatchObject({ watchMinMs: 15_000, watchMaxMs: 300_000 });
  });

  it.each(['60', '60-30', '0-10', 'x-y', '1-2-3'])('is refused where it is %s', (CASTELLAN_WATCH_SECONDS) => {
    expect(() => readConfig({ ...env, CASTELLAN_WATCH_SECONDS })).toThrow(/^CASTELLAN_WATCH_SECONDS: wants least-most/);
  });
});
