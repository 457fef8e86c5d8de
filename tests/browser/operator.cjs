// The operator's tasks, by a person with a mouse and a keyboard: node operator.cjs BASE TOKEN TASK [ARGUMENT]...
"use strict";
const { main } = require("./browser.cjs");

const badge = (page, site) => page.locator(`article:has(#site-${site}) .badge`).first();

const tasks = {
  // Watches a site on the page as it is until its badge says `student`, then rolls it back with a reason.
  async watch(signedIn, base, [site]) {
    const page = await signedIn();
    const shown = [await badge(page, site).textContent()];
    // Whoever plays may begin.
    console.log(JSON.stringify(shown[0]));
    for (const until = Date.now() + 60_000; Date.now() < until && shown.at(-1) !== "student"; ) {
      await page.waitForTimeout(100);
      const now = await badge(page, site).textContent();
      if (now !== shown.at(-1)) shown.push(now);
    }
    const card = page.locator(`article:has(#site-${site})`);
    await card.getByText("Steer").click();
    await card.getByLabel("Reason, for the log").fill("wrong voice");
    await card.getByRole("button", { name: "Roll back" }).click();
    await page.waitForURL(`${base}/sites/${site}`);
    return { shown, after: await badge(page, site).textContent(), log: await page.locator("table").last().textContent() };
  },

  // Rates as many pairs as there are to be, by the keyboard alone.
  async rate(signedIn, base, [site, count]) {
    const page = await signedIn();
    await page.goto(`${base}/compare/${site}`);
    for (let rated = 0; rated < Number(count); rated += 1) {
      for (const points of ["5", "4", "3", "2", "1", "5"]) await page.keyboard.press(points);
      const checked = await page.locator("form.compare :checked").evaluateAll((all) => all.map((each) => each.value));
      if (checked.join() !== "5,4,3,2,1,5") throw new Error(`the keys gave ${checked}`);
      await Promise.all([page.waitForURL(/\?last=/), page.waitForLoadState("load"), page.keyboard.press("t")]);
      await page.waitForFunction((left) => document.querySelector("main").textContent.includes(left),
        rated + 1 < Number(count) ? `${Number(count) - rated - 1} to compare` : "nothing to compare");
    }
    return page.locator("[role=status]").textContent();
  },

  // Names the site that was found, and erases the exchange that is shown first.
  async name(signedIn, base, [name, text]) {
    const page = await signedIn();
    const found = page.locator("article:has([id^=found-])").first();
    await found.getByLabel("Name").fill(name);
    await found.getByRole("button", { name: "Name it" }).click();
    await page.waitForURL(`${base}/`);
    await page.goto(`${base}/captures?text=${encodeURIComponent(text)}`);
    await page.locator("tbody a").first().click();
    await page.getByRole("button", { name: "Erase it, and all that ask the same" }).click();
    await page.waitForURL(`${base}/captures`);
    await page.goto(`${base}/captures?text=${encodeURIComponent(text)}`);
    return page.locator("main").textContent();
  },

  // The same tasks without scripts.
  async plain(signedIn, base, [site, name, text]) {
    const page = await signedIn({ javaScriptEnabled: false });
    await page.goto(`${base}/compare/${site}`);
    await page.locator("input[name=left_fun][value='5']").check();
    await page.getByRole("button", { name: /Tie/ }).click();
    const rated = await page.locator("[role=status]").textContent();
    await page.goto(`${base}/`);
    const found = page.locator("article:has([id^=found-])").first();
    await found.getByLabel("Name").fill(name);
    await found.getByRole("button", { name: "Name it" }).click();
    await page.goto(`${base}/captures?text=${encodeURIComponent(text)}`);
    await page.locator("tbody a").first().click();
    await page.getByRole("button", { name: "Erase it, and all that ask the same" }).click();
    await page.goto(`${base}/sites/${site}`);
    await page.getByText("Steer").click();
    await page.getByLabel("Reason, for the log").fill("without scripts");
    await page.getByRole("button", { name: "Roll back" }).click();
    return { rated, after: await badge(page, site).textContent() };
  },

  // Milliseconds until the first view can be used, again and again.
  async load(signedIn, base, [count]) {
    const page = await signedIn();
    const times = [];
    for (let loaded = 0; loaded < Number(count); loaded += 1) {
      await page.goto(`${base}/`);
      times.push(await page.evaluate(() => performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd));
    }
    return times;
  },

  // Every view at two widths: no serious finding of axe, nothing wider than the window, nothing that hostile text could do. Says how long the
  // first view took until it could be used, in milliseconds.
  async views(signedIn, base, sites) {
    const axe = require("node:fs").readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
    const paths = ["/", "/lessons", "/captures", "/log", "/generated", "/teacher", "/configuration"];
    for (const site of sites) paths.push(`/sites/${site}`, `/compare/${site}`, `/lessons/${site}`);
    const found = { serious: [], wide: [], ready_ms: 0, title: "" };
    for (const [width, colorScheme] of [[1280, "light"], [1280, "dark"], [360, "light"]]) {
      const page = await signedIn({ viewport: { width, height: 900 }, colorScheme, bypassCSP: true });
      for (const path of paths) {
        await page.goto(base + path);
        await page.locator("details").evaluateAll((all) => all.forEach((each) => { each.open = true; }));
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => axe.run());
        for (const one of violations.filter((one) => ["serious", "critical"].includes(one.impact))) {
          found.serious.push(`${path} at ${width}, ${colorScheme}: ${one.id}: ${one.nodes.map((node) => node.html.slice(0, 200)).join(" | ")}`);
        }
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (wide > 0) found.wide.push(`${path} at ${width}: ${wide} px too wide`);
      }
      await page.goto(`${base}/`);
      const [timing] = await page.evaluate(() => performance.getEntriesByType("navigation").map((entry) => entry.toJSON()));
      found.ready_ms = Math.max(found.ready_ms, timing.domContentLoadedEventEnd);
      found.title = await page.title();
      await page.context().close();
    }
    return found;
  },
};

main((signedIn, base, [task, ...rest]) => tasks[task](signedIn, base, rest));
