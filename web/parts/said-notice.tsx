import { closeSaid, said } from '../state/said.js';
import { Button } from './button.js';
import { Notice } from './notice.js';

/** What became of the last press. */
export function SaidNotice() {
  const current = said.value;
  return (
    <div class="said" role="status">
      {current === null ? null : (
        <Notice
          key={current.number}
          tone={current.tone}
          title={current.text}
          code={current.code}
          actions={
            <Button look="quiet" isSmall icon="close" about="this message" onPress={closeSaid}>
              Close
            </Button>
          }
        >
          {current.nextStep === null ? null : <p>{current.nextStep}</p>}
        </Notice>
      )}
    </div>
  );
}
