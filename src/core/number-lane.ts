/**
 * Numbers that an engine hands out are kept apart, so that two servers seldom take the same one (an application that
 * holds a number in its hands while its row gets another would write to the wrong row). Each server has a lane: every
 * `lanes`-th block of numbers. Numbers only ever grow, so a server that sees higher ones of others goes on in its next
 * block above them. What overflows a block before anybody looks is settled by rule R5, as ever.
 */
export interface NumberLane {
  readonly lane: number;
  /** How many lanes there are; 1: no need to keep anything apart. */
  readonly lanes: number;
}

/** Small, so that numbers stay readable and 32 bits last: writing by turns costs at most a round of blocks each time. */
export const laneBlockSize = 64;

/** What the last number must be, so that the next one is in the lane; `last` itself when it is there already. */
export function lastBeforeLane(last: bigint, { lane, lanes }: NumberLane): bigint {
  const size = BigInt(laneBlockSize);
  const block = last / size;
  const ahead = (BigInt(lane) - (block % BigInt(lanes)) + BigInt(lanes)) % BigInt(lanes);
  return ahead === 0n ? last : (block + ahead) * size;
}

/** The lane of one server among the members, whose order all servers know alike. Null: it is not one of them. */
export function laneOf<Id>(members: readonly Id[], self: Id): NumberLane | null {
  const lane = members.indexOf(self);
  return lane < 0 ? null : { lane, lanes: 2 ** Math.ceil(Math.log2(members.length)) };
}
