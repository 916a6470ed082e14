// Tenants and their limits, for operators of the platform.

import { call } from "./api.js";
import { $, announce, make, show } from "./dom.js";

const URL_ALL = "/v1/admin/tenants";
const LIMITS = [
  ["usd_day", "Dollars a day", "any"],
  ["usd_month", "Dollars a month", "any"],
  ["tokens_day", "Tokens a day", "1"],
  ["tokens_month", "Tokens a month", "1"],
  ["requests_minute", "Requests a minute", "1"],
];
const USER_LIMITS = [
  ["usd_day", "Dollars a user and day", "any"],
  ["usd_month", "Dollars a user and month", "any"],
  ["tokens_day", "Tokens a user and day", "1"],
  ["tokens_month", "Tokens a user and month", "1"],
];
const RECEIPT_MS = 2000;

let tell = () => {};

function urlOf(tenant, action = "") {
  return `${URL_ALL}/${encodeURIComponent(tenant)}${action}`;
}

function field(name, label, value, properties = {}) {
  const input = make("input", { id: `tenant-${name}`, name, ...properties });
  input.value = value ?? "";
  return make("p", {}, make("label", { htmlFor: input.id }, label), input);
}

// What the form says; an empty field is no limit.
function bodyOf(form, known) {
  const filled = (named, prefix) =>
    Object.fromEntries(
      named.map(([name]) => [name, form.elements[`${prefix}${name}`].value || null]),
    );
  const models = form.elements.models.value.split(/[\s,]+/).filter(Boolean);
  return {
    models,
    limits: filled(LIMITS, ""),
    user_limits: filled(USER_LIMITS, "user_"),
    cheaper_model: form.elements.cheaper_model.value.trim() || null,
    judge_model: form.elements.judge_model.value.trim() || null,
    cache: { ...known.cache, semantic: form.elements.semantic.checked },
    chunking: known.chunking,
    consent_to_training: form.elements.consent_to_training.checked,
  };
}

function check(name, label, checked) {
  const input = make("input", { type: "checkbox", id: `tenant-${name}`, name, checked });
  return make("p", { className: "check" }, input, make("label", { htmlFor: input.id }, label));
}

function limitFields(named, prefix, values) {
  return named.map(([name, label, step]) =>
    field(`${prefix}${name}`, label, values[name], { type: "number", min: "0", step }),
  );
}

// Says what is still being removed, until all is gone or the view is left.
async function follow(tenant, erasureId, status) {
  while (status.isConnected) {
    try {
      const receipt = await call(`/v1/erasures/${encodeURIComponent(erasureId)}`);
      const waiting = receipt.waiting_for.join(", ").replaceAll("_", " ");
      status.textContent = receipt.complete
        ? `${tenant} is deleted. Receipt: ${erasureId}`
        : `${tenant} is being deleted. Waiting for: ${waiting}`;
      if (receipt.complete) return;
    } catch (error) {
      tell(error);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, RECEIPT_MS));
  }
}

// The name has to be typed: nothing brings a tenant back.
function removal(known) {
  const input = make("input", { id: "tenant-delete", autocomplete: "off" });
  const label = `Type ${known.tenant} to delete it with all that it has`;
  const button = make("button", { type: "submit", className: "outlined", disabled: true }, "Delete");
  input.addEventListener("input", () => {
    button.disabled = input.value !== known.tenant;
  });
  const form = make(
    "form",
    { className: "tenant-form", "aria-label": `Delete ${known.tenant}` },
    make("p", { className: "check" }, make("label", { htmlFor: input.id }, label)),
    input,
    make("div", { className: "buttons" }, button),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (input.value !== known.tenant) return;
    try {
      const begun = await call(urlOf(known.tenant), { method: "DELETE" });
      const status = make("p", { role: "status", tabIndex: -1 });
      $("tenants-body").querySelector(".tenant").replaceWith(status);
      $("tenant").querySelector(`option[value="${known.tenant}"]`)?.remove();
      status.focus();
      await follow(known.tenant, begun.erasure_id, status);
    } catch (error) {
      tell(error);
    }
  });
  return form;
}

function editor(known) {
  const problem = make("p", { className: "problem", role: "alert", hidden: true });
  const state = known.suspended ? "Resume" : "Suspend";
  const suspend = make("button", { type: "button", className: "outlined" }, state);
  const form = make(
    "form",
    { className: "tenant-form", "aria-label": `Settings of ${known.tenant}` },
    ...limitFields(LIMITS, "", known.limits),
    ...limitFields(USER_LIMITS, "user_", known.user_limits),
    field("models", "Models (empty: the system's)", known.models.join(", ")),
    field("cheaper_model", "Cheaper model at the limit", known.cheaper_model),
    field("judge_model", "Judge of answers, one of the models", known.judge_model),
    check("semantic", "Answers also go to the same question in other words", known.cache.semantic),
    check("consent_to_training", "Turns may go into training sets", known.consent_to_training),
    problem,
    make("div", { className: "buttons" }, suspend, make("button", { type: "submit" }, "Save")),
  );
  const whole = make("div", { className: "tenant" }, form, removal(known));
  const change = async (said, path, options) => {
    show(problem, null);
    try {
      const changed = await call(path, options);
      whole.replaceWith(editor(changed));
      announce(said);
    } catch (error) {
      if (error.status === 422) show(problem, error.message);
      else tell(error);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    change(`Saved ${known.tenant}.`, urlOf(known.tenant), {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(bodyOf(form, known)),
    });
  });
  suspend.addEventListener("click", () => {
    const [action, done] = known.suspended ? ["/resume", "resumed"] : ["/suspend", "suspended"];
    change(`${known.tenant} is ${done}.`, urlOf(known.tenant, action), {
      method: "POST",
    });
  });
  return whole;
}

async function choose(tenant) {
  try {
    const known = await call(urlOf(tenant));
    $("tenants-body").querySelector(".tenant, [role=status]")?.remove();
    $("tenants-body").append(editor(known));
  } catch (error) {
    tell(error);
  }
}

export async function openTenants(onProblem) {
  tell = onProblem;
  const { tenants } = await call(URL_ALL);
  const select = make(
    "select",
    { id: "tenant" },
    ...tenants.map((tenant) => make("option", { value: tenant }, tenant)),
  );
  select.addEventListener("change", () => choose(select.value));
  const label = make("label", { htmlFor: "tenant" }, "Tenant");
  $("tenants-body").replaceChildren(make("p", {}, label, select));
  $("tenants").hidden = false;
  if (tenants.length) await choose(tenants[0]);
}

export function emptyTenants() {
  $("tenants").hidden = true;
  $("tenants-body").replaceChildren();
}
