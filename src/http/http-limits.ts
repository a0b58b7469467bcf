/** Every number of the HTTP API in one place. Times in milliseconds. */

export const jsonBytesMax = 1024 * 1024;
/** Of the routes that take batches of rows or files. */
export const batchBytesMax = 32 * 1024 * 1024;
export const uploadBytesMax = 64 * 1024 * 1024;
export const jsonDepthMax = 32;
export const liveClientsMax = 256;
/** A live client that does not read is ended when so much waits for it. */
export const liveBacklogBytesMax = 256 * 1024;
export const liveKeepAliveMs = 15_000;
/** How often the status is looked at while someone watches. */
export const liveStatusMs = 1_000;
/** How soon the id of a server is looked up that an event names. */
export const liveNamesMs = 1_000;
/** A status that did not change is sent all the same, so that a page knows that the connection lives. */
export const liveStatusAtLeastMs = 10_000;
/** A status that several callers ask for within this time is read once. */
export const statusSharedMs = 100;
/** How long a caller waits for a dataset that is busy with a long merge. */
export const statusPatienceMs = 15;
/** The same where nobody waits for the answer: live events. */
export const statusLongPatienceMs = 1_000;
/** So old may a look be that is told where nothing was learnt since and a new one is not answered in time. */
export const statusOldMsMax = 2_000;

/** How long a caller waits for a list before it gets the one that was told before; and how many are kept. */
export const answerPatienceMs = 15;
/** The same while no dataset is at work, and how soon it is noticed that one begins. */
export const answerSlowMsMax = 1_000;
export const answerStepMs = 5;
/** A caller who says "Prefer: wait=SECONDS" has so much time at most. */
export const answerPatienceMsMax = 5_000;
export const keptAnswersMax = 64;
/** Rows, files and the like in all that is kept. */
export const keptItemsMax = 20_000;

export const sessionIdleMs = 12 * 3_600_000;
export const sessionAbsoluteMs = 7 * 86_400_000;
/** How exactly the last use of a session or token is kept. */
export const lastUsedStepMs = 60_000;
export const sessionsPerUserMax = 20;
export const usersMax = 1_000;
export const tokensMax = 1_000;
export const setupValidMs = 24 * 3_600_000;
export const auditEntriesMax = 20_000;

/** Failed sign-ins of one address or one name before each further one has to wait. */
export const loginFreeFailures = 4;
export const loginWaitMsMin = 1_000;
export const loginWaitMsMax = 15 * 60_000;
/** After so long without a failure they are forgotten. */
export const loginForgetMs = 3_600_000;
export const loginKeysMax = 10_000;

export const jobsKeptMax = 200;
export const jobsRunningMax = 20;
/** How long a job that waits for a proof waits. */
export const syncJobMs = 10 * 60_000;

/** Of one delivery of an alert. */
export const alertTimeoutMs = 10_000;
export const alertLookMs = 5_000;
/** After a failed delivery, when to try again what waits; and how much may wait. */
export const alertRetryMs = 60_000;
export const alertQueueMax = 100;

/** How far behind servers were: so many looks are kept of each, at least so far apart, the first so long after an event. */
export const lagSamplesMax = 2_000;
export const lagStepMs = 10_000;
export const lagFirstMs = 1_000;
