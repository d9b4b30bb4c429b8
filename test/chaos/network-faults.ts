import type { Random } from '../../simulators/kit/seeded.ts';
import type { Fault } from './fault.ts';
import type { TcpProxy } from './tcp-proxy.ts';

/** Between the worker and the vendor. */
const between = (kind: string, spoil: (proxy: TcpProxy, random: Random) => void): Fault => ({
  kind,
  place: 'network',
  at: 'any',
  async inject(world, random) {
    await world.subject.scanning();
    const { proxy } = world.subject;
    spoil(proxy, random);
    return async () => void Object.assign(proxy, { refused: false, held: false, delayMs: 0, bytesPerSecond: 0 });
  },
});

export const networkFaults: Fault[] = [
  between('network-cut', (proxy) => {
    proxy.refused = true;
    proxy.cut();
  }),
  between('network-silent', (proxy) => void (proxy.held = true)),
  between('network-slow', (proxy, random) => {
    proxy.delayMs = 20 + random() * 100;
    proxy.bytesPerSecond = 50_000;
  }),
];
