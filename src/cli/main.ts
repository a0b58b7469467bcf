#!/usr/bin/env node
import { CommanderError } from 'commander';
import { exitCodeOf, exitCodes } from './exit-codes.js';
import { createProgram } from './program.js';

const { program, context } = createProgram();

// A reader such as "head" may leave early: the work goes on, only nobody reads of it any more.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  } else {
    context.terminal().fail(error);
    process.exitCode = exitCodeOf(error);
  }
}
