import { describe, expect, it } from 'vitest';
import { contentRead, swept, watched } from '../support/connection-workflow.ts';
import { useSkippedTime } from '../support/use-skipped-time.ts';

const { running, eventually } = useSkippedTime();

describe('the lane of contents', () => {
  it('asks for nothing where no lane tells of content', async () => {
    let chunks = 0;
    await running(
      {
        contentChunk: async () => {
          chunks += 1;
          return contentRead();
        },
      },
      async (_handle, said) => {
        await eventually(() => said.states.at(-1)?.phase === 'watching');
        expect(chunks).toBe(0);
        expect(said.states.at(-1)?.content).toBeUndefined();
      },
    );
  });

  it('reads while the scan goes on, chunk after chunk, and shows how far it is', async () => {
    let left = 3;
    await running(
      {
        sweepChunk: async ({ stage }) => swept({ contentWaiting: stage === 'files' && left > 0 }),
        contentChunk: async () =>
          contentRead({ more: --left > 0, counts: { waiting: left, done: 3 - left, failed: 0 } }),
      },
      async (_handle, said) => {
        await eventually(() => said.states.at(-1)?.content?.done === 3);
        expect(left).toBe(0);
        expect(said.states.at(-1)).toMatchObject({ content: { waiting: 0, done: 3, failed: 0 } });
      },
    );
  });

  it('waits out a throttle in a timer that says why, which new content does not cut short', async () => {
    let chunks = 0;
    let rounds = 0;
    const delay = {
      ms: 3_000_000,
      reason: 'throttled',
      why: 'throttled on box/27, content of files',
      bucket: 'box/27',
    };
    await running(
      {
        watchChunk: async () => {
          rounds += 1;
          return watched({ contentWaiting: true });
        },
        contentChunk: async () => {
          chunks += 1;
          return chunks === 1 ? contentRead({ more: true, delay }) : contentRead();
        },
      },
      async (_handle, said) => {
        await eventually(() => said.states.some(({ waits }) => waits.content?.reason === 'throttled'));
        const { waits } = said.states.find((state) => state.waits.content)!;
        expect(waits.content).toMatchObject({ why: 'throttled on box/27, content of files', bucket: 'box/27' });
        const before = rounds;
        await eventually(() => rounds > before + 3, 60_000);
        expect(chunks).toBe(1);
        await eventually(() => chunks >= 2, 600_000);
      },
    );
  });
});
