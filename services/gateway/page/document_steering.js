// Retry, cancel, reindex and delete: one document from its row, or all that are chosen.

import { call, visit } from "./api.js";
import { may } from "./document_row.js";
import { $, announce, show } from "./dom.js";

const AT_ONCE = 4;
const SHOWN = 3;
const DONE = {
  retry: "is tried again",
  cancel: "is cancelled",
  reindex: "is read anew",
  delete: "is deleted",
};

const chosen = new Set(); // ids
let shown = []; // the documents of the list
let busy = false;
let list = {};

export const isChosen = (id) => chosen.has(id);

export function forgetChosen() {
  chosen.clear();
}

const chosenFor = (action) =>
  shown.filter((item) => chosen.has(item.document_id) && may(action, item));

// What the list shows has changed; what it shows no more is chosen no more.
export function shownNow(documents) {
  shown = documents;
  const known = new Set(documents.map((item) => item.document_id));
  for (const id of chosen) if (!known.has(id)) chosen.delete(id);
  renderBar();
}

function renderBar() {
  const bar = $("chosen");
  const had = bar.contains(document.activeElement);
  bar.hidden = !chosen.size && !busy;
  $("chosen-count").textContent = `${chosen.size} chosen`;
  for (const action of Object.keys(DONE)) {
    const count = chosenFor(action).length;
    const button = $(`chosen-${action}`);
    button.disabled = busy || !count;
    button.querySelector("span").textContent = count ? ` ${count}` : "";
  }
  const all = $("choose-all");
  all.checked = shown.length > 0 && chosen.size === shown.length;
  all.indeterminate = chosen.size > 0 && !all.checked;
  if (had && bar.hidden) all.focus();
}

// The document as it is now; null when it is gone.
async function ask(action, item) {
  const path = `/v1/documents/${item.document_id}`;
  if (action !== "delete") return call(`${path}/${action}`, { method: "POST" });
  await call(path, { method: "DELETE" });
  return null;
}

async function act(action, item) {
  const here = visit();
  try {
    const now = await ask(action, item);
    if (here.aborted) return;
    announce(`${item.name} ${DONE[action]}.`);
    list.acted(item.document_id, now);
    await list.poll();
  } catch (error) {
    if (here.aborted) return;
    show($("documents-problem"), error.message);
    list.onProblem(error);
  }
}

// Some at a time, with progress. A document that is refused stops nothing; a refused token does.
async function actOnChosen(action) {
  const here = visit();
  const queue = chosenFor(action);
  const total = queue.length;
  const refused = [];
  const bar = $("chosen-progress");
  let done = 0;
  busy = true;
  Object.assign(bar, { max: total, value: 0, hidden: false });
  renderBar();
  const one = async (item) => {
    try {
      const now = await ask(action, item);
      if (here.aborted) return;
      chosen.delete(item.document_id);
      list.acted(item.document_id, now);
      done += 1;
    } catch (error) {
      if (here.aborted) return;
      refused.push(`${item.name}: ${error.message}`);
      if (error.status === 404 || error.status === 409) return;
      queue.length = 0;
      list.onProblem(error);
    }
  };
  const work = async () => {
    for (let item = queue.shift(); item && !here.aborted; item = queue.shift()) {
      await one(item);
      bar.value = done + refused.length;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  busy = false;
  bar.hidden = true;
  renderBar();
  if (here.aborted) return;
  await list.poll();
  const words = `${action}: ${done} of ${total} done.`;
  announce(words);
  if (refused.length) {
    show($("documents-problem"), [words, ...refused.slice(0, SHOWN)].join(" "));
  }
}

function confirmDelete(what, focus, onYes) {
  const dialog = $("delete-dialog");
  $("delete-name").textContent = what;
  dialog.returnValue = "";
  dialog.onclose = () => {
    $("delete-name").textContent = "";
    focus();
    if (dialog.returnValue === "delete") onYes();
  };
  dialog.showModal();
}

// What a row's controls do.
export const steer = {
  choose(item, checked) {
    if (checked) chosen.add(item.document_id);
    else chosen.delete(item.document_id);
    renderBar();
  },
  act(action, item) {
    act(action, item);
  },
  remove(item) {
    // A poll may have made the row anew behind the dialog.
    const focus = () => list.rowOfId(item.document_id)?.querySelector(".remove")?.focus();
    confirmDelete(item.name, focus, () => act("delete", item));
  },
};

function chooseAll(checked) {
  chosen.clear();
  if (checked) for (const item of shown) chosen.add(item.document_id);
  for (const item of shown) {
    const box = list.rowOfId(item.document_id)?.querySelector(".choose");
    if (box) box.checked = checked;
  }
  renderBar();
}

// acted(documentId, item): what an action made of it, null when it is gone; poll(): asks for the
// list; rowOfId(documentId): its element; onProblem(error).
export function startSteering(given) {
  list = given;
  for (const action of ["retry", "cancel", "reindex"]) {
    $(`chosen-${action}`).addEventListener("click", () => actOnChosen(action));
  }
  $("chosen-delete").addEventListener("click", () => {
    const chosenOnes = chosenFor("delete");
    const what = chosenOnes.length === 1 ? chosenOnes[0].name : `${chosenOnes.length} documents`;
    const focus = () => $("chosen-delete").focus();
    confirmDelete(what, focus, () => actOnChosen("delete"));
  });
  $("choose-all").addEventListener("change", (event) => chooseAll(event.target.checked));
}
