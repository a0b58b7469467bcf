/**
 * Every number of the wire, in one place; docs/protocol.md names them. Raising a limit that a receiver enforces is a
 * new protocol version.
 */

/** The versions of the protocol that this code speaks. */
export const protocolVersionMin = 1;
export const protocolVersionMax = 2;
/** Since this version peers answer questions for contents. */
export const contentSinceVersion = 2;

/** A frame that is longer ends the channel (USYNC-1507). */
export const frameBytesMax = 1024 * 1024;
/** What an unknown side may send in its hello. */
export const helloBytesMax = 32 * 1024;
/** Bytes of a part or a snapshot chunk in one frame: small, so that pings are not stuck behind data on slow links. */
export const pieceBytesMax = 128 * 1024;
export const textBytesMax = 1024;
export const nameBytesMax = 256;
export const datasetsMax = 1024;
export const tablesMax = 8_192;
export const linksMax = 1_024;
export const bucketsMax = 65_536;
export const bucketRowsMax = 4_096;
export const keyColumnsMax = 64;
/** Rows of an answer for people end before they take more than this. */
export const answerBytesMax = 900 * 1024;

/** Credit that every peer holds at any time for what happens now. */
export const standingCreditBytes = 256 * 1024;
/** Credit of the one peer per dataset that this server catches up from. */
export const windowBytes = 8 * 1024 * 1024;
/** Bytes handed to one merge call. */
export const mergeBytesMax = 4 * 1024 * 1024;
/** Bytes asked from the journal in one read. */
export const readBytesMax = 512 * 1024;
/** Bulk is handed to the channel only while less than this is queued there. */
export const queuedBytesMax = 1024 * 1024;
/** Answers wait for a peer that reads slowly, but not for one that asks on and reads nothing. */
export const unreadBytesMax = 64 * 1024 * 1024;
/** What the peer may have asked of one dataset at a time. */
export const askedMax = 256;
/** `Channel.onDrain` fires when the queue falls below this. */
export const queuedBytesLow = 256 * 1024;

/** No hello within this time: the channel ends. */
export const helloTimeoutMs = 10_000;
export const pingAfterMs = 4_000;
/** Silence after which a channel counts as dead. */
export const deadAfterMs = 13_000;
/** A proof is sent when the vector has stood still for this long, and again with each `proofAgainMs`. */
export const proofQuietMs = 150;
export const proofAgainMs = 30_000;
/** What is held here is looked at again after this time at the earliest; the peer is told when it changed. */
export const proofHeldMs = 500;
export const flushAfterMs = 100;
/** How long a change is not relayed to a peer that is linked with its origin and will have it from there. */
export const relayHoldMs = 250;
/** The peer that this server catches up from gives its turn away after this time without progress. */
export const turnIdleMs = 3_000;
/**
 * A snapshot is begun when the sender has read its whole state: about a second for 100,000 rows. Asking again would begin
 * that anew, so the answer is waited for as long as the link lives, within this bound.
 */
export const snapshotBeginMs = 15 * 60_000;
/** A snapshot that was begun and of which nothing comes for this time is given up. */
export const snapshotIdleMs = 30_000;
/** After a refused snapshot, when to ask again. */
export const snapshotRetryMs = 1_000;
export const landingPollMs = 500;
/** Two new replicas wait this long for a third that has the data before one of them founds the dataset. */
export const bothFreshMs = 2_000;
export const forkAgainMs = 5_000;
export const retryFirstMs = 500;
export const retryMaxMs = 30_000;
/** Gaps in a row without progress before a snapshot is asked for. */
export const gapsMax = 3;
