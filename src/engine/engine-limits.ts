/** Every number of the engine in one place. Times in milliseconds. */

/** Hints wake the drain at once; this is the net below them. Long enough that an idle database is closed in between. */
export const drainPollMs = 20_000;
/** The witness trails the database by this much at most while changes are captured. */
export const witnessAfterMs = 1_000;
/** The net below that: at rest nothing wakes the loop. */
export const witnessPollMs = 60_000;
export const pruneEveryMs = 60_000;
export const dialTimeoutMs = 5_000;
/** The server with the higher id waits this long before it dials, so that pairs rarely connect twice. */
export const dialCourtesyMs = 300;
/** A server that appears in the list is left this long to connect by itself. */
export const dialNewcomerMs = 2_000;
/** A dial loop looks at its peer's addresses again after this time, also without any event. */
export const dialPollMs = 30_000;
/** How long a second connection of one identity waits for the first to show a sign of life. */
export const twinWaitMs = 14_000;
/** Of two that run with one identity, each is connected for this long before the other gets its turn. */
export const twinTurnMs = 10_000;
/** How long a server waits before it writes back its row once more. */
export const writeBackMs = 15_000;
/** A twin that was not seen again for this long is no problem any more. */
export const twinForgetMs = 10 * 60_000;
/** How long a status tells that a server went back in time, where not all is proven to be equal since. */
export const epochToldMs = 24 * 3_600_000;
/** The same, once all was proven. */
export const provenEpochToldMs = 10 * 60_000;
/** How often somebody who waits is told how far work in a database is. */
export const workLookMs = 200;
export const statusPollMs = 50;
/** How long `verify` waits for equal vectors. */
export const verifyWaitMs = 5_000;
/** How long a person waits for the answer to a ping. */
export const pingTimeoutMs = 5_000;
export const verifyBuckets = 1_024;
export const verifyRowsMax = 20;
export const inviteValidMs = 24 * 3_600_000;
export const invitesMax = 100;
/** How long one look before joining may last, however long its code is good. */
export const lookMsMax = 3_600_000;
/** Looks with one code at a time; the oldest ends for the next. */
export const looksMax = 4;
export const activityEventsMax = 2_000;
/** How long joining waits for the inviting server's answer and for each sign of progress. */
export const joinSilenceMs = 60_000;
/** Name of the dataset that holds the list of servers. */
export const serversDataset = '_servers';
export const serversFile = 'servers.db';
/** How long a status waits for a database that is busy with a long merge. */
export const lookTimeoutMs = 1_000;

/** A dataset that has not answered for longer is a problem to be told of: merging one change set takes less. */
export const unansweredToldMs = 15_000;
/** Conflicts and quarantined rows are counted up to this. */
export const recordsMax = 1_000;
/** How long a row that others wanted back may wait for its database to be open. */
export const decisionsPollMs = 60_000;
/** Of a dataset, when open conflicts are listed or dismissed. */
export const conflictsListedMax = 100_000;
/** A clock that is off by more than this is reported. */
export const clockOffsetMsMax = 60_000;
