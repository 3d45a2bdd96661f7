/** How evenly starts lie in time, beside chance: a Poisson process of the same rate, where each start knows nothing of the others. */

export interface Evenness {
  readonly binMs: number;
  readonly bins: number;
  /** Starts in the emptiest and in the fullest bin, to the mean. */
  readonly least: number;
  readonly most: number;
  /** Standard deviation to the mean. */
  readonly variation: number;
  /** That of a Poisson process. */
  readonly byChance: number;
  /** Of the interval in tenths, the part of the starts that lies in each, to an even part. */
  readonly tenths: readonly number[];
}

/** `intervalMs`: of every check. */
export function evennessOf(startsMs: readonly number[], binMs: number, intervalMs: number): Evenness {
  const first = Math.min(...startsMs.slice(0, 1));
  const length = Math.floor(((startsMs.at(-1) ?? first) - first) / binMs);
  const counts = Array.from({ length }, () => 0);
  const tenths = Array.from({ length: 10 }, () => 0);
  for (const startMs of startsMs) {
    const bin = Math.floor((startMs - first) / binMs);
    if (bin < length) counts[bin] = (counts[bin] ?? 0) + 1;
    const tenth = Math.floor((10 * ((startMs - first) % intervalMs)) / intervalMs);
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  const mean = counts.reduce((sum, count) => sum + count, 0) / length;
  const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / length;
  return {
    binMs,
    bins: length,
    least: Math.min(...counts) / mean,
    most: Math.max(...counts) / mean,
    variation: Math.sqrt(variance) / mean,
    byChance: 1 / Math.sqrt(mean),
    tenths: tenths.map((count) => (10 * count) / startsMs.length),
  };
}
