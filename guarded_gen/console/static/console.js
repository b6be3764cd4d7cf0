// Adds keys, hold-to-look and time measurement to pages that work without them.
const started = performance.now();
const number = (value, places) => Number(value).toLocaleString(document.documentElement.lang, { minimumFractionDigits: places, maximumFractionDigits: places });

for (const element of document.querySelectorAll(".controls, [data-help]")) element.hidden = false;

// Single keys as this person has them (WCAG 2.1.4): other ones, or none.
const keysOff = document.body.dataset.keys === "off";
const own = keysOff ? {} : JSON.parse(document.body.dataset.keys ?? "{}");
for (const element of document.querySelectorAll("[data-key]")) {
  const shown = element.querySelector("kbd");
  if (keysOff) { delete element.dataset.key; shown?.remove(); continue; }
  const key = own[element.dataset.key];
  if (key === undefined) continue;
  element.dataset.key = key;
  if (shown) shown.textContent = key.toUpperCase();
}

// The lease: a warning before it ends, and more time without losing what was typed (WCAG 2.2.1).
const lease = document.querySelector("#lease");
if (lease) {
  const asking = lease.querySelector("form");
  const warning = asking.querySelector("[role=alert]");
  let timer;
  const wait = (ms) => { clearTimeout(timer); timer = setTimeout(() => { warning.hidden = false; }, Math.max(0, ms - 120000)); };
  wait(lease.dataset.until - lease.dataset.now);
  asking.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await fetch(asking.action, { method: "POST", body: new URLSearchParams(new FormData(asking)) });
    if (!answer.ok) { warning.hidden = false; return; }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#lease");
    if (!fresh) return;
    warning.hidden = true;
    lease.querySelector("p").replaceWith(fresh.querySelector("p"));
    wait(fresh.dataset.until - fresh.dataset.now);
  });
}

const typing = (target) => target.closest("input:not([type=checkbox], [type=range]), textarea, select");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (event.key === "Escape" && typing(event.target)) { event.target.blur(); return; }
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  const key = CSS.escape(event.key.toLowerCase());
  const target = document.querySelector(`[data-key="${key}"]`);
  if (!target || target.disabled) return;
  event.preventDefault();
  if (target.matches(".hold")) { look(target); return; }
  if (target.matches("select, textarea, input")) target.focus();
  else target.click();
});
document.addEventListener("keyup", (event) => { if (held && event.key.toLowerCase() === held.dataset.key) look(null); });

const form = document.querySelector("#decide");
form?.addEventListener("submit", () => {
  form.elements.seconds.value = ((performance.now() - started) / 1000).toFixed(2);
  // a second press must not send the form again
  setTimeout(() => { for (const b of form.querySelectorAll("button")) b.disabled = true; });
});

// Media is shown while a button or its key is held, never by itself, and its seconds are counted.
const media = document.querySelector("#media");
const figure = media?.querySelector("figure:not(.shown)");
const holds = [...(media?.querySelectorAll(".hold") ?? [])];
let held = null, since = null;

function look(button) {
  if (!figure || button === held) return;
  if (held) {
    report((performance.now() - since) / 1000);
    held.setAttribute("aria-pressed", "false");
  }
  const [image, video] = figure.children;
  video?.pause();
  held = button;
  figure.hidden = !held;
  if (!held) return;
  since = performance.now();
  held.setAttribute("aria-pressed", "true");
  const moving = held.dataset.at !== undefined;
  image.hidden = moving;
  if (video) video.hidden = !moving;
  const shown = moving ? video : image;
  if (!shown.getAttribute("src")) shown.src = shown.dataset.src;
  if (moving) {
    video.muted = true;
    video.currentTime = Number(held.dataset.at);
    video.play().catch(() => {});
  }
  // seconds are counted from here on: what is counted must be on the screen
  const seen = () => figure.scrollIntoView({ block: "nearest" });
  seen();
  shown.addEventListener(moving ? "loadedmetadata" : "load", seen, { once: true });
}

async function report(seconds) {
  const body = new URLSearchParams({ csrf: media.dataset.csrf, seconds: seconds.toFixed(2) });
  const answer = await fetch(`/console/cases/${media.dataset.case}/revealed`, { method: "POST", body, keepalive: true });
  if (!answer.ok) return;
  const { exposure } = await answer.json();
  document.querySelector("#seen").textContent = number(exposure.seconds, 0);
  media.querySelector("meter").value = exposure.share;
  document.querySelector("#over").hidden = !exposure.over;
  document.querySelector("#break").hidden = exposure.over || !exposure.break;
}

for (const hold of holds) {
  hold.addEventListener("pointerdown", (event) => { hold.setPointerCapture(event.pointerId); look(hold); });
  for (const name of ["pointerup", "pointercancel", "blur"]) hold.addEventListener(name, () => look(null));
  hold.addEventListener("keydown", (event) => { if (event.key === " " || event.key === "Enter") { event.preventDefault(); if (!event.repeat) look(hold); } });
  hold.addEventListener("keyup", (event) => { if (event.key === " " || event.key === "Enter") look(null); });
}
document.addEventListener("visibilitychange", () => { if (document.hidden) look(null); });
addEventListener("pagehide", () => look(null));
const prefer = document.querySelector("#prefer");
if (prefer) prefer.querySelector("button").hidden = true;
for (const box of document.querySelectorAll("[data-look]")) box.addEventListener("change", () => {
  media.querySelector("figure")?.classList.toggle(box.dataset.look, box.checked);
  const body = new URLSearchParams(new FormData(prefer));
  body.delete("case");
  fetch(prefer.action, { method: "POST", body, keepalive: true });
});

const keys = document.querySelector("#keys");
document.querySelector("[data-help]")?.addEventListener("click", () => {
  const list = keys.querySelector("dl");
  list.replaceChildren();
  for (const element of document.querySelectorAll("[data-key]")) {
    const term = document.createElement("dt");
    const key = document.createElement("kbd");
    key.textContent = element.dataset.key.toUpperCase();
    term.append(key);
    const words = document.createElement("dd");
    const label = element.matches("select, textarea") ? element.closest("label").firstChild : element;
    words.textContent = (label.textContent ?? "").replace(/\s+\S$/, "").trim();
    list.append(term, words);
  }
  keys.showModal();
});

// The workbench: what a press of its buttons would show, shown while typing and sliding.
const bench = document.querySelector("#workbench");
if (bench?.elements.threshold) {
  const { rule, threshold, text, days, against } = bench.elements;
  const slider = threshold;
  const shown = bench.querySelector("#at");
  let timer, asked;
  const show = () => { shown.textContent = number(slider.value, 2); };
  const fresh = async (address, what) => {
    asked?.abort();
    asked = new AbortController();
    try {
      const answer = await fetch(address, { method: "POST", body: new URLSearchParams(new FormData(bench)), signal: asked.signal });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      document.querySelector("#results").replaceWith(page.querySelector("#results"));
      document.dispatchEvent(new Event("checked"));
      if (what === text) {
        const kept = rule.value;
        rule.replaceChildren(...page.querySelector("[name=rule]").children);
        if ([...rule.options].some((option) => option.value === kept)) rule.value = kept;
      }
    } catch (error) { if (error.name !== "AbortError") throw error; }
  };
  const soon = (wait, ...rest) => { clearTimeout(timer); timer = setTimeout(fresh, wait, ...rest); };
  show();
  slider.addEventListener("input", () => { show(); soon(120, "/console/policy/replay", slider); });
  for (const choice of [days, against]) choice.addEventListener("change", () => soon(0, "/console/policy/replay", choice));
  rule.addEventListener("change", () => { slider.value = rule.selectedOptions[0].dataset.low; show(); soon(0, "/console/policy/replay", rule); });
  text.addEventListener("input", () => soon(700, "/console/policy", text));
  document.addEventListener("click", (event) => {
    const line = event.target.closest("[data-line]")?.dataset.line;
    if (!line) return;
    event.preventDefault();
    const lines = text.value.split("\n");
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    text.focus();
    text.setSelectionRange(start, start + lines[line - 1].length);
  });
}
