import { lookup as dnsLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Everything that is not the public internet: loopback, private, link-local, shared, benchmark, documentation. */
const notPublic = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  notPublic.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of [
  ['::', 128],
  ['::1', 128],
  // An IPv4 address inside an IPv6 one would be judged by neither list; no vendor needs it.
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  notPublic.addSubnet(net, bits, 'ipv6');

/** Whether a literal address is on the public internet. IPv4-mapped IPv6 is judged as IPv4. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  return !notPublic.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

const hostOf = (url: URL) => url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');

/** Whether a host, by its name alone, may be on the public internet; what it resolves to is checked when connecting. */
function isPublicHost(host: string): boolean {
  if (isIP(host)) return isPublicAddress(host);
  return host.includes('.') && !/(^|\.)(localhost|local|internal|intranet|lan|home\.arpa)$/i.test(host);
}

/** Why an origin may not be called at all, or undefined when it may. */
export function originProblem(url: URL, allowLocalOrigins: boolean): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `${url.protocol} is not a web address`;
  if (url.username || url.password) return 'an address must not hold a user name or password';
  if (allowLocalOrigins) return undefined;
  if (url.protocol !== 'https:') return 'the address must begin with https://';
  if (!isPublicHost(hostOf(url))) return 'the address must be on the public internet';
  return undefined;
}

/**
 * Whether `url` belongs to `pattern`, an origin in which `*` may stand for the first labels of the host (any number) or
 * for one later label: `https://*.s3.amazonaws.com`, `https://s3.*.amazonaws.com`. A pattern never ends in `*`.
 */
export function matchesOrigin(pattern: string, url: URL): boolean {
  const parts = /^(https?):\/\/([^/:]+|\[[^\]]+\])(?::(\d+))?\/?$/i.exec(pattern);
  if (!parts) return false;
  const [, scheme, host, port] = parts as unknown as [string, string, string, string | undefined];
  if (host.endsWith('*')) return false;
  const standard = scheme.toLowerCase() === 'https' ? '443' : '80';
  if (url.protocol !== `${scheme.toLowerCase()}:` || (url.port || standard) !== (port ?? standard)) return false;
  const source = host
    .toLowerCase()
    .replace(/[.[\]\\+?^$(){}|]/g, '\\$&')
    .replace(/^\*/, '[a-z0-9-]+(?:\\.[a-z0-9-]+)*')
    .replace(/\.\*/g, '.[a-z0-9-]+');
  return new RegExp(`^${source}$`).test(url.hostname.toLowerCase());
}

export const matchesAnyOrigin = (patterns: readonly string[], url: URL) =>
  patterns.some((pattern) => matchesOrigin(pattern, url));

/** A name that is public but resolves to a private address is refused when connecting, where it cannot change again. */
export const publicLookup: LookupFunction = (host, options, callback) => {
  dnsLookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, []);
    const bad = addresses.find(({ address }) => !isPublicAddress(address));
    if (bad || addresses.length === 0)
      return callback(Object.assign(new Error(`${host} is not on the public internet`), { code: 'ENOTPUBLIC' }), []);
    if (options.all) return callback(null, addresses);
    callback(null, addresses[0]!.address, addresses[0]!.family);
  });
};
