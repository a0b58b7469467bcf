/** One kind of failure. `docs/errors.md` is held equal to this table by a test. */
export interface ErrorEntry {
  readonly title: string;
  readonly cause: string;
  readonly nextStep: string;
}

const entry = (title: string, cause: string, nextStep: string): ErrorEntry => ({ title, cause, nextStep });

/**
 * Every stable error code. Hundreds tell the area: 10 general, 11 configuration, 12 databases, 13 schema and rows,
 * 14 servers and trust, 15 connections and protocol, 16 recovery, 17 folders, 18 decisions of people. Codes are never
 * re-used.
 */
export const errorCatalogue = {
  'USYNC-1000': entry(
    'Unexpected failure',
    'A bug, or a failure nobody foresaw.',
    'Run "usync doctor" and report the log line.',
  ),
  'USYNC-1001': entry(
    'Broken invariant',
    'An internal promise does not hold; the server stopped that part to protect data.',
    'Restart; if it comes back, report the log line.',
  ),
  'USYNC-1002': entry(
    'Stopped',
    'The operation was cancelled because the server is stopping.',
    'Start it again when the server runs.',
  ),
  'USYNC-1100': entry(
    'Configuration file missing',
    'No configuration was found where it was looked for.',
    'Run "usync init" in the folder of the application.',
  ),
  'USYNC-1101': entry(
    'Configuration invalid',
    'A key or value in the configuration is not understood.',
    'Correct the named line; "usync config schema" prints what is allowed.',
  ),
  'USYNC-1102': entry(
    'Data folder unusable',
    'The data folder cannot be created or written.',
    'Correct the path or its permissions.',
  ),
  'USYNC-1103': entry('Wrong usage', 'The command line is not understood.', 'Run the command with --help.'),
  'USYNC-1200': entry(
    'Database missing',
    'The file does not exist.',
    'Correct the path in the configuration, or start the application once.',
  ),
  'USYNC-1201': entry(
    'Database locked',
    'Another program has held the lock for too long.',
    'Find the long transaction of the application; Universal Sync tries again by itself.',
  ),
  'USYNC-1202': entry(
    'Database read-only',
    'The file or its folder cannot be written by this user.',
    'Correct owner or permissions of the file and its folder.',
  ),
  'USYNC-1203': entry(
    'Not a database',
    'The file is encrypted or is not a SQLite database.',
    'Check the path; encrypted databases cannot be synced.',
  ),
  'USYNC-1204': entry(
    'Database corrupt',
    'SQLite found damage in the file.',
    'Restore a backup, or move the file away: the server then gets a fresh copy from its peers.',
  ),
  'USYNC-1205': entry(
    'Database on a network file system',
    'SQLite locks do not work reliably on network file systems.',
    'Move the database to a local disk.',
  ),
  'USYNC-1206': entry(
    'Another sync engine holds this database',
    'Exactly one engine may work on a database.',
    'Stop the named one first.',
  ),
  'USYNC-1207': entry(
    'Disk full',
    'The database or data folder has no space left.',
    'Free space; syncing goes on by itself.',
  ),
  'USYNC-1208': entry(
    'Database replaced',
    'The database file was exchanged, or a backup was written over its content, while it was in use.',
    'Nothing to do: it is treated as a restored backup.',
  ),
  'USYNC-1209': entry(
    'No SQLite driver',
    'No SQLite driver could be loaded on this platform.',
    'Use Node.js 24 or newer, or reinstall the package.',
  ),
  'USYNC-1210': entry(
    'Database cannot be read or written',
    'The operating system refused to read, write or open the file or one beside it.',
    'Check disk, file system and permissions; it is tried again by itself.',
  ),
  'USYNC-1211': entry(
    'Database used by a newer version',
    'A newer version of Universal Sync keeps its state in this database in a form that this one does not know.',
    'Update Universal Sync on this server.',
  ),
  'USYNC-1212': entry(
    'Dataset does not answer',
    'A long merge is under way, or the disk does not answer: how the dataset stands now is not known.',
    'Wait for the merge; if nothing moves for minutes, look for trouble with the disk and run "usync doctor".',
  ),
  'USYNC-1213': entry(
    'Tables of Universal Sync dropped',
    'Somebody, mostly a migration tool that drops tables it does not know, dropped tables in which Universal Sync keeps which row is which. No row of the application is touched by that.',
    'Nothing where all is well: the rows here are compared with the group\'s, as when joining, and you are asked where that is unclear. Let the tool leave tables alone whose names begin with "_usync_".',
  ),
  'USYNC-1300': entry(
    'Table cannot be synced',
    'The table has a form that cannot be captured.',
    'See the reason in "usync check".',
  ),
  'USYNC-1301': entry(
    'Rows do not fit here',
    'A table or column is unknown here, or a constraint refuses the row.',
    'Look at "usync quarantine": it names what frees each row. Freed rows land by themselves.',
  ),
  'USYNC-1302': entry(
    'Content differs from the digest',
    'Rows were changed without being captured, or the disk changed them.',
    'Run "usync verify"; the next reconcile captures the difference.',
  ),
  'USYNC-1303': entry(
    'Tables or columns differ between servers',
    'A server lacks a table, columns or a unique constraint that another one has, so those rows, and what refers to them, cannot be compared; what both have is kept identical, and the rest waits.',
    'Run the migration of the application on the servers that lack it.',
  ),
  'USYNC-1304': entry(
    'Rows without a key',
    'SQLite allows NULL in a primary key that is not declared NOT NULL. Nothing names such a row for another server, so it stays where it was written.',
    'Give these rows a key, and declare its columns NOT NULL; a row with a key is synced by itself.',
  ),
  'USYNC-1305': entry(
    'Rule without effect',
    'A rule of the configuration names a table or column that the database has not: mistyped, or not made yet.',
    'Correct the name in the configuration ("usync check" says what may have been meant), or let the application make it.',
  ),
  'USYNC-1306': entry(
    'Table cannot be written now',
    'A trigger, constraint or index of a synced table names something that is not there, as in the middle of a migration, or that only the application has. Nothing is merged into this database meanwhile; what is written here is captured.',
    'Finish the migration, or drop what names it. A table that needs the application for good can be left out: "exclude: true" under its name in the configuration. Merging goes on by itself then.',
  ),
  'USYNC-1400': entry(
    'Invite code not valid',
    'The code is mistyped, used, or expired.',
    'Create a new one with "usync invite".',
  ),
  'USYNC-1401': entry(
    'Server not trusted',
    'The other side presented a key that is not pinned.',
    'If the server was reinstalled, remove it and invite it again.',
  ),
  'USYNC-1402': entry(
    'Server removed',
    'This server was removed from the group.',
    'To join again, make a code with "usync invite" on a member and run "usync join CODE" here: what was written meanwhile is kept and shared.',
  ),
  'USYNC-1403': entry(
    'Already in a group',
    'This server already belongs to a group of servers.',
    'Remove it there first, or use a fresh data folder.',
  ),
  'USYNC-1404': entry(
    'Same identity seen twice',
    'Two running servers use one identity: a cloned machine.',
    'On the clone run "usync init --new-identity" and join again.',
  ),
  'USYNC-1405': entry(
    'Approval pending',
    'The group must approve this server first.',
    'Run "usync servers approve NAME" on a member.',
  ),
  'USYNC-1406': entry(
    'Data needs a decision',
    'Both sides hold data and it is unclear whether rows with equal keys are the same.',
    'See which rows differ: usync join CODE --dry-run. Then join with the same code and --same-rows or --distinct-rows. This server is a member by now and its other datasets are synced; "usync servers remove" at another one takes it out.',
  ),
  'USYNC-1407': entry('No such server', 'No server of that name or id is known.', 'Run "usync servers" to list them.'),
  'USYNC-1408': entry(
    'Clock is off',
    'The clocks of two servers differ by more than a minute; which of two edits is the later one may surprise.',
    'Set the clock of the named server by NTP.',
  ),
  'USYNC-1409': entry(
    'Connection paused',
    'A person has paused the connection between the two servers.',
    'Resume it on the server where it was paused.',
  ),
  'USYNC-1410': entry(
    'Joining already',
    'This server is joining a group; it can join one at a time.',
    'Wait until that is done, or end it where it was begun; then join again.',
  ),
  'USYNC-1500': entry(
    'Address in use',
    'Another program listens on the configured port.',
    'Stop it or choose another port ("listen.port" in the configuration).',
  ),
  'USYNC-1501': entry(
    'Cannot connect',
    'The other server does not answer.',
    'Check that it runs and that the address and port are reachable; it is tried again by itself.',
  ),
  'USYNC-1502': entry(
    'Not Universal Sync',
    'What answers at that address speaks another protocol.',
    'Check address and port.',
  ),
  'USYNC-1503': entry(
    'Protocol versions differ',
    'The other server speaks a version that is not understood.',
    'Update the older one.',
  ),
  'USYNC-1504': entry(
    'Malformed message',
    'The other side sent bytes that break the protocol.',
    'Update both servers; the connection is opened again by itself.',
  ),
  'USYNC-1505': entry(
    'Connection lost',
    'The connection ended or went silent.',
    'Nothing to do: it is opened again by itself.',
  ),
  'USYNC-1506': entry(
    'No engine running',
    'The command needs a running server and none answers.',
    'Start it with "usync run".',
  ),
  'USYNC-1507': entry(
    'Limit exceeded',
    'A message or value is larger than the protocol allows.',
    'Split the value; see docs/protocol.md for the limits.',
  ),
  'USYNC-1600': entry(
    'Server went back in time',
    'The database is older than what peers remember of it: a restored backup.',
    'Nothing to do: the lost tail is fetched and the server goes on under a new epoch. To go back on purpose, use "usync undo".',
  ),
  'USYNC-1601': entry(
    'Forked origin',
    'Two different histories carry the same name.',
    'Nothing to do: the younger history gets a name of its own, and both are merged.',
  ),
  'USYNC-1602': entry(
    'Digest counted anew',
    'An audit found that the kept digest of a table was not that of its rows, which are as they should be.',
    'Nothing to do. If it happens again, report it: servers were told of a difference that was none.',
  ),
  'USYNC-1700': entry(
    'Folder missing',
    'The folder does not exist, is no folder, or cannot be read.',
    'Correct the path in the configuration, or its permissions.',
  ),
  'USYNC-1701': entry(
    'Folder is not the one that was synced',
    'Another folder stands at the path, or the mark inside it is gone: an unmounted disk, or a folder that was emptied.',
    'Mount or restore it; nothing is deleted elsewhere meanwhile. If it is new and to be filled: usync files put-back DATASET. If what is missing is meant to be gone everywhere: usync files accept DATASET',
  ),
  'USYNC-1702': entry(
    'Many files were deleted',
    'So much of the folder is gone at once that it may be a mistake; nothing is deleted elsewhere yet.',
    'To have them back: usync files put-back DATASET. If they are meant to be gone: usync files accept DATASET',
  ),
  'USYNC-1703': entry(
    'Entries wait',
    'A file or folder cannot be read or placed here; the others go on.',
    'See each with its reason: usync files show DATASET. They are tried again by themselves.',
  ),
  'USYNC-1704': entry(
    'No such file in the history',
    'The history of the folder has no file of this number any more.',
    'List them with "usync files history DATASET".',
  ),
  'USYNC-1705': entry(
    'Too few file watches',
    'The system allows this user no more watches, so changes in some folders are found by looking, twice a minute.',
    'Allow more: sysctl fs.inotify.max_user_watches=524288, and write it into /etc/sysctl.d to last.',
  ),
  'USYNC-1706': entry(
    'Files are put back one by one',
    'What a server wrote in a folder cannot be taken back as a whole: an earlier content may be kept on another server, or nowhere any more.',
    'Look at "usync history DATASET", and put files back with "usync files history DATASET" and "usync files restore DATASET NUMBER" on a server that keeps them.',
  ),
  'USYNC-1800': entry(
    'No such record',
    'No conflict or held row has this id, or several begin with it.',
    'List them with "usync conflicts" or "usync quarantine", and give more of the id.',
  ),
  'USYNC-1801': entry(
    'Cannot be put back',
    'A constraint refuses the value, what it belongs to or refers to is gone, or a file is not what was kept, stands where something else does, or is being changed at this moment.',
    'Mend what the message names, then try again. Nothing was changed.',
  ),
  'USYNC-1802': entry(
    'No such row',
    'The table is not synced here, or the key does not fit it.',
    'Look at "usync check" for the tables; give one value for each column of the key.',
  ),
  'USYNC-1803': entry(
    'Too much to take back',
    'More rows were changed than a person can look through.',
    'Choose a later time, or restore a backup on every server.',
  ),
  'USYNC-1900': entry(
    'Not signed in',
    'The request has no valid session or token.',
    'Sign in, or send a token: Authorization: Bearer TOKEN.',
  ),
  'USYNC-1901': entry(
    'Not set up',
    'No user exists yet, so nobody can sign in.',
    'Open the set-up link: run "usync setup-link" on the server.',
  ),
  'USYNC-1902': entry(
    'Not allowed',
    'The role of this user or token does not reach.',
    'Ask an admin for the role that the message names.',
  ),
  'USYNC-1903': entry('Wrong name or password', 'They do not fit each other.', 'Check both; names are case-sensitive.'),
  'USYNC-1904': entry(
    'Too many attempts',
    'Signing in failed too often in a short time.',
    'Wait for the time that the message names.',
  ),
  'USYNC-1905': entry(
    'Request from elsewhere',
    'A request that changes something did not come from the page of this server.',
    'Programs send a token, or the header X-Usync-Request as the page of this server does: docs/api.md shows how.',
  ),
  'USYNC-1906': entry(
    'Unknown host name',
    'The request names a host that this server does not answer to.',
    'Use an address of the server, or add the name to "http.hosts" in the configuration.',
  ),
  'USYNC-1907': entry(
    'Input does not fit',
    'A field is missing or has another form.',
    'Correct the named field; see docs/api.md.',
  ),
  'USYNC-1908': entry(
    'Not found',
    'There is no such route or record.',
    'See docs/api.md, or list what there is first.',
  ),
  'USYNC-1909': entry(
    'Left out on purpose',
    'The older API had this; Universal Sync does not.',
    'Do what the message says in its place.',
  ),
  'USYNC-1910': entry(
    'The page cannot be served',
    'The address of "http" in the configuration cannot be used.',
    'Correct the address, the port or the files of the certificate.',
  ),
  'USYNC-1911': entry('Too large', 'The request is larger than the limit.', 'Send less at once; see docs/api.md.'),
  'USYNC-1912': entry(
    'Set-up link not valid',
    'It was used already, is of an earlier start, or was copied in part.',
    'Run "usync setup-link" on the server for a new one.',
  ),
  'USYNC-1913': entry(
    'Cannot be done to this user or token',
    'A name is taken, or the last admin would be gone.',
    'Choose another name, or make another admin first.',
  ),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCatalogue;
