"use strict";
// Sends one image after another to the model and shows what it says. Everything stays in this page.

const COLUMNS = ["path", "status", "prediction", "probability", "score", "out_of_distribution", "training_image", "model"];
const MOST_BYTES = Number(document.body.dataset.maxBytes);
const element = (id) => document.getElementById(id);
const entries = []; // { file, row, answer }, in the order in which they were dropped
let sending = false;

function add(files) {
  for (const file of files) {
    const row = element("row").content.firstElementChild.cloneNode(true);
    row.querySelector(".name").textContent = file.name;
    row.querySelector("b").textContent = "waiting";
    element("rows").append(row);
    entries.push({ file, row, answer: null });
  }
  element("results").hidden = entries.length === 0;
  send();
}

async function send() {
  if (sending) return;
  sending = true;
  for (let entry; (entry = entries.find((one) => one.answer === null)); tell()) {
    entry.row.querySelector("b").textContent = "…";
    tell();
    entry.answer = await ask(entry.file);
    entry.file = { name: entry.file.name };
    show(entry);
  }
  sending = false;
}

async function ask(file) {
  if (file.size > MOST_BYTES) {
    return { error: `The file is larger than ${MOST_BYTES / 1e6} MB, which is the most this page takes.` };
  }
  try {
    for (;;) {
      const response = await fetch("predict", { method: "POST", body: file });
      if (response.status !== 503) return await response.json();
      const seconds = Number(response.headers.get("Retry-After")) || 1;
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    }
  } catch {
    return { error: "No answer: the file could not be read, or the server has ended. Its terminal says more." };
  }
}

function show({ file, row, answer }) {
  const found = answer.status === "ok";
  row.classList.toggle("refused", !found);
  row.querySelector("b").textContent = found ? answer.prediction : (answer.status ?? "not_answered").replaceAll("_", " ");
  row.querySelector(".probability").textContent = found ? said(answer) : "";
  for (const [source, what] of [[answer.picture, `Image ${file.name}`], [answer.map, `Map of it. ${answer.map_shows}`]]) {
    if (!source) continue;
    const picture = new Image();
    picture.src = source;
    picture.alt = picture.title = what;
    row.querySelector(".pictures").append(picture);
  }
  for (const text of found ? answer.warnings : [answer.error]) {
    const line = document.createElement("li");
    line.textContent = text;
    row.querySelector(".warnings").append(line);
  }
}

function said({ probability, of_class, score }) {
  if (typeof probability !== "number") return `score ${Number(score).toFixed(3)}`;
  return `probability of ${of_class}: ${(100 * probability).toFixed(1)}\u00a0%`;
}

function tell() {
  const done = entries.filter((entry) => entry.answer !== null).length;
  element("progress").textContent = entries.length ? `${done} of ${entries.length} answered.` : "";
}

function table() {
  const lines = entries.map(({ file, answer }) => {
    const told = { ...answer, status: answer?.status ?? "not_answered", path: file.name, model: document.body.dataset.model };
    return COLUMNS.map((column) => field(told[column] ?? "")).join(",");
  });
  return [COLUMNS.join(","), ...lines, ""].join("\n");
}

function field(value) {
  const text = String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text; // no formula to a spreadsheet
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([table()], { type: "text/csv" }));
  link.download = "predictions.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}

function clear() {
  entries.splice(0, entries.length);
  element("rows").replaceChildren();
  element("results").hidden = true;
  tell();
  element("files").focus();
}

element("address").textContent = location.origin;
element("files").addEventListener("change", (event) => {
  add(event.target.files);
  event.target.value = "";
});
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault(); // anywhere on the page, so that no image replaces it
    element("drop").classList.toggle("over", name === "dragenter" || name === "dragover");
    if (name === "drop") add(event.dataTransfer.files);
  });
}
element("save").addEventListener("click", save);
element("clear").addEventListener("click", clear);
