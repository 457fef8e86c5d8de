// Fetches the view again when something has changed, unless somebody is in the middle of something.
"use strict";
const main = document.getElementById("main");
const busy = () =>
  main.contains(document.activeElement) && document.activeElement.matches("input, textarea, select, button");
let wanted = false;
async function again() {
  if (document.hidden || busy()) { wanted = true; return; }
  wanted = false;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) { location.reload(); return; }
  const text = await answer.text();
  if (busy()) { wanted = true; return; }
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("main");
  const open = new Set([...main.querySelectorAll("details[open][id]")].map((each) => each.id));
  for (const each of fresh.querySelectorAll("details[id]")) each.open = open.has(each.id) || each.open;
  main.replaceChildren(...fresh.childNodes);
}
if (main.querySelector("[data-live]")) {
  new EventSource("/events").onmessage = again;
  for (const event of ["focusout", "visibilitychange"]) {
    document.addEventListener(event, () => setTimeout(() => wanted && again(), 200));
  }
}
// Digits answer the questions about two answers one after the other, or the one that has the focus; letters decide.
function give(points) {
  const groups = [...document.querySelectorAll("form.compare fieldset.points")];
  const focused = document.activeElement && document.activeElement.closest("fieldset.points");
  const group = focused || groups.find((each) => !each.querySelector(":checked"));
  const wanted = group && group.querySelector(`[data-points][value="${CSS.escape(points)}"]`);
  if (!wanted) return;
  wanted.checked = true;
  const next = groups[groups.indexOf(group) + 1];
  if (focused && next) next.querySelector("input").focus();
}
document.addEventListener("keydown", (event) => {
  const button = document.querySelector(`form.compare [data-key="${CSS.escape(event.key)}"]`);
  const typing = document.activeElement && document.activeElement.matches("input:not([type=radio]), textarea, select");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (button) button.click();
  else give(event.key);
});
