import { useSignal } from '@preact/signals';
import type { Server } from '../../src/http/contract/server-schemas.js';
import { call } from '../api/call.js';
import { failureOf } from '../api/failure.js';
import { Button } from '../parts/button.js';
import { Dialog } from '../parts/dialog.js';
import { Field } from '../parts/field.js';
import { SubmitForm } from '../parts/submit-form.js';
import { roleObstacle } from '../state/session.js';
import { say } from '../state/said.js';

/** Where this server reaches another one. */
export function ServerAddress({ server }: { readonly server: Server }) {
  const isOpen = useSignal(false);
  return (
    <>
      <Button obstacle={roleObstacle('admin')} onPress={() => (isOpen.value = true)}>
        Address
      </Button>
      {isOpen.value ? <AddressDialog server={server} onClose={() => (isOpen.value = false)} /> : null}
    </>
  );
}

function AddressDialog({ server, onClose }: { readonly server: Server; readonly onClose: () => void }) {
  const host = useSignal(server.host ?? '');
  const port = useSignal(String(server.port ?? 7420));
  const wrong = useSignal<string | null>(null);
  const save = async (): Promise<void> => {
    try {
      const body = { host: host.value.trim(), port: Number(port.value) };
      say('ok', (await call('changeServer', { params: { id: server.id }, body })).message);
      onClose();
    } catch (error) {
      wrong.value = failureOf(error).message;
    }
  };
  return (
    <Dialog title={`Where ${server.name} is reached`} onClose={onClose}>
      <SubmitForm verb="Save" onSubmit={save} aside={<Button onPress={onClose}>Cancel</Button>}>
        <Field label="Host" value={host.value} onInput={(value) => (host.value = value)} isRequired />
        <Field
          label="Port"
          type="number"
          value={port.value}
          onInput={(value) => (port.value = value)}
          wrong={wrong.value}
          isRequired
        />
      </SubmitForm>
    </Dialog>
  );
}
