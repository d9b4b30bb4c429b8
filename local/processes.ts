import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { removeAbandoned } from './abandoned-folders.ts';
import { findOnPath } from './find-on-path.ts';
import { headOf, tailOf } from './log-file.ts';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** When a process counts as started: its own log shows `line` (so it is not a stranger on our port), then `probe` resolves. */
export interface Readiness {
  line?: RegExp;
  probe?: () => Promise<unknown>;
}

export interface ProcessSpec {
  /** For people: 'Temporal', 'the worker'. */
  name: string;
  command: string;
  args: readonly string[];
  /** Added to this process's environment; `undefined` removes a variable. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Receives stdout and stderr. */
  logFile: string;
  ready: Readiness;
  /** Default 30 000 ms. */
  readyWithinMs?: number;
  /** Time between SIGTERM and SIGKILL at stop; default 5 000 ms. */
  graceMs?: number;
  /** Others work with it: it is ended after all that are none. */
  server?: boolean;
  /** What to try when it does not start, one sentence. */
  advice?: string;
}

export interface RunningProcess {
  name: string;
  pid: number;
  logFile: string;
  /** What `ready.line` matched, with its groups. */
  match?: RegExpMatchArray;
  exited: Promise<Exit>;
  /** SIGTERM, then SIGKILL after the grace; resolves when it is gone. Safe to call twice. */
  stop(): Promise<void>;
  /** For chaos tests: SIGKILL, SIGSTOP, SIGCONT. */
  kill(signal: NodeJS.Signals): void;
}

/** A process that did not come up: what, why, where its log is, what to try. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
  readonly logFile: string;
  /** The log from its begin, for callers that recognise a cause (a port that was taken): a panic's stack may follow it. */
  readonly log: string;
  constructor(spec: Pick<ProcessSpec, 'name' | 'logFile' | 'advice'>, why: string, tail: string, log = tail) {
    const shown = tail.trim() === '' ? '' : `\n  Its last lines:\n${tail.trim().replace(/^/gm, '    ')}`;
    super(`${spec.name} ${why}.\n  Log: ${spec.logFile}${spec.advice ? `\n  Try: ${spec.advice}` : ''}${shown}`);
    this.logFile = spec.logFile;
    this.log = log;
  }
}

/** What was asked for is given up because the run is being ended; not a failure of the thing itself. */
export class RunIsEnding extends Error {
  override readonly name = 'RunIsEnding';
  constructor() {
    super('the run is being ended');
  }
}

export interface RunOptions {
  timeoutMs: number;
  cwd?: string;
  env?: Record<string, string | undefined>;
  /** Any end is accepted, and stderr is returned too: for programs that cannot be asked politely. */
  anyEnd?: boolean;
}

interface Owned {
  child: ChildProcess;
  pid: number;
  exited: Promise<Exit>;
  graceMs: number;
  server: boolean;
}

const POLL_MS = 25;

/**
 * Owns every process and temporary folder of one run and ends them all, servers last: when asked, and when this
 * process exits, is interrupted, terminated or crashes. A second interrupt kills without waiting. Where `setpriv` exists
 * (util-linux) the kernel kills the children even if this process itself is killed by SIGKILL.
 */
export class ProcessOwner {
  readonly #owned = new Set<Owned>();
  readonly #folders = new Set<string>();
  readonly #announce: (line: string) => void;
  readonly #unhook: () => void;
  #stopping: Promise<void> | undefined;

  /** `signals: false` leaves SIGINT, SIGTERM and crashes to the host (a test runner); its exit still ends everything. */
  constructor({ signals = true, announce = () => {} }: { signals?: boolean; announce?: (line: string) => void } = {}) {
    this.#announce = announce;
    const exit = () => this.#endHard();
    process.on('exit', exit);
    const hooks: [string, (argument: unknown) => void][] = [];
    if (signals) {
      hooks.push(
        ['SIGINT', () => this.#interrupted('SIGINT', 130)],
        ['SIGTERM', () => this.#interrupted('SIGTERM', 143)],
      );
      hooks.push(['SIGHUP', () => this.#interrupted('SIGHUP', 129)]);
      hooks.push(['uncaughtException', (error) => this.#crashed(error)]);
    }
    for (const [event, hook] of hooks) process.on(event, hook);
    this.#unhook = () => {
      process.off('exit', exit);
      for (const [event, hook] of hooks) process.off(event, hook);
    };
  }

  get stopping(): boolean {
    return this.#stopping !== undefined;
  }

  /** Starts a process and waits until it is ready; ends it and throws `StartFailure` if it does not get there. */
  async start(spec: ProcessSpec): Promise<RunningProcess> {
    mkdirSync(dirname(spec.logFile), { recursive: true });
    const log = openSync(spec.logFile, 'a');
    // What an earlier process said in the same file is not this one's.
    const from = fstatSync(log).size;
    let owned: Owned;
    try {
      owned = await this.#spawn(spec.command, spec.args, { ...spec, stdio: ['ignore', log, log] });
    } catch (error) {
      throw new StartFailure(spec, `could not be started: ${(error as Error).message}`, '');
    } finally {
      closeSync(log);
    }
    const running: RunningProcess = {
      name: spec.name,
      pid: owned.pid,
      logFile: spec.logFile,
      exited: owned.exited,
      stop: () => this.#end(owned),
      kill: (signal) => void signalTo(owned.pid, signal),
    };
    try {
      running.match = await this.#untilReady(spec, owned, from);
      return running;
    } catch (error) {
      await this.#end(owned);
      throw error;
    }
  }

  /** Runs a command to its end and returns its stdout; a non-zero end, a time-out or a stop is an error with the reason. */
  async run(command: string, args: readonly string[], options: RunOptions): Promise<string> {
    const owned = await this.#spawn(command, args, { ...options, graceMs: 0, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    owned.child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    owned.child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const closed = once(owned.child, 'close');
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      signalTo(owned.pid, 'SIGKILL');
    }, options.timeoutMs);
    const exit = await owned.exited;
    clearTimeout(timer);
    await closed;
    this.#refuseWhenStopping();
    if (late) throw new Error(`took longer than ${options.timeoutMs / 1000} s`);
    if (options.anyEnd) return stdout + stderr;
    if (exit.code !== 0) throw new Error(lastMeaningfulLine(stderr || stdout) ?? `ended with ${endedWith(exit)}`);
    return stdout;
  }

  /** A folder that is removed at stop or exit. Those of the same prefix that a killed run left are removed first. */
  folder(prefix: string, parent: string = tmpdir()): string {
    this.#refuseWhenStopping();
    mkdirSync(parent, { recursive: true });
    removeAbandoned(parent, prefix);
    const path = mkdtempSync(join(parent, `${prefix}-${process.pid}-`));
    this.#folders.add(path);
    return path;
  }

  /** Removes a folder before the stop. */
  async discard(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    this.#folders.delete(folder);
  }

  /** Ends all, servers last, and removes the folders. Nothing can be started afterwards. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    for (const servers of [false, true]) {
      await Promise.all([...this.#owned].filter(({ server }) => server === servers).map((owned) => this.#end(owned)));
    }
    for (const folder of [...this.#folders]) await this.discard(folder);
    this.#unhook();
  }

  async #spawn(
    command: string,
    args: readonly string[],
    options: Pick<ProcessSpec, 'cwd' | 'env' | 'graceMs' | 'server'> & { stdio: Array<'ignore' | 'pipe' | number> },
  ): Promise<Owned> {
    this.#refuseWhenStopping();
    const [file, all] = boundToUs(command, args);
    // A group of its own: a Ctrl-C in the terminal reaches only us, so that we end the children in order.
    const child = spawn(file, all, {
      cwd: options.cwd,
      env: withoutUndefined({ ...process.env, ...options.env }),
      stdio: options.stdio,
      detached: true,
    });
    const { pid } = child;
    if (pid === undefined) {
      const [error] = (await once(child, 'error')) as [Error];
      throw error;
    }
    const { graceMs = 5_000, server = false } = options;
    const owned: Owned = { child, pid, exited: exitOf(child), graceMs, server };
    this.#owned.add(owned);
    void owned.exited.then(() => this.#owned.delete(owned));
    return owned;
  }

  #refuseWhenStopping(): void {
    if (this.#stopping) throw new RunIsEnding();
  }

  async #untilReady(spec: ProcessSpec, owned: Owned, from: number): Promise<RegExpMatchArray | undefined> {
    const { line, probe } = spec.ready;
    const within = spec.readyWithinMs ?? 30_000;
    const deadline = Date.now() + within;
    const failure = async (why: string) =>
      new StartFailure(spec, why, await tailOf(spec.logFile, from), await headOf(spec.logFile, from));
    let exit: Exit | undefined;
    void owned.exited.then((value) => (exit = value));
    let match: RegExpMatchArray | undefined;
    let lastProblem = line ? `its log never showed ${line}` : '';
    while (Date.now() < deadline) {
      if (exit) throw await failure(`ended with ${endedWith(exit)} before it was ready`);
      if (line && !match) match = (await headOf(spec.logFile, from)).match(line) ?? undefined;
      if (!line || match) {
        try {
          await probe?.();
          return match;
        } catch (error) {
          lastProblem = (error as Error).message;
        }
      }
      await delay(POLL_MS);
    }
    const why = `was not ready within ${within / 1000} s (${lastProblem})`;
    throw await failure(why);
  }

  async #end(owned: Owned): Promise<void> {
    if (!this.#owned.has(owned)) return;
    if (owned.graceMs > 0) {
      signalTo(owned.pid, 'SIGTERM');
      const stopped = new AbortController();
      const late = delay(owned.graceMs, 'late', { signal: stopped.signal }).catch(() => 'gone');
      const first = await Promise.race([owned.exited, late]);
      stopped.abort();
      if (first === 'late') this.#announce(`pid ${owned.pid} did not end within ${owned.graceMs} ms: killed`);
    }
    signalTo(owned.pid, 'SIGKILL');
    await owned.exited;
  }

  #interrupted(signal: NodeJS.Signals, code: number): void {
    if (this.#stopping) process.exit(code);
    this.#announce(`${signal}: ending everything that was started (once more to kill at once)`);
    void this.stop().finally(() => process.exit(code));
  }

  #crashed(error: unknown): void {
    this.#announce(error instanceof Error ? (error.stack ?? error.message) : String(error));
    void this.stop().finally(() => process.exit(1));
  }

  #endHard(): void {
    for (const { pid } of this.#owned) signalTo(pid, 'SIGKILL');
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** The whole group: a program may have started others. */
function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function exitOf(child: ChildProcess): Promise<Exit> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return { code, signal };
}

/** Through `setpriv` the kernel kills the child when we die, whatever the cause; it keeps the pid. */
function boundToUs(command: string, args: readonly string[]): [string, readonly string[]] {
  const setpriv = process.platform === 'linux' ? findOnPath('setpriv') : undefined;
  const found = setpriv && findOnPath(command);
  return setpriv && found ? [setpriv, ['--pdeathsig', 'KILL', found, ...args]] : [command, args];
}

function withoutUndefined(env: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

export function endedWith(exit: Exit): string {
  return exit.signal ? `signal ${exit.signal}` : `code ${exit.code}`;
}

function lastMeaningfulLine(text: string): string | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return (lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1))?.trim().slice(0, 300);
}
