import type { Route } from './contract/route.js';
import { routes } from './contract/route-table.js';

/** docs/api.md, made of the one table of routes. */
export const apiPage = (): string => `# The HTTP API

Written by \`scripts/write-api-page.mjs\` from the table of routes. The same as OpenAPI 3.1, with every field, is
[openapi.json](openapi.json); a running server has it at \`/api/openapi.json\`.

\`usync run\` serves the page and the API at \`http://127.0.0.1:7421\`, or where \`http\` in the
[configuration](configuration.md) says. Another address than loopback is used once a user and a certificate are set.

## Who may in

Nothing is told without authentication but \`/livez\` and \`/readyz\`, which are a bare status, and the files of the
page, which hold no data. Until there is a user, each start prints a link with which the first one, an admin, is set up; it
works once and for a day, and \`usync setup-link\` makes another.

Programs send a token that an admin has made (\`POST /api/sync/tokens\`): \`Authorization: Bearer usync_...\`. A token has a
scope: a role, or \`metrics\` for \`/metrics\` alone. It is shown once; only its hash is kept.

The page signs in by name and password and gets a cookie. A request with a cookie that changes something must carry the
header \`X-Usync-Request\` and come from the page's own origin. A \`viewer\` may look, an \`operator\` may sync, restore and decide
as well, an \`admin\` may do all. What changed something is in the log of what people did (\`GET /api/sync/audit\`), each
entry with a hash over itself and the one before.

From a terminal, on the server itself: the first user, a token for a program, the status, and a job (the page does the same):

\`\`\`sh
usync setup-link                    # http://127.0.0.1:7421/sync/setup#token=TOKEN
at=http://127.0.0.1:7421/api/sync
json='content-type: application/json'
curl -c jar -H 'X-Usync-Request: curl' -H "$json" $at/setup \\
  -d '{"token":"TOKEN","name":"ann","password":"a long password"}'
curl -b jar -H 'X-Usync-Request: curl' -H "$json" $at/tokens -d '{"name":"reports","scope":"operator"}'

token='Authorization: Bearer usync_...'    # the "secret" of the answer
curl -H "$token" $at/status
curl -H "$token" -H "$json" $at/verify -d '{}'    # 202, with a job
curl -H "$token" $at/jobs/ID                      # the "id" of the job; "result" when it is done
\`\`\`

A session ends after 12 hours without use and after 7 days in any case. Failed sign-ins make the next one wait longer, by
address and by name. A request must name a host that this server answers to: loopback, its own addresses when it listens
on them, or a name in \`http.hosts\`.

## What answers look like

Names are \`snake_case\`; times are UTC, ISO 8601. A failure has a status of 400 or more and the body
\`{ "error": "...", "code": "USYNC-1907", "next_step": "...", "field": "..." }\`; codes are in [errors.md](errors.md). Work that
may take long answers 202 with a job: look at it at \`GET /api/sync/jobs/{id}\`, cancel it by
\`POST /api/sync/jobs/{id}/cancel\`. Batches answer with one result an item.

JSON bodies are at most 1 MiB, 32 MiB for batches, uploads 64 MiB. Lists take \`page\` and \`per_page\` (at most 1,000).

## Live events

\`GET /api/sync/events\` is a stream of server-sent events: \`hello\`, \`activity\` (an event as in \`/api/sync/logs\`), \`status\` (as
\`/api/sync/status\`, when it changed) and \`job\`. \`Last-Event-ID\` gives what was missed. At most 256 may watch at a time.

## Rows and files from other programs

\`receive-changes\`, \`database\` and \`universal_receive\` write into this server's own database as an application would: one
transaction a call, the table's constraints and triggers hold, and capture sends it on. Nothing is guessed: a column that
the table has not, an operation that is not known, or a soft delete that names no column is rejected, alone, with the reason.
A change with \`server_id\` and \`id\` that was applied before is \`repeated\` and changes nothing. Bytes are
\`{ "base64": "..." }\`. An insert whose key stands with other values is rejected; \`upsert\` writes over it.

## Routes

${tableOf(routes.map(([, route]) => route).filter(({ answer }) => answer.kind !== 'gone'))}

## Left out on purpose

These of the older API answer 410 with the reason.

${goneTable()}
`;

const tableOf = (list: readonly Route[]): string =>
  [
    '<!-- prettier-ignore -->',
    '| route | role | what it does |',
    '| --- | --- | --- |',
    ...list.map(({ method, path, access, summary }) => `| \`${method} ${path}\` | ${access} | ${summary} |`),
  ].join('\n');

const goneTable = (): string =>
  [
    '<!-- prettier-ignore -->',
    '| route | why |',
    '| --- | --- |',
    ...routes.flatMap(([, { method, path, answer }]) =>
      answer.kind === 'gone' ? [`| \`${method} ${path}\` | ${answer.reason} |`] : [],
    ),
  ].join('\n');
