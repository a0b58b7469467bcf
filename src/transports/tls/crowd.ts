/**
 * What comes from many places and is bounded: for each place, and in all. The newcomer always gets in; its own place gives
 * up its oldest for it, or else the place with the most does. Whoever fills a crowd so pushes out itself.
 */
export interface Crowd {
  /** `drop` is called when it has to go. The result takes it out; calling that twice does no harm. */
  enter(place: string, drop: () => void): () => void;
}

export interface CrowdLimits {
  readonly perPlaceMax: number;
  readonly totalMax: number;
}

interface Entry {
  readonly drop: () => void;
}

export function createCrowd({ perPlaceMax, totalMax }: CrowdLimits): Crowd {
  /** Each place's entries, the oldest first. */
  const byPlace = new Map<string, Set<Entry>>();
  let total = 0;
  const leave = (place: string, entry: Entry): void => {
    const entries = byPlace.get(place);
    if (!entries?.delete(entry)) return;
    total -= 1;
    if (entries.size === 0) byPlace.delete(place);
  };
  const dropOldest = (place: string): void => {
    const [oldest] = byPlace.get(place) ?? [];
    if (oldest === undefined) return;
    leave(place, oldest);
    oldest.drop();
  };
  const busiest = (): string => {
    let [most, place] = [0, ''];
    for (const [each, { size }] of byPlace) if (size > most) [most, place] = [size, each];
    return place;
  };
  return {
    enter(place, drop) {
      if ((byPlace.get(place)?.size ?? 0) >= perPlaceMax) dropOldest(place);
      else if (total >= totalMax) dropOldest(busiest());
      const entry: Entry = { drop };
      const entries = byPlace.get(place) ?? new Set();
      byPlace.set(place, entries.add(entry));
      total += 1;
      return () => leave(place, entry);
    },
  };
}
