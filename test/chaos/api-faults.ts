import type { Fault } from './fault.ts';

const atOnce = 40;
/** At true scale; a tenth of the time has room for a two-hundredth of the work, on a machine that is busy with faults. */
const many = 12_000;
const exponent = 2.3;

export const apiFaults: Fault[] = [
  {
    kind: 'api-killed-between-storing-and-signalling',
    place: 'api',
    at: 'actions',
    async inject({ temporal, api, subject }) {
      const steps = await subject.steps('plain');
      temporal.toApi.held = true;
      await subject.act(steps);
      await api.kill();
      temporal.toApi.cut();
      temporal.toApi.held = false;
      await api.start();
    },
  },
  {
    kind: 'api-killed-while-hooks-come',
    place: 'api',
    at: 'changes',
    async inject({ api, subject, pause }, random) {
      for (let n = 0; n < 4; n += 1) await subject.change(random);
      await api.kill();
      for (let n = 0; n < 4; n += 1) await subject.change(random);
      await pause(5_000);
      await api.start();
    },
  },
  {
    kind: 'actions-by-the-thousand',
    place: 'api',
    at: 'actions',
    async inject(world) {
      const count = Math.ceil(many * world.scale ** exponent);
      const errands = await world.subject.harmless(Math.max(12, Math.ceil(count / 60)));
      let asked = 0;
      const began = performance.now();
      const askers = Array.from({ length: atOnce }, async () => {
        for (; asked < count;) {
          const errand = errands[asked % errands.length]!;
          asked += 1;
          await world.subject.act(errand);
        }
      });
      // One that gave up does not end the others: what they ask for is still to be counted in this round.
      const failed = (await Promise.allSettled(askers)).find((one) => one.status === 'rejected');
      if (failed) throw failed.reason;
      world.count('actionsByTheThousand', count);
      const seconds = (performance.now() - began) / 1000;
      world.say(`   ${count} actions were taken in by the API in ${seconds.toFixed(1)} s`);
    },
  },
];
