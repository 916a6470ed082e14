// The view of prompts, for admins: versions of the system text, the labels that stand at them, and what
// the turns of each arm came to.

import { call } from "./api.js";
import { $, announce, confirmed, make, show, table, tooLong, when } from "./dom.js";

const URL_ALL = "/v1/prompts";
const POLL_MS = 3000;
// As in contracts/gateway/http_prompts.py.
const LONGEST = 20_000;
const OPENING = 48;
const COUNT = new Intl.NumberFormat("en");
const PERCENT = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const MONEY = new Intl.NumberFormat("en", {
  style: "currency",
  currency: "USD",
  maximumSignificantDigits: 3,
});
// `share` is what the label's weight is a part of; without it a label has no weight.
const LABELS = {
  production: {
    name: "Production",
    says: "Answers every conversation that is not on the canary.",
    share: null,
    effect: "It answers all conversations that are not on the canary, within two seconds.",
    away: "Use the built-in version",
    gone: "The version that the gateway brings along answers again.",
  },
  canary: {
    name: "Canary",
    says: "Answers some conversations in production’s place. It goes back by itself when it is worse.",
    share: "conversations",
    effect: "It answers this share of conversations. Each conversation keeps its side.",
    away: "Take the canary away",
    gone: "Production answers its conversations again.",
  },
  shadow: {
    name: "Shadow",
    says: "Answers some of production’s turns once more. Nobody sees these answers, but they cost.",
    share: "production’s turns",
    effect: "It answers this share of production’s turns once more. Nobody sees the answers. The"
      + " tenant pays for them, under the purpose “shadow”.",
    away: "Take the shadow away",
    gone: "No turn is answered once more.",
  },
};
const ELSEWHERE = "Somebody has moved this label meanwhile. You see above where it stands now. Move it"
  + " again if you still want to.";

let onProblem = () => {};
let timer = 0;
// Raised with each look, and when the view is emptied: the answer of an older look is not shown.
let looks = 0;
// Raised when the view is emptied: what was asked for before belongs to another visit.
let visitNumber = 0;
let versions = [];
let labels = {};
let trainings = [];
// What is drawn, so that nothing is drawn again, and loses the focus, without need.
let drawn = { figures: "", list: "" };

const short = (version) => version.slice(0, 8);

function told(error) {
  if (error.name === "AbortError") return;
  show($("prompts-problem"), error.message);
  onProblem(error);
}

// A tuned model by what it was trained from and when; another one by its own name.
function modelName(model) {
  const made = trainings.find((one) => one.model === model);
  return made ? `${made.base_model}, trained ${when(made.accepted_at)}` : model;
}

function opening(one) {
  const line = one.system.trim().split("\n")[0];
  return line.length > OPENING ? `${line.slice(0, OPENING)}…` : line;
}

// Where the label stands, for the compare-and-set; null while nobody has moved it.
function standsAt(label) {
  const there = labels[label];
  return there?.moved_at ? there.version : null;
}

function standing(label) {
  const there = labels[label];
  if (!there?.version) return "Stands nowhere.";
  if (!there.moved_at) return `Stands at ${short(there.version)}, which the gateway brings along.`;
  const share = LABELS[label].share ? `, ${there.weight} % of ${LABELS[label].share}` : "";
  return `Stands at ${short(there.version)}${share}, since ${when(there.moved_at)}.`;
}

function figures({ arms, window_s }) {
  const part = (count, turns) =>
    turns ? `${COUNT.format(count)} (${PERCENT.format(count / turns)})` : "–";
  const rows = {
    Version: (arm) => short(arm.version),
    Model: (arm) => (arm.model ? modelName(arm.model) : "the tenant’s"),
    Weight: (arm) => `${arm.weight} % of ${LABELS[arm.label]?.share ?? "conversations"}`,
    Turns: (arm) => COUNT.format(arm.turns),
    Failures: (arm) => part(arm.failures, arm.turns),
    Refusals: (arm) => part(arm.refusals, arm.turns),
    "Cost a turn": (arm) => (arm.usd_a_turn === null ? "–" : MONEY.format(arm.usd_a_turn)),
  };
  const span = window_s < 120 ? `${window_s} seconds` : `${Math.round(window_s / 60)} minutes`;
  return table(
    `Turns of the last ${span}`,
    ["Arm", ...arms.map((arm) => LABELS[arm.label]?.name ?? arm.label)],
    Object.entries(rows).map(([name, value]) => [name, ...arms.map(value)]),
  );
}

function wentBack() {
  const { before, moved_at, reason } = labels.canary ?? {};
  return reason
    ? `The canary at version ${short(before)} went back by itself, ${when(moved_at)}, for its ${reason}.`
      + " Mend the version or its model, then move the label again: its figures begin anew."
    : null;
}

function howAnswered({ temperature, top_p, max_tokens, model }) {
  const given = { temperature, "top p": top_p, "tokens at most": max_tokens };
  const set = Object.entries(given)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${value}`);
  if (model) set.push(`model ${modelName(model)}`);
  return set.length ? `Asked with ${set.join(", ")}.` : "Asked with the usual parameters.";
}

function versionItem(one) {
  const badges = Object.values(labels)
    .filter((label) => label.version === one.version)
    .map((label) => make("span", { className: "badge" }, label.label));
  const since = one.registered_at ? when(one.registered_at) : "built in";
  const again = make("button", { type: "button", className: "outlined" }, "Begin with this text");
  again.addEventListener("click", () => {
    $("prompt-text").value = one.system;
    $("prompt-text").focus();
  });
  const { model } = one.parameters;
  const details = make(
    "details",
    {},
    make(
      "summary",
      {},
      make("code", {}, short(one.version)),
      ...badges,
      make("span", { className: "opening" }, opening(one)),
      make("span", { className: "small" }, since),
    ),
    make("p", { className: "small" }, howAnswered(one.parameters)),
    model && modelName(model) !== model ? make("p", { className: "small" }, model) : null,
    make("pre", {}, one.system),
    make("div", { className: "buttons" }, again),
  );
  details.dataset.version = one.version;
  return make("li", {}, details);
}

function detailsOf(version) {
  return $("prompt-list").querySelector(`[data-version="${version}"]`);
}

function drawFigures(measured) {
  const now = JSON.stringify([measured, trainings]);
  if (now === drawn.figures) return;
  drawn.figures = now;
  const inside = $("prompt-figures").contains(document.activeElement);
  $("prompt-figures").replaceChildren(figures(measured));
  if (inside) $("prompt-figures").firstElementChild.focus();
}

function drawVersions() {
  const now = JSON.stringify([versions, labels, trainings]);
  if (now === drawn.list) return;
  drawn.list = now;
  const list = $("prompt-list");
  const open = [...list.querySelectorAll("details[open]")].map((one) => one.dataset.version);
  const focused = list.contains(document.activeElement)
    ? document.activeElement.closest("details").dataset.version
    : null;
  list.replaceChildren(...versions.map(versionItem));
  for (const version of open) detailsOf(version)?.setAttribute("open", "");
  if (focused) detailsOf(focused)?.querySelector("summary").focus();
}

// The fields keep what was chosen in them: only a new version is added to the choice.
function drawForm(form) {
  const { label } = form.dataset;
  const { version, weight } = form.elements;
  form.querySelector(".stands").textContent = standing(label);
  form.querySelector(".away").hidden = !standsAt(label);
  if (version.options.length !== versions.length) {
    const chosen = version.value || labels[label]?.version || versions[0].version;
    version.replaceChildren(
      ...versions.map((one) =>
        make("option", { value: one.version }, `${short(one.version)}: ${opening(one)}`),
      ),
    );
    version.value = chosen;
    if (weight && !weight.value) weight.value = labels[label]?.weight ?? "";
  }
}

function draw(measured) {
  drawFigures(measured);
  show($("went-back"), wentBack());
  for (const form of $("label-forms").children) drawForm(form);
  drawVersions();
}

// Shows all, and looks again while the view is open.
async function refresh() {
  const mine = ++looks;
  clearTimeout(timer);
  try {
    const asked = [call(URL_ALL), call(`${URL_ALL}/answer/arms`)];
    const [listed, measured] = await Promise.all(asked);
    if (mine !== looks) return;
    versions = listed.versions;
    labels = Object.fromEntries(listed.labels.map((one) => [one.label, one]));
    show($("prompts-problem"), null);
    draw(measured);
  } catch (error) {
    told(error);
  }
  if (mine === looks && $("prompts").open) timer = setTimeout(refresh, POLL_MS);
}

// Only names of models come from there: without them the view shows the models' ids.
async function loadTrainings() {
  const mine = visitNumber;
  try {
    const { trainings: all } = await call("/v1/trainings");
    if (mine === visitNumber) trainings = all.filter((one) => one.model);
  } catch {
    trainings = [];
  }
  const names = trainings.map((one) => make("option", { value: one.model }, modelName(one.model)));
  $("prompt-models").replaceChildren(...names);
}

// Moves the label to `version`, null: takes it away; only from where this view has shown it.
async function move(form, version) {
  const { label } = form.dataset;
  const about = LABELS[label];
  const weight = form.elements.weight && version ? { weight: Number(form.elements.weight.value) } : {};
  const expects = standsAt(label);
  const problem = form.querySelector(".problem");
  const [title, text, go] = version
    ? [`Move ${label} to ${short(version)}?`, about.effect, "Move"]
    : [`${about.away}?`, about.gone, about.away];
  show(problem, null);
  if (!(await confirmed(title, text, go))) return;
  try {
    await call(`${URL_ALL}/answer/labels/${label}`, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ version, expects, ...weight }),
    });
    announce(version ? `${about.name} stands at ${short(version)}.` : about.gone);
  } catch (error) {
    if (error.name === "AbortError") return;
    show(problem, error.code === "label_elsewhere" ? ELSEWHERE : error.message);
    onProblem(error);
  }
  if (!$("prompts").open) return;
  await refresh();
  // The button that took it away is hidden by now.
  if (!version) form.querySelector('[type="submit"]').focus();
}

function labelForm([label, about]) {
  const version = make("select", { id: `label-${label}`, name: "version", required: true });
  const fields = [make("p", {}, make("label", { htmlFor: version.id }, "Version"), version)];
  if (about.share) {
    const limits = { type: "number", min: "0", max: "100", step: "any", required: true };
    const weight = make("input", { id: `weight-${label}`, name: "weight", ...limits });
    const words = `Per cent of ${about.share}`;
    fields.push(make("p", {}, make("label", { htmlFor: weight.id }, words), weight));
  }
  const away = make("button", { type: "button", className: "outlined away" }, about.away);
  const form = make(
    "form",
    { className: "label-form", "aria-label": about.name },
    make("h4", {}, about.name),
    make("p", { className: "small" }, about.says),
    make("p", { className: "stands" }),
    ...fields,
    make("p", { className: "problem", role: "alert", hidden: true }),
    make("div", { className: "buttons" }, away, make("button", { type: "submit" }, `Move ${label}`)),
  );
  form.dataset.label = label;
  away.addEventListener("click", () => move(form, null));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    move(form, version.value);
  });
  return form;
}

async function register(event) {
  event.preventDefault();
  const form = event.target;
  const { system, temperature, top_p, max_tokens, model } = form.elements;
  const text = system.value.trim();
  show($("register-problem"), text ? tooLong("text", text, LONGEST) : "Write the text first.");
  if (!$("register-problem").hidden) return;
  const number = (field) => (field.value === "" ? null : Number(field.value));
  const parameters = {
    temperature: number(temperature),
    top_p: number(top_p),
    max_tokens: number(max_tokens),
    model: model.value.trim() || null,
  };
  try {
    const made = await call(URL_ALL, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ system: text, parameters }),
    });
    const known = versions.some((one) => one.version === made.version);
    const what = known ? "was there already" : "is registered";
    form.reset();
    if (!$("prompts").open) return;
    await refresh();
    announce(`Version ${short(made.version)} ${what}. It answers where a label stands at it.`);
    detailsOf(made.version)?.querySelector("summary").focus();
  } catch (error) {
    if (error.name !== "AbortError") show($("register-problem"), error.message);
    onProblem(error);
  }
}

async function openPrompts() {
  $("prompts").showModal();
  $("prompts-title").focus();
  announce("");
  await refresh();
  await loadTrainings();
  if (trainings.length && $("prompts").open) await refresh();
}

// The button is there for admins alone; the gateway refuses everyone else anyhow.
export function showPrompts(who) {
  $("show-prompts").hidden = !who.scopes.includes("admin");
}

export function emptyPrompts() {
  looks += 1;
  visitNumber += 1;
  clearTimeout(timer);
  $("show-prompts").hidden = true;
  if ($("prompts").open) $("prompts").close();
  [versions, labels, trainings, drawn] = [[], {}, [], { figures: "", list: "" }];
  for (const id of ["prompt-figures", "prompt-list", "prompt-models"]) $(id).replaceChildren();
  for (const id of ["prompts-problem", "register-problem", "went-back"]) show($(id), null);
  $("label-forms").replaceChildren(...Object.entries(LABELS).map(labelForm));
  $("register-form").reset();
}

export function startPrompts(handlers) {
  onProblem = handlers.onProblem;
  $("label-forms").replaceChildren(...Object.entries(LABELS).map(labelForm));
  $("register-form").addEventListener("submit", register);
  $("show-prompts").addEventListener("click", openPrompts);
  $("close-prompts").addEventListener("click", () => $("prompts").close());
  $("prompts").addEventListener("close", () => clearTimeout(timer));
}
