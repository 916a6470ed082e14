// The view of one document: what is said of it, its versions, its text and its file.

import { call, download } from "./api.js";
import { descriptionOf, linesOf, readersOf, tagsOf, valuesOf } from "./description.js";
import { $, make, show } from "./dom.js";

const POLL_MS = 1000;
const CHUNKS_FIRST = 200;
const FINAL = new Set(["ready", "rejected", "failed", "deleted"]);
const NOT_SEEN = "You may not see the text of this document.";
const PROBLEMS = ["document-problem", "description-problem", "text-problem", "document-said"];

let shown = null; // the document in the view
let cited = null; // {passage_id, start, end, page} of the passage to show, if one was asked for
let textOf = null; // the version whose text is shown; null for the one that searches find
let openedBy = null;
let turn = 0; // only the newest opening counts
let timer = null;
let handlers = {};

const path = (rest = "") => `/v1/documents/${shown.document_id}${rest}`;
const pagesOf = (chunk) => (chunk.page ? `Page ${chunk.page}` : null);

function sizeOf(bytes) {
  if (bytes == null) return null;
  const kilobytes = bytes / 1024;
  return kilobytes < 1024
    ? `${Math.max(1, Math.round(kilobytes))} KB`
    : `${(kilobytes / 1024).toFixed(1)} MB`;
}

function when(moment) {
  return new Date(moment).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

function problem(error, part = "document-problem") {
  if (error.name === "AbortError") return;
  show($(part), error.message);
  handlers.onProblem(error);
}

// -- what is said of it

function showFacts() {
  const sources = { http: "upload", drop: "drop", message: "message", part: "part of another" };
  const facts = [
    ["Status", shown.error?.message ? `${shown.status}: ${shown.error.message}` : shown.status],
    ["Version", shown.version ? String(shown.version) : null],
    ["Owner", shown.owner],
    ["Came by", sources[shown.source]],
  ].filter(([, value]) => value);
  $("document-facts").replaceChildren(
    ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]),
  );
}

function fillForm() {
  $("document-tags").value = shown.tags.join(", ");
  $("document-metadata").value = linesOf(shown.metadata);
  $("document-readers").value = (shown.visibility ?? []).join("\n");
}

async function save(event) {
  event.preventDefault();
  show($("description-problem"), null);
  show($("document-said"), null);
  const here = turn;
  const said = { tags: tagsOf($("document-tags").value) };
  try {
    said.visibility = readersOf($("document-readers").value);
    said.metadata = valuesOf($("document-metadata").value);
  } catch (error) {
    show($("description-problem"), error.message);
    return;
  }
  const before = descriptionOf(shown);
  const changed = Object.keys(said).filter(
    (field) => JSON.stringify(said[field]) !== JSON.stringify(before[field]),
  );
  if (!changed.length) {
    show($("document-said"), "Nothing has changed.");
    return;
  }
  try {
    const body = Object.fromEntries(changed.map((field) => [field, said[field]]));
    const headers = { "Content-Type": "application/json" };
    take(await call(path(), { method: "PATCH", headers, body: JSON.stringify(body) }), here);
    show($("document-said"), "Saved.");
  } catch (error) {
    problem(error, "description-problem");
  }
}

// -- versions

function versionRow(version) {
  const does = [];
  const button = (label, run) => {
    const made = make("button", { type: "button", className: "quiet" }, label);
    made.setAttribute("aria-label", `${label}: version ${version.version}`);
    made.addEventListener("click", run);
    does.push(made);
  };
  if (version.kept) button("Text", () => showText(version.version));
  if (version.kept && !version.current) button("Restore", () => restore(version.version));
  if (version.kept) button("Download", () => saveFile(version.version));
  const told = [
    when(version.created_at),
    version.drawn_from ? `from version ${version.drawn_from}` : null,
    sizeOf(version.size_bytes),
    version.tags.length ? version.tags.join(", ") : null,
    version.kept || !FINAL.has(version.status) ? null : "text not kept",
  ];
  const state = version.current ? "current" : version.status;
  return make(
    "li",
    { className: "version" },
    make("strong", {}, `Version ${version.version}`),
    make("span", { className: `state ${version.current ? "ready" : version.status}` }, state),
    make("span", { className: "small" }, told.filter(Boolean).join(" · ")),
    make("span", { className: "version-does" }, ...does),
  );
}

async function loadVersions() {
  const here = turn;
  try {
    const { versions } = await call(path("/versions"));
    if (here === turn) $("version-list").replaceChildren(...versions.map(versionRow));
  } catch (error) {
    if (here === turn) problem(error);
  }
}

async function restore(version) {
  const here = turn;
  try {
    textOf = cited = null;
    take(await call(path(`/versions/${version}/restore`), { method: "POST" }), here);
    show($("document-said"), `Version ${version} comes back as the newest one.`);
  } catch (error) {
    if (here === turn) problem(error);
  }
}

// -- text and file

function isCited(chunk) {
  if (!cited) return false;
  const inside = chunk.start < cited.end && chunk.end > cited.start;
  return chunk.passage_id === cited.passage_id || inside;
}

function chunkView(chunk) {
  const place = [pagesOf(chunk), chunk.headings.join(" › ")].filter(Boolean).join(" · ");
  const here = isCited(chunk);
  const element = make("li", { className: here ? "chunk cited" : "chunk" });
  if (here) element.setAttribute("aria-current", "true");
  element.append(
    ...(place ? [make("p", { className: "small" }, place)] : []),
    make("p", { className: "chunk-text" }, here ? make("mark", {}, chunk.text) : chunk.text),
  );
  return element;
}

function showChunks(text) {
  $("document-text-title").textContent = `Text of version ${text.version}`;
  const first = text.chunks.findIndex(isCited);
  const most = Math.max(CHUNKS_FIRST, first + 20);
  $("chunk-list").replaceChildren(...text.chunks.slice(0, most).map(chunkView));
  const rest = text.chunks.length - most;
  $("more-chunks").hidden = rest <= 0;
  $("more-chunks").textContent = `Show ${rest} more passages`;
  $("more-chunks").onclick = () => {
    $("more-chunks").hidden = true;
    $("chunk-list").append(...text.chunks.slice(most).map(chunkView));
  };
  const mark = $("chunk-list").querySelector(".cited");
  mark?.scrollIntoView({ block: "center" });
}

async function showText(version) {
  const here = turn;
  textOf = version;
  show($("text-problem"), null);
  $("document-text").setAttribute("aria-busy", "true");
  try {
    const text = await call(path(`/text${version ? `?version=${version}` : ""}`));
    if (here !== turn || textOf !== version) return;
    showChunks(text);
  } catch (error) {
    if (here !== turn) return;
    $("chunk-list").replaceChildren();
    if (error.status === 404) show($("text-problem"), NOT_SEEN);
    else problem(error, "text-problem");
  }
  $("document-text").removeAttribute("aria-busy");
}

async function fileOf(documentId, version) {
  const wanted = version ? `?version=${version}` : "";
  return URL.createObjectURL(await download(`/v1/documents/${documentId}/content${wanted}`));
}

async function saveFile(version) {
  const here = turn;
  try {
    const href = await fileOf(shown.document_id, version);
    if (here !== turn) return;
    make("a", { href, download: shown.name.split("/").at(-1) }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60000);
  } catch (error) {
    problem(error);
  }
}

export function isPdf(name) {
  return name.toLowerCase().endsWith(".pdf");
}

// Opens the PDF at the page in a tab of its own. The token stays in a header, never in an address:
// the tab shows the bytes that this page has fetched.
export async function openPdf({ document_id, passage_id, page }, onError) {
  const tab = window.open("", "_blank");
  try {
    const version = passage_id ? passage_id.split(":").at(-2) : null;
    const href = await fileOf(document_id, version);
    if (tab) tab.location.replace(`${href}#page=${page ?? 1}`);
  } catch (error) {
    tab?.close();
    onError(error);
  }
}

// -- the view

function take(found, here) {
  if (here !== turn) return;
  const changed = JSON.stringify(found) !== JSON.stringify(shown);
  const described = JSON.stringify(descriptionOf(found)) !== JSON.stringify(descriptionOf(shown));
  shown = found;
  clearTimeout(timer);
  if (changed) {
    showFacts();
    if (described) fillForm();
    loadVersions();
    if (FINAL.has(found.status) && textOf === null) showText(null);
    handlers.onChanged();
  }
  if (!FINAL.has(found.status)) timer = setTimeout(() => refresh(here), POLL_MS);
}

async function refresh(here) {
  try {
    if (here === turn) take(await call(path()), here);
  } catch (error) {
    if (here === turn) problem(error);
  }
}

function clear() {
  turn += 1;
  clearTimeout(timer);
  shown = cited = textOf = null;
  for (const id of ["document-facts", "version-list", "chunk-list"]) $(id).replaceChildren();
  for (const id of ["document-tags", "document-metadata", "document-readers"]) $(id).value = "";
  for (const id of PROBLEMS) show($(id), null);
  $("document-title").textContent = $("document-text-title").textContent = "";
  $("more-chunks").hidden = $("document-pdf").hidden = true;
}

// `place` is a citation's or passage's {document_id, name, passage_id, start, end, page}, or a
// document's {document_id, name} alone.
export async function openDocument(place, button) {
  clear();
  const here = turn;
  openedBy = button;
  shown = { document_id: place.document_id, tags: [], metadata: {}, visibility: null };
  if (place.passage_id) cited = place;
  textOf = place.passage_id ? Number(place.passage_id.split(":").at(-2)) : null;
  $("document-title").textContent = place.name;
  $("document-pdf").hidden = !isPdf(place.name);
  $("document-pdf").textContent = `Open the PDF${place.page ? ` at page ${place.page}` : ""}`;
  $("document-pdf").onclick = () => openPdf(place, (error) => problem(error));
  if (!$("document-dialog").open) $("document-dialog").showModal();
  $("document-dialog").scrollTop = 0;
  if (textOf) showText(textOf);
  try {
    take(await call(path()), here);
  } catch (error) {
    if (here === turn) problem(error);
  }
}

export function emptyDocument() {
  clear();
  openedBy = null;
  if ($("document-dialog").open) $("document-dialog").close();
}

export function leaveDocument(documentId) {
  if (shown?.document_id === documentId) emptyDocument();
}

// A document's name in a list, which opens its view.
export function nameOf(item) {
  const look = { className: "document-name", title: item.name };
  if (!item.document_id || item.status === "uploading") return make("span", look, item.name);
  const button = make("button", { ...look, type: "button" }, item.name);
  button.addEventListener("click", () => openDocument(item, button));
  return button;
}

// onChanged(): the document has a new state; onProblem(error).
export function startDocument(given) {
  handlers = given;
  $("document-form").addEventListener("submit", save);
  $("close-document").addEventListener("click", () => $("document-dialog").close());
  $("document-dialog").addEventListener("close", () => {
    const button = openedBy;
    clear();
    (button?.isConnected ? button : $("documents-title")).focus();
  });
}
