import type { Conflict } from '../../src/http/contract/decision-routes.js';
import { call } from '../api/call.js';
import { Age } from '../parts/age.js';
import { Button } from '../parts/button.js';
import { Check } from '../parts/check.js';
import { StateWord } from '../parts/state-word.js';
import { Value } from '../parts/value.js';
import { roleObstacle } from '../state/session.js';
import { say } from '../state/said.js';
import { capital } from '../words/count-text.js';
import type { StateWords } from '../words/tone.js';
import { visible } from '../words/visible.js';

export interface ConflictCardProps {
  readonly conflict: Conflict;
  /** Null: it cannot be marked. */
  readonly isMarked: boolean | null;
  readonly onMark: (isMarked: boolean) => void;
  readonly onDecided: () => void;
}

type Decision = NonNullable<Conflict['decision']>;

const decisionWords: Readonly<Record<Decision['kind'], StateWords>> = {
  restored: { tone: 'ok', word: 'put back' },
  dismissed: { tone: 'idle', word: 'dismissed' },
  wanted: { tone: 'busy', word: 'asked for' },
  refused: { tone: 'bad', word: 'could not be put back' },
  settled: { tone: 'idle', word: 'settled' },
};

/** What was kept and what lost, side by side, with who, when and why. */
export function ConflictCard({ conflict, isMarked, onMark, onDecided }: ConflictCardProps) {
  const { dataset, table, key, column, rule, decision } = conflict;
  const place = visible(`${table} ${key}${column === null ? '' : `, ${column}`}`);
  return (
    <li>
      <div class="line-head">
        {isMarked === null ? null : (
          <Check label={`Mark the conflict of ${place}`} isLabelHidden isChecked={isMarked} onChange={onMark} />
        )}
        <h3>{conflict.kind === 'file' ? visible(key) : place}</h3>
        <span class="muted small">{dataset}</span>
        {decision === null ? null : <StateWord {...decisionWords[decision.kind]} />}
        <span class="end muted small">
          noticed <Age at={conflict.noticed_at} withClock />
        </span>
      </div>
      <div class="sides">
        <section class="side-kept">
          <h4>Kept{conflict.kept_by === null ? '' : `, written on ${conflict.kept_by}`}</h4>
          <Value literal={conflict.kept} />
        </section>
        <section class="side-lost">
          <h4>
            Lost, written on {conflict.lost_by} <Age at={conflict.at} />
          </h4>
          <Lost conflict={conflict} />
        </section>
      </div>
      <p class="muted small">
        {capital(rule)}.{decision === null ? '' : ` ${capital(decision.why)}`}
        {decision === null ? null : (
          <>
            {' '}
            {decision.by === null
              ? 'Settled in the folder: its copy was put back, edited, renamed or deleted,'
              : `Decided by ${decision.by},`}{' '}
            <Age at={decision.at} />.
          </>
        )}
      </p>
      <Actions conflict={conflict} place={place} onDecided={onDecided} />
    </li>
  );
}

function Lost({ conflict }: { readonly conflict: Conflict }) {
  const { rest, column, lost } = conflict;
  if (rest === null || rest.length === 0) return <Value literal={lost} />;
  return (
    <>
      {column === null ? null : <Value literal={lost} />}
      <dl class="cells">
        {rest.map((cell) => (
          <div key={cell.column} class="cell">
            <dt>{visible(cell.column)}</dt>
            <dd>
              <Value literal={cell.value} />
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

interface ActionsProps {
  readonly conflict: Conflict;
  readonly place: string;
  readonly onDecided: () => void;
}

function Actions({ conflict, place, onDecided }: ActionsProps) {
  const { id, kind, decision, can_restore: canRestore, lost_by: lostBy } = conflict;
  if (decision?.kind === 'restored' || decision?.kind === 'wanted') return null;
  // Its copy stands no more.
  if (kind === 'file' && !canRestore) return null;
  const restore = async (): Promise<void> => {
    const { message, outcome } = await call('restoreConflict', { params: { id } });
    say(outcome === 'restored' ? 'ok' : 'wait', message);
    onDecided();
  };
  const dismiss = async (): Promise<void> => {
    say('ok', (await call('dismissConflicts', { body: { ids: [id] } })).message);
    onDecided();
  };
  return (
    <div class="actions">
      <Button isSmall onPress={restore} obstacle={roleObstacle('operator')} about={place}>
        {canRestore ? 'Put back what lost' : `Ask ${lostBy} to put it back`}
      </Button>
      {decision === null || decision.kind === 'refused' ? (
        <Button isSmall onPress={dismiss} obstacle={roleObstacle('operator')} about={place}>
          Keep what stands
        </Button>
      ) : null}
    </div>
  );
}
