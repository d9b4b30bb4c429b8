/** Changes come from several sides at once: what another took away a moment before cannot be changed any more. */
export async function unlessGone(change: Promise<unknown>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!/no such|already|in use|is gone|own subfolder/.test((error as Error).message)) throw error;
  }
}
