import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { useProcessOwner } from '../test/support/use-process-owner.ts';
import { removeAbandoned } from './abandoned-folders.ts';
import { findOnPath } from './find-on-path.ts';
import { freePorts, onFreePorts } from './free-ports.ts';
import { ProcessOwner, RunIsEnding, StartFailure } from './processes.ts';

const owner = useProcessOwner();
const folder = owner.folder('castellan-test');
const script = (code: string) => ({ command: process.execPath, args: ['--input-type=module', '-e', code] });
const log = (name: string) => join(folder, `${name}.log`);
const FOREVER = 'setInterval(() => {}, 1000);';

/** Not by signal 0: a process that has ended stays visible until its parent looks. */
function isRunning(pid: number): boolean {
  if (process.platform !== 'linux') {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  }
  const status = `/proc/${pid}/stat`;
  return existsSync(status) && !/\) Z /.test(readFileSync(status, 'utf8'));
}

async function untilEnded(pids: readonly number[]): Promise<number[]> {
  for (let left = 200; left > 0 && pids.some(isRunning); left--)
    await new Promise((resolve) => setTimeout(resolve, 25));
  return pids.filter(isRunning);
}

describe('starting', () => {
  it('waits for the line and the probe, and gives what the line said', async () => {
    let asked = 0;
    const probe = async () => {
      if (++asked < 3) throw new Error('not yet');
    };
    const ready = { line: /on port (\d+)/, probe };
    const running = await owner.start({
      name: 'it',
      ...script(`console.log('on port 1234'); ${FOREVER}`),
      logFile: log('line'),
      ready,
    });
    expect(running.match?.[1]).toBe('1234');
    expect(asked).toBe(3);
    await running.stop();
    expect(isRunning(running.pid)).toBe(false);
    expect(await running.exited).toEqual({ code: null, signal: 'SIGTERM' });
  });

  it('says what failed, where the log is and what to try', async () => {
    const broken = script(`console.error('no such flag'); process.exit(3);`);
    const failure = await owner
      .start({ name: 'The thing', ...broken, logFile: log('broken'), ready: { line: /never/ }, advice: 'another flag' })
      .catch((error: unknown) => error as StartFailure);
    expect(failure).toBeInstanceOf(StartFailure);
    expect((failure as StartFailure).message).toMatch(/^The thing ended with code 3 before it was ready/);
    expect((failure as StartFailure).message).toContain(log('broken'));
    expect((failure as StartFailure).message).toContain('another flag');
    expect((failure as StartFailure).message).toContain('no such flag');
  });

  it('does not take the line of an earlier process for its own', async () => {
    const first = {
      name: 'it',
      ...script(`console.log('up 1'); ${FOREVER}`),
      logFile: log('again'),
      ready: { line: /up (\d)/ },
    };
    await (await owner.start(first)).stop();
    const second = await owner.start({ ...first, ...script(`console.log('up 2'); ${FOREVER}`) });
    expect(second.match?.[1]).toBe('2');
    await second.stop();
  });

  it('ends what does not become ready', async () => {
    const stuck = script(`console.log('pid', process.pid); ${FOREVER}`);
    let pid = 0;
    const probe = async () => {
      pid = Number(/pid (\d+)/.exec(readFileSync(log('late'), 'utf8'))?.[1]);
      throw new Error('port closed');
    };
    const spec = { name: 'it', ...stuck, logFile: log('late'), readyWithinMs: 3_000 };
    await expect(owner.start({ ...spec, ready: { line: /pid/, probe } })).rejects.toThrow(
      /not ready within 3 s \(port closed\)/,
    );
    expect(pid).toBeGreaterThan(0);
    expect(await untilEnded([pid])).toEqual([]);
  });

  it('fails plainly when the program is not there', async () => {
    const spec = { name: 'it', command: 'castellan-no-such-program', args: [], logFile: log('absent'), ready: {} };
    await expect(owner.start(spec)).rejects.toThrow(/could not be started/);
  });

  it('kills what ignores SIGTERM', async () => {
    const deaf = script(`process.on('SIGTERM', () => {}); console.log('up'); ${FOREVER}`);
    const running = await owner.start({
      name: 'it',
      ...deaf,
      logFile: log('deaf'),
      ready: { line: /up/ },
      graceMs: 100,
    });
    await running.stop();
    expect(await running.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });
});

describe('running a command', () => {
  it('returns its output, or its error, or that it took too long', async () => {
    const run = (code: string, timeoutMs = 20_000) => owner.run(process.execPath, ['-e', code], { timeoutMs });
    expect(await run(`console.log('fine')`)).toBe('fine\n');
    await expect(run(`console.error('ERROR: no network'); process.exit(1)`)).rejects.toThrow('ERROR: no network');
    await expect(run(FOREVER, 200)).rejects.toThrow('took longer than 0.2 s');
  });
});

describe('ports', () => {
  it('are different and can be bound', async () => {
    const ports = await freePorts(5);
    expect(new Set(ports).size).toBe(5);
  });

  it('are chosen anew when somebody took one, also when much is said after that', async () => {
    const seen: number[] = [];
    const stack = `console.error('bind: address already in use\\n' + 'at somewhere\\n'.repeat(400)); process.exit(2);`;
    const result = await onFreePorts(1, async ([port]) => {
      seen.push(port!);
      const code = seen.length < 3 ? stack : `console.log('up'); ${FOREVER}`;
      const running = await owner.start({
        name: 'it',
        ...script(code),
        logFile: log(`taken-${port}`),
        ready: { line: /up/ },
      });
      return running.match?.[0];
    });
    expect(result).toBe('up');
    // The system may give the same one again.
    expect(seen).toHaveLength(3);
  });

  it('are not the matter when it fails otherwise', async () => {
    let attempts = 0;
    const start = async () => {
      attempts++;
      throw new StartFailure({ name: 'x', logFile: 'x' }, 'ended', 'bad flag');
    };
    await expect(onFreePorts(1, start)).rejects.toThrow(/^x ended/);
    expect(attempts).toBe(1);
  });
});

describe('ending a run', () => {
  it('ends all, servers last, removes the folders and refuses more', async () => {
    const own = new ProcessOwner({ signals: false });
    const order: string[] = [];
    const start = async (name: string, server = false) => {
      const running = await own.start({
        name,
        server,
        ...script(`console.log('up'); ${FOREVER}`),
        logFile: log(name),
        ready: { line: /up/ },
      });
      void running.exited.then(() => order.push(name));
    };
    await start('first', true);
    await start('second');
    const data = own.folder('castellan-test');
    const command = own.run(process.execPath, ['-e', FOREVER], { timeoutMs: 60_000 });
    await Promise.all([own.stop(), expect(command).rejects.toBeInstanceOf(RunIsEnding)]);
    expect(order).toEqual(['second', 'first']);
    expect(existsSync(data)).toBe(false);
    await expect(start('third')).rejects.toThrow('the run is being ended');
  });

  it('removes what a killed run left, and nothing of a living one', () => {
    const names = {
      dead: 'castellan-x-999999999-abc',
      living: `castellan-x-${process.pid}-abc`,
      other: 'something-999999999-abc',
    };
    for (const name of Object.values(names)) {
      mkdirSync(join(folder, name));
      utimesSync(join(folder, name), 1, 1);
    }
    mkdirSync(join(folder, 'castellan-x-999999999-new'));
    removeAbandoned(folder, 'castellan-x');
    const left = [names.dead, names.living, names.other, 'castellan-x-999999999-new'].map((name) =>
      existsSync(join(folder, name)),
    );
    expect(left).toEqual([false, true, true, true]);
  });
});

describe('when our own process ends', () => {
  const processes = JSON.stringify(fileURLToPath(new URL('./processes.ts', import.meta.url)));

  /** A process that owns two others, one of them deaf to SIGTERM, and a folder. */
  async function family({ after = FOREVER, graceMs = 1_000 } = {}) {
    const code = `
      import { ProcessOwner } from ${processes};
      const owner = new ProcessOwner({ announce: (line) => console.error(line) });
      const start = (name, code) => owner.start({ name, command: process.execPath, args: ['-e', code], graceMs: ${graceMs},
        logFile: ${JSON.stringify(folder)} + '/' + process.pid + name, ready: { line: /up/ } });
      const deaf = await start('deaf', "process.on('SIGTERM', () => {}); console.log('up'); ${FOREVER}");
      const quick = await start('quick', "console.log('up'); ${FOREVER}");
      console.log(JSON.stringify({ pids: [deaf.pid, quick.pid], data: owner.folder('castellan-test', ${JSON.stringify(folder)}) }));
      ${after}`;
    const file = join(folder, `family-${Math.random().toString(36).slice(2)}.mts`);
    writeFileSync(file, code);
    const child = spawn(process.execPath, ['--import', 'tsx', file], { stdio: ['ignore', 'pipe', 'ignore'] });
    const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    return { child, exited, ...(JSON.parse(line) as { pids: number[]; data: string }) };
  }

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s, it first ends all it started', async (signal, code) => {
    const { child, exited, pids, data } = await family();
    child.kill(signal);
    expect(await exited).toEqual([code, null]);
    expect(await untilEnded(pids)).toEqual([]);
    expect(existsSync(data)).toBe(false);
  });

  it('by a second interrupt, it does not wait', async () => {
    // Waiting for the deaf one would take longer than this test may.
    const again = `process.on('SIGINT', () => setTimeout(() => process.kill(process.pid, 'SIGINT'), 10)); ${FOREVER}`;
    const { child, exited, pids, data } = await family({ after: again, graceMs: 600_000 });
    child.kill('SIGINT');
    expect(await exited).toEqual([130, null]);
    expect(await untilEnded(pids)).toEqual([]);
    expect(existsSync(data)).toBe(false);
  });

  it('by a crash, it ends all and says so', async () => {
    const { exited, pids, data } = await family({
      after: `setTimeout(() => { throw new Error('broken'); }, 10); ${FOREVER}`,
    });
    expect(await exited).toEqual([1, null]);
    expect(await untilEnded(pids)).toEqual([]);
    expect(existsSync(data)).toBe(false);
  });

  it.runIf(findOnPath('setpriv'))('by SIGKILL, the kernel ends its children', async () => {
    const { child, exited, pids } = await family();
    child.kill('SIGKILL');
    expect(await exited).toEqual([null, 'SIGKILL']);
    expect(await untilEnded(pids)).toEqual([]);
  });
});
