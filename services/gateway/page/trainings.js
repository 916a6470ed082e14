// The view of trainings, for admins: start one with a set, follow it, deploy its model, take it back.

import { call } from "./api.js";
import { $, announce, confirmed, make, shape, show, when } from "./dom.js";

const URL_ALL = "/v1/trainings";
const UNDER_WAY = new Set(["waiting", "starting", "running", "stopping", "deploying", "retiring"]);
const POLL_MS = 1500;
const COUNT = new Intl.NumberFormat("en");
const MONEY = new Intl.NumberFormat("en", {
  style: "currency",
  currency: "USD",
  maximumFractionDigits: 4,
});
// In the drawing's own units.
const WIDTH = 600;
const HEIGHT = 160;
const ACTIONS = {
  stop: {
    name: "Stop",
    among: new Set(["waiting", "starting", "running"]),
    title: "Stop this training?",
    text: "It ends without a model. What the provider has trained by then is billed. It cannot go"
      + " on later.",
  },
  approve: {
    name: "Approve",
    among: new Set(["trained", "retired"]),
    title: "Approve and deploy this model?",
    text: "The model is deployed under a name of its own. It answers nobody until an operator puts"
      + " that name into the tenant’s models. Its answers cost what the base model’s cost.",
  },
  rollback: {
    name: "Roll back",
    among: new Set(["deploying", "deployed"]),
    title: "Take this model out of use?",
    text: "It answers no more questions: the tenant’s other models do. Its deployment is deleted."
      + " The trained model stays, and you can approve it again.",
  },
};

let onProblem = () => {};
let shownId = null;
let timer = 0;
// Raised when the view is emptied: what was asked for before belongs to another visit.
let visitNumber = 0;
// What is drawn, so that nothing is drawn again, and loses the focus, without need.
let drawn = { list: "", details: "" };
let sets = [];

function told(error) {
  if (error.name === "AbortError") return;
  show($("trainings-problem"), error.message);
  onProblem(error);
}

const setName = (one) => `${one.format} for ${one.base_model}, ${when(one.accepted_at)}`;

const times = (epochs) => (epochs === 1 ? "1 epoch" : `${epochs} epochs`);

const spaced = (name) => name.replaceAll(/([A-Z])/g, " $1").toLowerCase();

// The state in words, with the phase or the place in the line.
function standing(one) {
  if (one.place) return `waiting, ${one.place} before it`;
  const phase = Object.entries(one.phases).find(([, state]) => state === "InProgress");
  return one.status === "running" && phase ? `running: ${spaced(phase[0])}` : one.status;
}

function row(one) {
  const who = one.asked_by ? `by ${one.asked_by}, ` : "";
  const button = make(
    "button",
    { type: "button", className: "quiet set-row" },
    make("span", {}, one.base_model),
    make("span", { className: `status ${one.status}` }, standing(one)),
    make("span", { className: "small" }, `${who}${when(one.accepted_at)}`),
  );
  button.dataset.training = one.training_id;
  if (one.training_id === shownId) button.setAttribute("aria-current", "true");
  button.addEventListener("click", () => open(one.training_id));
  return make("li", {}, button);
}

// A curve, and a dot at each point where there are few. The dots keep their shape when the drawing
// is stretched.
function curve(points, name) {
  const path = points.map(([x, y], n) => `${n ? "L" : "M"}${x} ${y}`).join(" ");
  const dots = points.length > 12 ? "" : points.map(([x, y]) => `M${x} ${y}h.01`).join(" ");
  return [
    shape("path", { d: path, class: `curve ${name}` }),
    shape("path", { d: dots, class: `dots ${name}` }),
  ];
}

function lossText(name, steps, value) {
  const [first, last] = [steps[0], steps.at(-1)];
  if (first === last) return `${name} ${value(first).toFixed(2)} at step ${first.step}`;
  const from = `${value(first).toFixed(2)} at step ${first.step}`;
  return `${name} from ${from} to ${value(last).toFixed(2)} at step ${last.step}`;
}

// The losses by step. Lower is better.
function plot({ steps, training }) {
  if (!steps.length) {
    const known = training === null ? "" : ` The last training loss is ${training.toFixed(2)}.`;
    return make("p", { className: "small" }, `There are no losses by step yet.${known}`);
  }
  const kinds = [
    ["trained", "Training loss", (at) => at.training],
    ["held-out", "Loss on held-out records", (at) => at.validation],
  ]
    .map(([name, title, value]) => [name, title, value, steps.filter((at) => value(at) !== null)])
    .filter((kind) => kind[3].length);
  const values = kinds.flatMap(([, , value, at]) => at.map(value));
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const last = steps.at(-1).step || 1;
  const place = (at, value) => [
    ((WIDTH * at.step) / last).toFixed(1),
    (6 + ((HEIGHT - 12) * (most - value(at))) / (most - least || 1)).toFixed(1),
  ];
  const words = kinds.map(([, title, value, at]) => lossText(title, at, value)).join(". ");
  const frame = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none" };
  const lines = kinds.flatMap(([name, , value, at]) =>
    curve(at.map((one) => place(one, value)), name),
  );
  const legend = kinds.map(([name, title]) => make("li", { className: name }, title));
  return make(
    "figure",
    { className: "losses" },
    make("span", { className: "highest" }, most.toFixed(2)),
    make("span", { className: "lowest" }, least.toFixed(2)),
    shape("svg", { ...frame, role: "img", "aria-label": words }, ...lines),
    make("ul", { className: "legend", "aria-hidden": "true" }, ...legend),
    make("figcaption", { className: "small" }, `${words}. Lower is better.`),
  );
}

function facts(one) {
  const made = sets.find((set) => set.export_id === one.export_id);
  const pairs = (all) => Object.entries(all).map(([name, value]) => `${spaced(name)} ${value}`);
  const { tokens, epochs, cost_usd } = one.estimate;
  const rows = {
    State: standing(one),
    "Training set": made ? setName(made) : one.export_id,
    "Asked for": `${when(one.accepted_at)}${one.asked_by ? ` by ${one.asked_by}` : ""}`,
    Phases: pairs(one.phases).map(spaced).join(", "),
    Parameters: pairs(one.parameters).join(", "),
    Estimate: `${MONEY.format(cost_usd)}: ${COUNT.format(tokens)} tokens in ${times(epochs)}`,
    Cost: one.cost_usd === null ? "" : MONEY.format(one.cost_usd),
    Approved: one.approved_at
      ? `${when(one.approved_at)}${one.approved_by ? ` by ${one.approved_by}` : ""}`
      : "",
    "Name for the tenant’s models": one.model ?? "",
  };
  const cells = Object.entries(rows)
    .filter(([, text]) => text)
    .flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]);
  return make("dl", { className: "facts" }, ...cells);
}

function whyFailed(one) {
  if (!one.reason) return null;
  const next = one.status === "failed"
    ? " This training stays failed: change its parameters or its set, and start another one."
    : "";
  const reason = `${one.reason.charAt(0).toUpperCase()}${one.reason.slice(1)}`;
  return make("p", { className: "problem" }, `${reason.replace(/[.\s]*$/, ".")}${next}`);
}

function actions(one) {
  const buttons = Object.entries(ACTIONS)
    .filter(([, action]) => action.among.has(one.status))
    .map(([path, action]) => {
      const kind = path === "approve" ? "" : "outlined";
      const button = make("button", { type: "button", className: kind }, action.name);
      button.addEventListener("click", () => change(one, path));
      return button;
    });
  return make("div", { className: "buttons" }, ...buttons);
}

function details(one) {
  const title = `Training of ${one.base_model}`;
  return make(
    "section",
    { "aria-label": title },
    make("h4", { id: "training-details-title", tabIndex: -1 }, title),
    whyFailed(one),
    facts(one),
    plot(one.losses),
    actions(one),
  );
}

function render(trainings, one) {
  const list = JSON.stringify([trainings, shownId]);
  if (list !== drawn.list) {
    const focused = document.activeElement?.dataset.training;
    $("training-list").replaceChildren(...trainings.map(row));
    if (focused) $("training-list").querySelector(`[data-training="${focused}"]`)?.focus();
    show($("trainings-hint"), trainings.length ? null : "There are no trainings yet.");
  }
  const shown = JSON.stringify(one);
  if (one && shown !== drawn.details) {
    const inside = $("training-details").contains(document.activeElement);
    $("training-details").replaceChildren(details(one));
    if (inside) $("training-details-title").focus();
  }
  drawn = { list, details: shown };
}

// Shows all of them and the chosen one, and looks again while one is under way and the view is open.
async function refresh() {
  const [mine, id] = [visitNumber, shownId];
  clearTimeout(timer);
  try {
    const { trainings } = await call(URL_ALL);
    const one = id ? await call(`${URL_ALL}/${id}`) : null;
    if (mine !== visitNumber || id !== shownId) return;
    render(trainings.map((each) => (each.training_id === id ? one : each)), one);
    clearTimeout(timer);
    const all = one ? [...trainings, one] : trainings;
    if ($("training").open && all.some((each) => UNDER_WAY.has(each.status))) {
      timer = setTimeout(refresh, POLL_MS);
    }
  } catch (error) {
    told(error);
  }
}

async function open(trainingId) {
  shownId = trainingId;
  show($("trainings-problem"), null);
  await refresh();
  $("training-details-title")?.focus();
}

async function change(one, path) {
  const action = ACTIONS[path];
  if (!(await confirmed(action.title, action.text, action.name))) return;
  const mine = visitNumber;
  show($("trainings-problem"), null);
  try {
    await call(`${URL_ALL}/${one.training_id}/${path}`, { method: "POST" });
    if (mine !== visitNumber) return;
    announce(`${action.name}: the training of ${one.base_model} changes.`);
    await open(one.training_id);
  } catch (error) {
    told(error);
  }
}

// By the provider's names. Claude in Bedrock has a multiplier in the place of a rate.
function parametersOf({ set, base_model, epochs, rate }) {
  const { format } = sets.find((one) => one.export_id === set.value);
  const claude = base_model.value.includes("claude");
  const [epochsName, rateName] = format.startsWith("bedrock-")
    ? ["epochCount", claude ? "learningRateMultiplier" : "learningRate"]
    : ["max_epochs", "learning_rate"];
  const given = { [epochsName]: epochs.value, [rateName]: rate.value.trim() };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value));
}

async function howMuch(exportId, epochs) {
  const { manifest } = await call(`/v1/exports/${exportId}`);
  const file = manifest?.files.find((one) => one.name === "train.jsonl");
  const size = file
    ? `The set has ${COUNT.format(file.rows)} records with about`
      + ` ${COUNT.format(file.tokens_estimated)} tokens to train with. `
    : "";
  const often = epochs === "1" ? "once" : `${epochs} times`;
  const many = epochs ? often : "as often as is usual for this model";
  return `${size}The provider goes through them ${many} and bills each token. You see the estimate`
    + " when the training is accepted. One that would cost more than is left of the tenant’s limits"
    + " is refused.";
}

async function start(event) {
  event.preventDefault();
  const mine = visitNumber;
  const fields = event.target.elements;
  show($("trainings-problem"), null);
  try {
    const text = await howMuch(fields.set.value, fields.epochs.value);
    if (mine !== visitNumber) return;
    if (!(await confirmed("Train a model with this set?", text, "Train"))) return;
    const one = await call(URL_ALL, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        export_id: fields.set.value,
        base_model: fields.base_model.value.trim(),
        parameters: parametersOf(fields),
      }),
    });
    if (mine !== visitNumber) return;
    announce(`The training is accepted. It costs ${MONEY.format(one.estimate.cost_usd)} at most.`);
    await open(one.training_id);
  } catch (error) {
    told(error);
  }
}

// The finished sets, which a training may be started with.
export function offerSets(all) {
  sets = all.filter((one) => one.status === "done");
  const select = $("train-set");
  const chosen = select.value;
  select.replaceChildren(
    ...sets.map((one) => make("option", { value: one.export_id }, setName(one))),
  );
  if (sets.some((one) => one.export_id === chosen)) select.value = chosen;
  else suggestModel();
  $("train-form").hidden = !sets.length;
  show($("train-hint"), sets.length ? null : "Make a training set first.");
}

function suggestModel() {
  const chosen = sets.find((one) => one.export_id === $("train-set").value);
  $("train-model").value = chosen?.base_model ?? "";
}

export async function openTrainings() {
  show($("trainings-problem"), null);
  await refresh();
}

export function leaveTrainings() {
  clearTimeout(timer);
}

export function emptyTrainings() {
  visitNumber += 1;
  clearTimeout(timer);
  shownId = null;
  sets = [];
  drawn = { list: "", details: "" };
  for (const id of ["training-list", "training-details", "train-set"]) $(id).replaceChildren();
  for (const id of ["trainings-problem", "trainings-hint", "train-hint"]) show($(id), null);
  $("train-form").reset();
}

export function startTrainings(handlers) {
  onProblem = handlers.onProblem;
  $("train-set").addEventListener("change", suggestModel);
  $("train-form").addEventListener("submit", start);
}
