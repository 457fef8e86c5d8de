// What every script with a browser needs: one of Debian's Chromium, signed in at the page. `CHROMIUM` names its program.
"use strict";
const { chromium } = require("playwright-core");

const OPTIONS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// Opens a browser and hands `work` a function that makes a signed-in page; whatever a page logs as an error, asks of another host or tries to
// open a dialog for is a failure.
async function withBrowser({ base, token }, work) {
  // As root, in containers and CI, Chromium cannot build its own sandbox; everything it opens here is this machine's.
  const sandbox = process.getuid() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: [...OPTIONS, ...sandbox] });
  const wrong = [];
  const signedIn = async (options = {}) => {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    page.on("dialog", (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on("pageerror", (error) => wrong.push(`script: ${error}`));
    page.on("console", (said) => said.type() === "error" && wrong.push(`console: ${said.text()}`));
    page.on("request", (asked) => asked.url().startsWith(base) || wrong.push(`asked: ${asked.url()}`));
    await page.goto(`${base}/`);
    await page.getByLabel("Admin token").fill(token);
    await page.getByLabel(/name/i).first().fill("Mara");
    await Promise.all([page.waitForURL(`${base}/`), page.getByRole("button", { name: "Sign in" }).click()]);
    return page;
  };
  try {
    const found = await work(signedIn);
    if (wrong.length) throw new Error(wrong.join("\n"));
    return found;
  } finally {
    await browser.close();
  }
}

// Runs a script's work with the address and the token of its arguments; prints what it found as JSON.
function main(work) {
  const [base, token, ...rest] = process.argv.slice(2);
  withBrowser({ base, token }, (signedIn) => work(signedIn, base, rest)).then(
    (found) => console.log(JSON.stringify(found ?? null)),
    (error) => { console.error(error.stack || error); process.exit(1); },
  );
}

module.exports = { main };
