// Pictures of every view, wide and narrow, light and dark: node screenshots.cjs BASE TOKEN FOLDER SITE
"use strict";
const { main } = require("./browser.cjs");

main(async (signedIn, base, [folder, site]) => {
  const views = {
    sites: "/", site: `/sites/${site}`, compare: `/compare/${site}`, lessons: "/lessons", lesson: `/lessons/${site}`, captures: "/captures",
    log: "/log", generated: "/generated", teacher: "/teacher", "teacher-check": "/teacher/check", configuration: "/configuration",
  };
  const made = [];
  for (const [width, colorScheme] of [[1280, "light"], [1280, "dark"], [360, "light"]]) {
    const page = await signedIn({ viewport: { width, height: 900 }, colorScheme });
    for (const [name, path] of Object.entries(views)) {
      if (colorScheme === "dark" && name !== "sites") continue;
      await page.goto(base + path);
      const file = `${folder}/${name}-${width}${colorScheme === "dark" ? "-dark" : ""}.png`;
      // The whole view, but no picture that nobody can look at.
      const height = Math.min(await page.evaluate(() => document.documentElement.scrollHeight), 4000);
      await page.setViewportSize({ width, height });
      await page.screenshot({ path: file });
      await page.setViewportSize({ width, height: 900 });
      made.push(file);
    }
    await page.context().close();
  }
  return made;
});
