// The policy's editor offers the words that fit where one types. Without this it is a plain textarea.
const list = document.querySelector("#words");
const text = document.querySelector("#workbench").elements.text;
const told = document.querySelector("#offered");
const MOST = 40;
let fits = null, active = -1, typed = false;

// What the server offers by the key before it: `key`, `key[` in its list, `key{` as names of its map.
let offered = "", known = new Map();
function learn() {
  const words = document.querySelector("#words-of").dataset.words;
  if (words === offered) return;
  offered = words;
  known = new Map(Object.entries(JSON.parse(words)).flatMap(([keys, all]) => keys.split(" ").map((key) => [key, all.split(" ")])));
}

// The key whose block the last of these lines stands in.
function parent(lines) {
  const line = lines.pop();
  const item = /^\s*-/.test(line), deep = line.search(/\S|$/);
  for (const above of lines.reverse()) {
    const at = above.search(/\S/);
    if (at < 0 || above[at] === "#" || at > deep || (at === deep && (!item || above[at] === "-"))) continue;
    const [, key] = above.match(/^[\s-]*([\w-]+):\s*(#.*)?$/) ?? [];
    return key === "categories" && at === 0 ? "" : key ?? "";
  }
  return "";
}

// The words that fit at the caret, `from` where the word there begins, and what follows a word.
function place() {
  const end = text.selectionStart;
  const before = text.value.slice(0, end);
  const line = before.slice(before.lastIndexOf("\n") + 1);
  const term = line.match(/\bscores\.(\w*)$/);
  const word = term ? term[1] : line.match(/[\w.-]*$/)[0];
  const rest = line.slice(0, line.length - word.length);
  let all, after = "", found;
  if (/(^|\s)#/.test(rest)) return null;
  if (term) all = known.get("scores.");
  else if ((found = rest.match(/(^|[\s{,-])([\w-]+):\s+$/))) all = known.get(found[2]);
  else if ((found = rest.match(/(^|[\s{,-])([\w-]+):\s*([[{])([^[\]{}]*,)?\s*$/))) all = found[2] === "categories" && !found[1] ? null : known.get(found[2] + found[3]);
  else if (/^\s+$/.test(rest)) { all = known.get(parent(before.split("\n")) + "{"); after = ":"; }
  else if (/^\s*-\s+$/.test(rest)) all = known.get(parent(before.split("\n")) + "[");
  const low = word.toLowerCase();
  const starts = all?.filter((one) => one.toLowerCase().startsWith(low)) ?? [];
  const within = all?.filter((one) => low && !starts.includes(one) && one.toLowerCase().includes(low)) ?? [];
  const words = [...starts, ...within].slice(0, MOST);
  return words.length && !(words.length === 1 && words[0] === word) ? { words, from: end - word.length, after } : null;
}

function choose(index) {
  active = index;
  [...list.children].forEach((option, n) => option.setAttribute("aria-selected", n === index));
  const option = list.children[index];
  if (option) text.setAttribute("aria-activedescendant", option.id);
  else text.removeAttribute("aria-activedescendant");
  option?.scrollIntoView({ block: "nearest" });
}

function show() {
  learn();
  fits = text.selectionStart === text.selectionEnd ? place() : null;
  if (!fits) { close(); typed = true; return; }
  list.replaceChildren(...fits.words.map((word, n) => {
    const option = document.createElement("li");
    Object.assign(option, { id: `word-${n}`, role: "option", textContent: word });
    return option;
  }));
  // at the edge of the text that the caret is not near, so that it covers no line being written
  const row = text.value.slice(0, text.selectionStart).split("\n").length;
  const lower = row * parseFloat(getComputedStyle(text).lineHeight) - text.scrollTop > text.clientHeight / 2;
  list.classList.toggle("above", lower);
  list.hidden = false;
  told.textContent = told.dataset.told.replace("#", fits.words.length);
  choose(-1);
}

function close() {
  typed = false;
  if (list.hidden) return;
  fits = null;
  list.hidden = true;
  told.textContent = "";
  choose(-1);
}

function take(index) {
  const { words, from, after } = fits;
  const word = words[index] + (text.value[text.selectionStart] === ":" ? "" : after);
  close();
  text.setSelectionRange(from, text.selectionStart);
  // unlike setRangeText this can be undone
  if (!document.execCommand("insertText", false, word)) text.setRangeText(word, from, text.selectionEnd, "end");
  close();
}

if (list) {
  document.querySelector("#completing").hidden = false;
  for (const [name, value] of Object.entries({ "aria-autocomplete": "list", "aria-haspopup": "listbox", "aria-controls": "words", "aria-describedby": "completing" })) text.setAttribute(name, value);
  text.addEventListener("input", (event) => { if (!event.isComposing) show(); });
  // names that were written a moment ago are known now
  document.addEventListener("checked", () => { if (typed && list.hidden) show(); });
  text.addEventListener("blur", close);
  text.addEventListener("click", close);
  text.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.ctrlKey && event.key === " ") { event.preventDefault(); show(); return; }
    if (list.hidden || event.ctrlKey || event.altKey || event.metaKey) return;
    const count = fits.words.length;
    const keys = {
      ArrowDown: () => choose((active + 1) % count),
      ArrowUp: () => choose((active < 1 ? count : active) - 1),
      Escape: close,
      Tab: () => take(Math.max(active, 0)),
      Enter: () => take(active),
    };
    if ((event.key === "Enter" && active < 0) || event.shiftKey) { if (event.key !== "Shift") close(); return; }
    if (keys[event.key]) { event.preventDefault(); event.stopPropagation(); keys[event.key](); }
    else if (/^(Arrow|Home|End|Page)/.test(event.key)) close();
  });
  // pressing, not clicking: a click would take the focus first
  list.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    const index = [...list.children].indexOf(event.target.closest("li"));
    if (index >= 0) take(index);
  });
}
