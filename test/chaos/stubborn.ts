import { setTimeout as delay } from 'node:timers/promises';

/** Asks again while a server is away that a fault has broken: what looks on must not fall with what it looks at. */
export async function stubborn<T>(ask: () => Promise<T>, withinMs = 90_000): Promise<T> {
  for (const until = Date.now() + withinMs; ; await delay(200)) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > until) throw error;
    }
  }
}
