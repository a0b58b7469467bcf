import type { Locator, Page } from 'playwright-core';
import type { PageServer } from './page-servers.js';

export const admin = { name: 'ada', password: 'a sentence that is long' };

/** The first run: from the printed link to the overview. */
export async function setUp(page: Page, server: PageServer): Promise<void> {
  await page.goto(await server.setupLink());
  await page.getByLabel('Name').fill(admin.name);
  await page.getByLabel('New password', { exact: true }).fill(admin.password);
  await page.getByLabel('New password again').fill(admin.password);
  await page.getByRole('button', { name: 'Make this user and sign in' }).click();
  await page.getByRole('region', { name: 'Is everything in sync?' }).waitFor();
}

export async function signIn(page: Page, user: { readonly name: string; readonly password: string }): Promise<void> {
  await page.getByLabel('Name').fill(user.name);
  await page.getByLabel('Password').fill(user.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Fills in the dialog of a new user, on the page of users; it is sent by its button "Add". */
export async function nameNewUser(
  page: Page,
  user: { readonly name: string; readonly password: string },
): Promise<Locator> {
  await page.getByRole('button', { name: 'Add a user' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill(user.name);
  await dialog.getByLabel('New password', { exact: true }).fill(user.password);
  await dialog.getByLabel('New password again').fill(user.password);
  return dialog;
}
