import type { ComponentChildren } from 'preact';
import type { Resource } from '../state/resource.js';
import { FailureNotice } from './failure-notice.js';
import { OldNotice } from './old-notice.js';
import { Skeleton } from './skeleton.js';

export interface LoadedProps<T> {
  readonly resource: Resource<T>;
  /** For readers while it loads: `the conflicts`. */
  readonly what: string;
  readonly children: (data: T) => ComponentChildren;
}

/** What was loaded; before that its place, and on a failure the reason with a way to try again. */
export function Loaded<T>({ resource, what, children }: LoadedProps<T>) {
  const { data, failure, reload, oldSinceMs } = resource;
  return (
    <>
      {oldSinceMs === null ? null : <OldNotice sinceMs={oldSinceMs} />}
      {failure === null ? null : <FailureNotice failure={failure} onRetry={reload} />}
      {data === null ? failure === null ? <Skeleton what={what} /> : null : children(data)}
    </>
  );
}
