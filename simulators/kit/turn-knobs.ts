/** Sets known knobs; an unknown name or a wrong type is refused, so that a misspelt test does not pass by luck. */
export function turnKnobs<K extends object>(knobs: K, patch: object, prefix = ''): K {
  const known = knobs as Record<string, unknown>;
  for (const [name, value] of Object.entries(patch) as [string, unknown][]) {
    if (!(name in known) || typeof known[name] !== typeof value) throw new Error(`no such knob: ${prefix}${name}`);
    if (name === 'hooks') turnKnobs(known.hooks as object, value as object, 'hooks.');
    else known[name] = value;
  }
  return knobs;
}
