import { useSignal } from '@preact/signals';
import { call } from '../api/call.js';
import { failureOf, type FailureFacts } from '../api/failure.js';
import { Check } from '../parts/check.js';
import { Choice } from '../parts/choice.js';
import { FailureNotice } from '../parts/failure-notice.js';
import { Panel } from '../parts/panel.js';
import { ScreenHead } from '../parts/screen-head.js';
import { SubmitForm } from '../parts/submit-form.js';
import { status } from '../state/live.js';
import { may } from '../state/session.js';
import { NotAllowedScreen } from './not-allowed.js';
import { InviteSteps, type MadeInvite } from './invite-steps.js';
import { JoinGroup } from './join-group.js';
import { OpenInvites } from './open-invites.js';

const validTimes = [
  ['60', '1 hour'],
  ['1440', '24 hours'],
  ['10080', '7 days'],
] as const;

/** From the code to the new server that holds the same data; or this server into another group. */
export function AddServer() {
  const invite = useSignal<MadeInvite | null>(null);
  if (!may('admin')) return <NotAllowedScreen screen={{ name: 'Add a server', role: 'admin' }} />;
  const isAlone = status.value?.server.membership === 'alone';
  return (
    <>
      <ScreenHead
        title="Add a server"
        lead="A one-time code lets one new server in. The first code founds the group: what this server holds is its beginning."
      />
      {invite.value === null ? (
        <InviteForm onMade={(made) => (invite.value = made)} />
      ) : (
        <InviteSteps invite={invite.value} onAgain={() => (invite.value = null)} />
      )}
      {isAlone && invite.value === null ? <JoinGroup /> : null}
      <OpenInvites newest={invite.value?.id ?? ''} />
    </>
  );
}

function InviteForm({ onMade }: { readonly onMade: (invite: MadeInvite) => void }) {
  const minutes = useSignal('1440');
  const isApproved = useSignal(false);
  const failure = useSignal<FailureFacts | null>(null);
  const make = async (): Promise<void> => {
    failure.value = null;
    try {
      const body = { valid_minutes: Number(minutes.value), is_pre_approved: isApproved.value };
      onMade(await call('createInvite', { body }));
    } catch (error) {
      failure.value = failureOf(error);
    }
  };
  return (
    <Panel title="1. Make a code">
      {failure.value === null ? null : <FailureNotice failure={failure.value} onRetry={make} />}
      <SubmitForm verb="Make a code" onSubmit={make}>
        <Choice
          label="Valid for"
          value={minutes.value}
          options={validTimes}
          onChoose={(value) => (minutes.value = value)}
        />
        <Check
          label="Let the server in at once, without asking me again"
          isChecked={isApproved.value}
          onChange={(isChecked) => (isApproved.value = isChecked)}
        />
      </SubmitForm>
    </Panel>
  );
}
