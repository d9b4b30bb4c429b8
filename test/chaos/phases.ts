export const phases = ['begin', 'faults', 'settle', 'undisturbed'] as const;
export type Phase = (typeof phases)[number];
/** Of a round, by what was done in them. */
export type Seconds = Partial<Record<Phase, number>>;

/** One after the other; each is told when it is over. */
export function phasesFrom(began: number) {
  const seconds: Seconds = {};
  let last = began;
  return {
    seconds,
    over(phase: Phase): void {
      seconds[phase] = (performance.now() - last) / 1000;
      last = performance.now();
    },
  };
}

export const sumOf = (seconds: Seconds): number => Object.values(seconds).reduce((sum, each) => sum + each, 0);
