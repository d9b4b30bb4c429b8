/** Things that happen at their time: expiry of shares, purging of the trash. They are done when somebody next looks. */
export class Due {
  #waiting: { at: number; run: () => void }[] = [];
  #next = Infinity;

  add(at: number, run: () => void): void {
    this.#waiting.push({ at, run });
    this.#next = Math.min(this.#next, at);
  }

  run(now: number): void {
    if (now < this.#next) return;
    const ripe = this.#waiting.filter((one) => one.at <= now).sort((a, b) => a.at - b.at);
    this.#waiting = this.#waiting.filter((one) => one.at > now);
    this.#next = this.#waiting.reduce((least, one) => Math.min(least, one.at), Infinity);
    for (const one of ripe) one.run();
  }
}
