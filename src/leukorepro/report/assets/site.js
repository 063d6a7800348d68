// What the pages of a report do beyond showing: all that they tell can be read without it.
"use strict";

// How much there must be to choose from.
const PARTS_TO_SORT = 4;
const ROWS_TO_FILTER = 9;
const SHOWN_RESULTS = 40;

// Light or dark: as the system prefers, unless the reader has chosen. Done before anything is drawn.

// Pages that open from disk have no storage in some browsers; the choice then lasts as long as the page.
function keptScheme() {
  try { return localStorage.getItem("scheme"); } catch { return null; }
}

function keepScheme(scheme) {
  try { localStorage.setItem("scheme", scheme); } catch { /* not kept */ }
}

function isDark() {
  const chosen = document.documentElement.dataset.scheme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

const kept = keptScheme();
if (kept) document.documentElement.dataset.scheme = kept;

function addSchemeSwitch() {
  const button = make("button", { type: "button", className: "scheme", textContent: "Dark" });
  const tell = () => button.setAttribute("aria-pressed", isDark());
  button.addEventListener("click", () => {
    const scheme = isDark() ? "light" : "dark";
    document.documentElement.dataset.scheme = scheme;
    keepScheme(scheme);
    tell();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
  tell();
  document.querySelector(".top").append(button);
}

// Names of files and labels come as texts, never as markup.
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// Tables: rows that belong together (a body of several rows, or a single row) are moved and hidden together.

function parts(table) {
  const grouped = table.tBodies.length > 1 || table.querySelector("tbody [rowspan]");
  return grouped ? [...table.tBodies] : [...table.tBodies[0].rows];
}

const rowsOf = part => [...(part.rows ?? [part])];

// Cells by row and column; one that spans several stands in each of its places.
function grid(rows) {
  const places = rows.map(() => []);
  rows.forEach((row, y) => {
    let x = 0;
    for (const cell of row.cells) {
      while (places[y][x]) x++;
      for (let down = y; down < y + cell.rowSpan && down < rows.length; down++) {
        for (let right = x; right < x + cell.colSpan; right++) places[down][right] = cell;
      }
      x += cell.colSpan;
    }
  });
  return places;
}

// What a cell is sorted by: a number with all its digits where there is one; null where nothing is told.
function sortKey(cell, isNumber) {
  if (!cell) return null;
  if (!isNumber) return cell.textContent.trim().toLowerCase() || null;
  const data = cell.querySelector("data");
  const text = [...cell.childNodes].map(node => node.textContent.trim()).find(Boolean) ?? "";
  const number = parseFloat(data ? data.value : text.replaceAll(",", "").replace("\u2212", "-").replace(/^[<\u2264~]\s*/, ""));
  return Number.isNaN(number) ? null : number;
}

const collator = new Intl.Collator("en", { numeric: true });
const ascending = (a, b) => (typeof a === "number" ? a - b : collator.compare(a, b));

// Of rows that stay together, the one counts that would come first.
function inOrder(found, column, isNumber, direction) {
  const compare = direction === "ascending" ? ascending : (a, b) => ascending(b, a);
  const keyed = found.map(part => {
    const keys = grid(rowsOf(part)).map(cells => sortKey(cells[column], isNumber)).filter(key => key !== null);
    return { part, key: keys.sort(compare)[0] ?? null };
  });
  const told = keyed.filter(one => one.key !== null).sort((a, b) => compare(a.key, b.key));
  return [...told, ...keyed.filter(one => one.key === null)].map(one => one.part);
}

function makeSortable(table) {
  const found = parts(table);
  if (found.length < PARTS_TO_SORT) return;
  const columns = grid([...table.tHead.rows]).at(-1);
  const next = { none: "ascending", ascending: "descending", descending: "none" };
  for (const [column, head] of columns.entries()) {
    const visible = [...head.childNodes].some(node => node.className !== "sr" && node.textContent.trim());
    if (head.colSpan > 1 || !visible) continue;
    const button = make("button", { type: "button", className: "sort" }, ...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const direction = next[head.getAttribute("aria-sort")];
      for (const other of columns) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", direction);
      const isNumber = head.classList.contains("num");
      const order = direction === "none" ? found : inOrder(found, column, isNumber, direction);
      found[0].parentNode.append(...order);
    });
  }
}

function makeFilterable(table) {
  const found = parts(table);
  const count = some => some.reduce((sum, part) => sum + rowsOf(part).length, 0);
  const all = count(found);
  if (all < ROWS_TO_FILTER || found.length < 2) return;
  const texts = found.map(part => part.textContent.toLowerCase());
  const told = make("output", { textContent: `${all} rows` });
  const field = make("input", { type: "search", autocomplete: "off" });
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/);
    found.forEach((part, place) => { part.hidden = !words.every(word => texts[place].includes(word)); });
    const shown = count(found.filter(part => !part.hidden));
    told.textContent = shown === all ? `${all} rows` : `${shown} of ${all} rows`;
  });
  table.before(make("div", { className: "filter" }, make("label", {}, "Only rows with ", field), told));
}

// Search: over headings and rows of all pages, from a list that a script brings along.

function addSearch(index) {
  const form = document.querySelector("form.search");
  const field = form.querySelector("input");
  const told = make("p", { className: "told" });
  told.setAttribute("role", "status");
  const list = make("ul");
  const results = make("div", { className: "results", hidden: true }, told, list);
  form.append(results);
  const entries = index.flatMap(({ page, address, found }) => found.map(([text, id]) => (
    { text, page, address: id ? `${address}#${id}` : address, all: `${text} ${page}`.toLowerCase() }
  )));

  function show() {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = words.length ? entries.filter(entry => words.every(word => entry.all.includes(word))) : [];
    const shown = found.slice(0, SHOWN_RESULTS);
    list.replaceChildren(...shown.map(entry => make("li", {}, make(
      "a", { href: entry.address, onclick: close }, entry.text, make("span", { className: "sub", textContent: entry.page }),
    ))));
    told.textContent = found.length > shown.length ? `${found.length} found; the first ${shown.length}:` : `${found.length} found`;
    results.hidden = !words.length;
  }

  function close() {
    results.hidden = true;
  }

  field.addEventListener("input", show);
  field.addEventListener("focus", show);
  form.addEventListener("submit", event => {
    event.preventDefault();
    list.querySelector("a")?.click();
  });
  form.addEventListener("keydown", event => {
    const links = [...list.querySelectorAll("a")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && !results.hidden) {
      event.preventDefault();
      const place = links.indexOf(document.activeElement) + step;
      (links[place] ?? (place < 0 ? field : document.activeElement)).focus();
    } else if (event.key === "Escape") {
      field.value = "";
      field.focus();
      close();
    }
  });
  form.addEventListener("focusout", event => { if (!form.contains(event.relatedTarget)) close(); });
  document.addEventListener("keydown", event => {
    if (event.key === "/" && !event.target.closest("input, textarea, select")) {
      event.preventDefault();
      field.select();
    }
  });
  form.hidden = false;
}

// An address inside of something that is folded opens it.
function reveal() {
  const target = document.querySelector(":target");
  for (let folded = target?.closest("details"); folded; folded = folded.parentElement.closest("details")) folded.open = true;
  target?.scrollIntoView();
}

document.addEventListener("DOMContentLoaded", () => {
  // On narrow screens the list of pages is folded, so that a page begins with what it is about.
  const wide = matchMedia("(min-width: 60rem)");
  const unfold = () => { document.querySelector("details.menu").open = wide.matches; };
  wide.addEventListener("change", unfold);
  unfold();
  addSearch(searchIndex);
  addSchemeSwitch();
  for (const table of document.querySelectorAll("main table")) {
    makeSortable(table);
    makeFilterable(table);
  }
  // Whatever is wider than its frame can be moved by keys as well.
  for (const frame of document.querySelectorAll(".card")) if (frame.scrollWidth > frame.clientWidth) frame.tabIndex = 0;
  addEventListener("hashchange", reveal);
  reveal();
});
