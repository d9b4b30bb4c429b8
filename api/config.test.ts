import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from './config.ts';

const good = { MONGODB_URI: 'mongodb://127.0.0.1:27017/?replicaSet=rs', CASTELLAN_KEY: 'ab'.repeat(32) };

describe('configuration', () => {
  it('has defaults for all but the store and the key', () => {
    expect(readConfig(good)).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      database: 'castellan',
      temporalAddress: '127.0.0.1:7233',
      temporalNamespace: 'default',
      allowLocalOrigins: false,
    });
    expect(readConfig(good).key).toHaveLength(32);
    expect(readConfig({ ...good, CASTELLAN_KEY: Buffer.alloc(32, 7).toString('base64') }).key[0]).toBe(7);
    expect(readConfig({ ...good, CASTELLAN_ALLOW_LOCAL_ORIGINS: '1' }).allowLocalOrigins).toBe(true);
    expect(readConfig({ ...good, CASTELLAN_API_PORT: '' }).port).toBe(8080);
  });

  it.each([
    ['MONGODB_URI', undefined],
    ['MONGODB_URI', 'postgres://canary@db'],
    ['CASTELLAN_KEY', undefined],
    ['CASTELLAN_KEY', 'canary-too-short'],
    ['CASTELLAN_API_PORT', '65536'],
    ['CASTELLAN_API_PORT', 'http'],
    ['CASTELLAN_DATABASE', 'canary/../x'],
    ['TEMPORAL_ADDRESS', 'http://canary'],
    ['CASTELLAN_ALLOW_LOCAL_ORIGINS', 'canary'],
    ['CASTELLAN_API_REQUESTS_PER_MINUTE', '0'],
    ['CASTELLAN_LOG_LEVEL', 'canary'],
  ])('%s = %s is refused in one line that names it and quotes nothing', (name, value) => {
    let message = '';
    try {
      readConfig({ ...good, [name]: value });
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      message = (error as Error).message;
    }
    expect(message).toMatch(new RegExp(`^${name} wants .+`));
    expect(message).not.toMatch(/canary|\n/);
  });
});
