import { captureEverything } from '../capture/capture-everything.js';
import type { Merging, ReplicaContext } from '../stores/replica-context.js';
import { inTransaction, whenFree } from '../stores/store-transaction.js';

/** As an application writes: with its constraints, its triggers and capture. */
export async function writeAsPerson<T>(context: ReplicaContext, merging: Merging, work: () => T): Promise<T> {
  try {
    return await withConstraints(context, work);
  } finally {
    await captureEverything(context, merging);
  }
}

/** In a transaction in which the constraints of the application hold, as they do for its own writes. */
export async function withConstraints<T>(context: ReplicaContext, work: () => T): Promise<T> {
  const { connection, system } = context;
  connection.exec('PRAGMA foreign_keys = ON');
  try {
    return await whenFree(system, () => inTransaction(context, work));
  } finally {
    connection.exec('PRAGMA foreign_keys = OFF');
  }
}
