import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function findChromium(searchPath: string): Promise<string> {
  for (const folder of searchPath.split(path.delimiter))
    for (const name of NAMES) {
      const file = path.join(folder, name);
      if (await isExecutable(file)) return file;
    }
  throw new Error('The page is tested in a real browser and none was found: apt-get install -y chromium');
}

/**
 * Starts the first Chromium on the search path, without a window and without anything that talks to the outside.
 * @throws with the command to install one, where there is none
 */
export async function launchChromium(searchPath: string): Promise<Browser> {
  return chromium.launch({
    executablePath: await findChromium(searchPath),
    headless: true,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
