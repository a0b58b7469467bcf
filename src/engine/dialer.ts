/** Connects with each peer that has an address, again and again, as long as it is a member and not linked. */
import { errorCatalogue, type ErrorCode } from '../core/error-catalogue.js';
import type { ServerId } from '../core/origin.js';
import { errorCodeOf, errorMessageOf, SyncError } from '../core/sync-error.js';
import { dialDelayMs } from '../protocol/dial-delay.js';
import { parseAddress } from '../system/own-addresses.js';
import { randomFraction } from '../system/random.js';
import { sleep } from '../system/sleep.js';
import type { System } from '../system/system.js';
import type { Channel, Transport } from '../transports/transport.js';
import { dialCourtesyMs, dialNewcomerMs, dialPollMs, dialTimeoutMs } from './engine-limits.js';
import type { PeerLinks } from './peer-links.js';
import type { SessionEnd } from './session-runner.js';
import type { SupervisedLoop, Supervisor } from './supervisor.js';
import { createWakeup, type Wakeup } from './wakeup.js';

export interface Dialer {
  /** The peers to be connected with from now on; others are no longer dialled. */
  setPeers(peers: readonly DialTarget[]): void;
  /** Why the last attempt failed; null when none did since the last link. */
  failureOf(peer: ServerId): DialFailure | null;
  /** Tries all at once, without waiting for the back-off. */
  wake(): void;
}

export interface DialTarget {
  readonly id: ServerId;
  readonly name: string;
  readonly fingerprint: string;
  readonly addresses: readonly string[];
}

export interface DialFailure {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly nextStep: string;
  readonly count: number;
  readonly atMs: number;
}

export interface DialerOptions {
  readonly self: ServerId;
  readonly transport: Transport;
  readonly links: PeerLinks;
  readonly system: System;
  readonly supervisor: Supervisor;
  /** Runs the session over a channel that was dialled; resolves when it has ended. */
  readonly runOutgoing: (channel: Channel, address: string) => Promise<SessionEnd>;
  /** The first failure in a row; later ones only count. */
  readonly onUnreachable: (peer: DialTarget, failure: DialFailure) => void;
}

interface Dialling {
  target: DialTarget;
  readonly loop: SupervisedLoop;
  readonly wakeup: Wakeup;
  failure: DialFailure | null;
  /** Attempts in a row without a lasting link. */
  streak: number;
  /** It waits for the end of a link. */
  isLinked: boolean;
}

export function createDialer(options: DialerOptions): Dialer {
  const diallingByPeer = new Map<ServerId, Dialling>();
  let isFirstList = true;
  options.links.onChange(() => {
    // A back-off is not cut short by what happens to other links, nor by the attempt itself.
    for (const { wakeup, isLinked } of diallingByPeer.values()) if (isLinked) wakeup.wake();
  });
  return {
    setPeers(peers) {
      const wanted = new Set(peers.map(({ id }) => id));
      for (const [id, dialling] of diallingByPeer) {
        if (wanted.has(id)) continue;
        diallingByPeer.delete(id);
        void dialling.loop.stop();
      }
      for (const target of peers) {
        const known = diallingByPeer.get(target.id);
        if (known === undefined) diallingByPeer.set(target.id, startDialling(options, target, isFirstList));
        else if (JSON.stringify(known.target) !== JSON.stringify(target)) {
          known.target = target;
          known.wakeup.wake();
        }
      }
      isFirstList = false;
    },
    failureOf: (peer) => diallingByPeer.get(peer)?.failure ?? null,
    wake() {
      for (const { wakeup } of diallingByPeer.values()) wakeup.wake();
    },
  };
}

function startDialling(options: DialerOptions, target: DialTarget, isKnownForLong: boolean): Dialling {
  const wakeup = createWakeup(options.system);
  // The loop waits before its first look, so that it is always in the map by then.
  const loop = options.supervisor.supervise(`connect ${target.name}`, async (signal, alive) => {
    // A server that has just joined does not know this one's key yet, and dials by itself as soon as it does.
    const courtesyMs = isKnownForLong ? 0 : dialNewcomerMs;
    await sleep(options.system, courtesyMs + (options.self < target.id ? 0 : dialCourtesyMs), signal);
    await dialLoop(options, dialling, { signal, alive });
  });
  const dialling: Dialling = { target, loop, wakeup, failure: null, streak: 0, isLinked: false };
  return dialling;
}

interface DialLoop {
  readonly signal: AbortSignal;
  readonly alive: () => void;
}

async function dialLoop(options: DialerOptions, dialling: Dialling, { signal, alive }: DialLoop): Promise<void> {
  const { links, system } = options;
  while (!signal.aborted) {
    if (links.get(dialling.target.id)) {
      dialling.isLinked = true;
      await dialling.wakeup.wait(dialPollMs, signal);
      dialling.isLinked = false;
      if (links.get(dialling.target.id)?.session.status().stage === 'open') {
        dialling.failure = null;
        dialling.streak = 0;
      }
      alive();
      continue;
    }
    dialling.streak = (await attempt(options, dialling, signal)) ? 0 : dialling.streak + 1;
    alive();
    if (signal.aborted || dialling.streak === 0) continue;
    const canDial = dialling.target.addresses.length > 0;
    const delayMs = dialDelayMs({ failures: dialling.streak, random: randomFraction(system) });
    await dialling.wakeup.wait(canDial ? delayMs : dialPollMs, signal);
  }
}

/** True when the two servers were linked for a while: then the next attempt needs no back-off. */
async function attempt(options: DialerOptions, dialling: Dialling, signal: AbortSignal): Promise<boolean> {
  const { target } = dialling;
  const { system } = options;
  try {
    if (target.addresses.length === 0) throw noAddress(target);
    const { channel, address } = await dialAny(options, target, signal);
    const sinceMs = system.monotonicMs();
    const end = await options.runOutgoing(channel, address);
    const wasLinked = system.monotonicMs() - sinceMs >= linkedMsMin;
    if (end.code !== '' && end.code !== 'USYNC-1505') note(options, dialling, refusalOf(end));
    else dialling.failure = null;
    return wasLinked;
  } catch (error) {
    if (!signal.aborted) note(options, dialling, error);
    return false;
  }
}

const linkedMsMin = 5_000;

const noAddress = (target: DialTarget): SyncError =>
  new SyncError('USYNC-1501', `${target.name} has no address that this server could dial.`, {
    nextStep: 'Nothing to do while it connects by itself; else set "listen.advertise" there.',
  });

const refusalOf = ({ code, reason }: SessionEnd): SyncError =>
  new SyncError(code in errorCatalogue ? (code as ErrorCode) : 'USYNC-1000', reason);

/** The first address that answers with the pinned key. Rejects with the failure of the last one. */
export async function dialAny(
  { transport }: Pick<DialerOptions, 'transport'>,
  target: Pick<DialTarget, 'name' | 'addresses' | 'fingerprint'>,
  signal: AbortSignal,
): Promise<{ channel: Channel; address: string }> {
  let failure: unknown = new SyncError('USYNC-1501', `${target.name} has no usable address.`);
  for (const address of target.addresses) {
    const place = parseAddress(address);
    if (place === null || signal.aborted) continue;
    try {
      const channel = await transport.dial({
        ...place,
        fingerprint: target.fingerprint,
        timeoutMs: dialTimeoutMs,
        signal,
      });
      return { channel, address };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function note(options: DialerOptions, dialling: Dialling, error: unknown): void {
  const code = errorCodeOf(error);
  const count = (dialling.failure?.count ?? 0) + 1;
  dialling.failure = {
    code,
    reason: errorMessageOf(error),
    nextStep: error instanceof SyncError ? error.nextStep : errorCatalogue[code].nextStep,
    count,
    atMs: options.system.nowMs(),
  };
  if (count === 1) options.onUnreachable(dialling.target, dialling.failure);
}
