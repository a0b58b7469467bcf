import { SyncError } from '../core/sync-error.js';

/** The same failure, told with the dataset that it is about. What has no code is a fault of the program and stays as it is. */
export const aboutDataset = (name: string, error: unknown): unknown =>
  error instanceof SyncError
    ? new SyncError(error.code, `Dataset ${name}: ${error.message}`, {
        facts: { ...error.facts, dataset: name },
        nextStep: error.nextStep,
        cause: error,
      })
    : error;
