// The view of training sets, for admins: ask for one, see what was left out and why, download it. The
// trainings with them stand below.

import { call } from "./api.js";
import { $, announce, make, plain, show, table, when } from "./dom.js";
import {
  emptyTrainings,
  leaveTrainings,
  offerSets,
  openTrainings,
  startTrainings,
} from "./trainings.js";

const URL_ALL = "/v1/exports";
// A format, what it is called, and a base model that takes it.
const FORMATS = [
  ["bedrock-conversation", "Bedrock conversation (Nova, Llama 3.2)", "amazon.nova-micro-v1:0"],
  ["bedrock-prompt-completion", "Bedrock prompt and completion (Llama 3.1)", "meta.llama3-1-8b-instruct-v1:0"],
  ["bedrock-claude-3-haiku", "Bedrock Claude 3 Haiku", "anthropic.claude-3-haiku-20240307-v1:0"],
  ["bedrock-distillation", "Bedrock distillation", "amazon.nova-micro-v1:0"],
  ["bedrock-reinforcement", "Bedrock reinforcement", "amazon.nova-lite-v1:0"],
  ["sagemaker-chat", "SageMaker chat", ""],
  ["sagemaker-dpo", "SageMaker preferences (DPO)", ""],
  ["nova-dpo", "Nova preferences (DPO)", "amazon.nova-lite-v1:0"],
];
const UNDER_WAY = new Set(["accepted", "running"]);
const POLL_MS = 1500;
const COUNT = new Intl.NumberFormat("en");
const SIZE = new Intl.NumberFormat("en", {
  style: "unit",
  unit: "kilobyte",
  maximumFractionDigits: 1,
});

let onProblem = () => {};
let shownId = null;
let timer = 0;
// Raised when the view is emptied: what was asked for before belongs to another visit.
let visitNumber = 0;

function told(error) {
  if (error.name === "AbortError") return;
  show($("training-problem"), error.message);
  onProblem(error);
}

// One bar a stage: what came in is the track, what went on is filled.
function funnel(stages) {
  const most = Math.max(...stages.map((stage) => stage.came), 1);
  const rows = stages.map((stage) => {
    const why = Object.entries(stage.dropped)
      .map(([reason, count]) => `${plain(reason)} ${COUNT.format(count)}`)
      .join(", ");
    const words = `${COUNT.format(stage.left)} of ${COUNT.format(stage.came)} went on`;
    const bar = make(
      "meter",
      { min: 0, max: most, value: stage.left, "aria-label": `${plain(stage.name)}: ${words}` },
    );
    return make(
      "li",
      {},
      make("span", { className: "stage" }, plain(stage.name)),
      bar,
      make("span", { className: "small" }, why ? `${words}; left out: ${why}` : words),
    );
  });
  return make("ol", { className: "funnel", "aria-label": "Stages" }, ...rows);
}

// The link is asked for anew: each one ends after some minutes.
function saveButton(exportId, name) {
  const button = make("button", { type: "button", className: "outlined" }, "Download");
  button.setAttribute("aria-label", `Download ${name}`);
  button.addEventListener("click", async () => {
    try {
      const { downloads } = await call(`${URL_ALL}/${exportId}`);
      if (!downloads[name]) throw new Error("The set is not there any more. Ask for a new one.");
      make("a", { href: downloads[name], rel: "noopener", download: name }).click();
    } catch (error) {
      told(error);
    }
  });
  return button;
}

function files(one) {
  const described = one.manifest.files.map((file) => [
    file.name,
    COUNT.format(file.rows),
    SIZE.format(file.bytes / 1000),
    COUNT.format(file.tokens_estimated),
    saveButton(one.export_id, file.name),
  ]);
  const others = Object.keys(one.downloads)
    .filter((name) => !one.manifest.files.some((file) => file.name === name))
    .map((name) => [name, "", "", "", saveButton(one.export_id, name)]);
  const heads = ["File", "Records", "Size", "Tokens, about", ""];
  return table("Files", heads, [...described, ...others]);
}

function found(manifest) {
  const classes = Object.entries(manifest.found).map(([kind, count]) => [
    plain(kind),
    COUNT.format(count),
  ]);
  return classes.length
    ? table("Replaced or left out by screening", ["Kind", "Times"], classes)
    : make("p", { className: "small" }, "Screening found no personal data and no secrets.");
}

function details(one) {
  return make(
    "section",
    { className: "training-set", "aria-label": `Training set ${one.export_id}` },
    make("h3", {}, `${one.format} for ${one.base_model}`),
    make("p", { className: "small" }, `Turns before ${when(one.filter.until)}, seed ${one.seed}.`),
    one.reason ? make("p", { className: "problem" }, one.reason) : null,
    UNDER_WAY.has(one.status) ? make("p", { role: "status" }, "The set is being made …") : null,
    one.stages.length ? funnel(one.stages) : null,
    one.manifest ? files(one) : null,
    one.manifest ? found(one.manifest) : null,
  );
}

function row(one) {
  const button = make(
    "button",
    { type: "button", className: "quiet set-row" },
    make("span", {}, `${one.format} for ${one.base_model}`),
    make("span", { className: `status ${one.status}` }, one.status),
    make("span", { className: "small" }, when(one.accepted_at)),
  );
  if (one.export_id === shownId) button.setAttribute("aria-current", "true");
  button.addEventListener("click", () => open(one.export_id));
  return make("li", {}, button);
}

async function list() {
  const mine = visitNumber;
  const { exports: sets } = await call(URL_ALL);
  if (mine !== visitNumber) return;
  $("set-list").replaceChildren(...sets.map(row));
  offerSets(sets);
  show($("sets-hint"), sets.length ? null : "There are no training sets yet.");
}

// Shows a set, and looks again while it is being made and the view is open.
async function open(exportId) {
  const mine = visitNumber;
  shownId = exportId;
  clearTimeout(timer);
  try {
    const one = await call(`${URL_ALL}/${exportId}`);
    if (mine !== visitNumber || shownId !== exportId) return;
    $("set-details").replaceChildren(details(one));
    await list();
    if (UNDER_WAY.has(one.status) && $("training").open) {
      timer = setTimeout(() => open(exportId), POLL_MS);
    } else if (one.status === "done") {
      announce("The training set is made.");
    }
  } catch (error) {
    told(error);
  }
}

async function request(event) {
  event.preventDefault();
  show($("training-problem"), null);
  const { format, base_model, since } = event.target.elements;
  const filter = since.value ? { since: `${since.value}T00:00:00Z` } : {};
  try {
    const one = await call(URL_ALL, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ format: format.value, base_model: base_model.value.trim(), filter }),
    });
    await open(one.export_id);
  } catch (error) {
    told(error);
  }
}

async function openTraining() {
  $("training").showModal();
  $("training-title").focus();
  show($("training-problem"), null);
  try {
    await list();
  } catch (error) {
    told(error);
  }
  await openTrainings();
}

// The button is there for admins alone; the gateway refuses everyone else anyhow.
export function showTraining(who) {
  $("show-training").hidden = !who.scopes.includes("admin");
}

export function emptyTraining() {
  visitNumber += 1;
  clearTimeout(timer);
  shownId = null;
  $("show-training").hidden = true;
  if ($("training").open) $("training").close();
  for (const id of ["set-list", "set-details"]) $(id).replaceChildren();
  show($("training-problem"), null);
  show($("sets-hint"), null);
  emptyTrainings();
}

export function startTraining(handlers) {
  onProblem = handlers.onProblem;
  startTrainings(handlers);
  const select = $("set-format");
  select.append(...FORMATS.map(([value, text]) => make("option", { value }, text)));
  const suggest = () => {
    $("set-model").value = FORMATS.find(([value]) => value === select.value)[2];
  };
  select.addEventListener("change", suggest);
  suggest();
  $("set-form").addEventListener("submit", request);
  $("show-training").addEventListener("click", openTraining);
  $("close-training").addEventListener("click", () => $("training").close());
  $("training").addEventListener("close", () => {
    clearTimeout(timer);
    leaveTrainings();
  });
}
