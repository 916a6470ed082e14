// The view of usage: what is used of the limits, and what was spent by day, user and model.

import { call, save, whoIs, token } from "./api.js";
import { $, announce, make, shape, show } from "./dom.js";
import { emptyTenants, openTenants } from "./tenants.js";

const DOLLARS = { style: "currency", currency: "USD" };
const MONEY = new Intl.NumberFormat("en", DOLLARS);
// A turn may cost a fraction of a cent.
const SMALL = new Intl.NumberFormat("en", { ...DOLLARS, maximumSignificantDigits: 2 });
const COUNT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const WHOLE = new Intl.NumberFormat("en");
// In pixels: a chart's height, a day's room, and the bar in it.
const HEIGHT = 120;
const ROOM = 14;
const BAR = 10;
const WIDTH = 640;
const TITLES = { day: "Day", user: "User", model: "Model", purpose: "Purpose" };

let newest = 0;
let onProblem = () => {};

function money(value) {
  return (value && value < 0.01 ? SMALL : MONEY).format(value);
}

function amount(measure, value) {
  return measure === "usd" ? money(value) : `${COUNT.format(value)} tokens`;
}

function tokensOf(row) {
  return (
    row.input_tokens + row.output_tokens + row.cache_read_tokens + row.cache_write_tokens
  );
}

// A bar with a mark at each threshold; it turns red when the limit is reached.
function budgetBar(limit) {
  const part = limit.limit ? Math.min(1, limit.used / limit.limit) : 1;
  const percent = limit.limit ? Math.floor((100 * limit.used) / limit.limit) : 100;
  const level = percent >= 100 ? "full" : percent >= 80 ? "high" : "low";
  const [used, most] = [limit.used, limit.limit].map((value) => amount(limit.measure, value));
  const words = `${used} of ${most} used in ${limit.period} (${percent} %)`;
  const marks = limit.thresholds
    .filter((threshold) => threshold < 100)
    .map((threshold) => {
      const x = (WIDTH * threshold) / 100;
      return shape("line", { x1: x, x2: x, y1: 0, y2: 12, class: "threshold" });
    });
  const frame = { viewBox: `0 0 ${WIDTH} 12`, preserveAspectRatio: "none", class: "budget-bar" };
  const drawing = shape(
    "svg",
    { ...frame, role: "img", "aria-label": words },
    shape("rect", { width: WIDTH, height: 12, class: "track" }),
    shape("rect", { width: WIDTH * part, height: 12, class: level }),
    ...marks,
  );
  const anew = new Date(limit.resets_at).toLocaleString("en", {
    dateStyle: "medium",
    timeStyle: "short",
    timeZone: "UTC",
  });
  return make(
    "li",
    {},
    make("p", {}, words),
    drawing,
    make("p", { className: "small" }, `Begins anew ${anew} UTC.`),
  );
}

function daysFrom(first, last) {
  const days = [];
  for (let day = new Date(`${first}T00:00Z`); day <= new Date(`${last}T00:00Z`); ) {
    days.push(day.toISOString().slice(0, 10));
    day.setUTCDate(day.getUTCDate() + 1);
  }
  return days;
}

// A bar a day. Its height is the cost; the tokens, where nothing has a price.
function chart({ rows, first, last, total }) {
  const byDay = new Map(rows.map((row) => [row.key, row]));
  const value = total.cost_usd ? (row) => row.cost_usd : tokensOf;
  const measure = total.cost_usd ? "usd" : "tokens";
  const days = daysFrom(first, last);
  const highest = Math.max(...rows.map(value), 0) || 1;
  const bars = days.map((day, n) => {
    const height = byDay.has(day) ? (HEIGHT * value(byDay.get(day))) / highest : 0;
    const said = byDay.has(day) ? amount(measure, value(byDay.get(day))) : "nothing";
    return shape(
      "rect",
      { x: n * ROOM, y: HEIGHT - height, width: BAR, height, class: "day" },
      shape("title", {}, `${day}: ${said}`),
    );
  });
  const words = `From ${first} to ${last}; the highest day is ${amount(measure, highest)}.`;
  const viewBox = `0 0 ${days.length * ROOM} ${HEIGHT}`;
  const frame = { viewBox, preserveAspectRatio: "none", class: "days" };
  return make(
    "figure",
    {},
    shape("svg", { ...frame, role: "img", "aria-label": words }, ...bars),
    make("figcaption", { className: "small" }, words),
  );
}

function table({ by, rows, total }) {
  const heads = [TITLES[by], "Calls", "Input", "Output", "Cache read", "Cache write", "Cost"];
  const line = (row, tag = "td") =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, row.key === "-" ? "no user" : row.key),
      ...[
        WHOLE.format(row.calls),
        ...["input", "output", "cache_read", "cache_write"].map((kind) =>
          WHOLE.format(row[`${kind}_tokens`]),
        ),
        money(row.cost_usd),
      ].map((text) => make(tag, {}, text)),
    );
  return make(
    "div",
    { className: "table", tabIndex: 0, role: "region", "aria-label": `By ${by}` },
    make(
      "table",
      {},
      make("caption", {}, `By ${by}`),
      make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, ...rows.map((row) => line(row))),
      make("tfoot", {}, line({ ...total, key: "Total" })),
    ),
    csvButton(by),
  );
}

function csvButton(by) {
  const button = make("button", { type: "button", className: "outlined" }, `CSV by ${by}`);
  button.addEventListener("click", () =>
    save(`/v1/usage?by=${by}&format=csv`, `usage-by-${by}.csv`).catch(told),
  );
  return button;
}

function told(error) {
  if (error.name === "AbortError") return;
  show($("usage-problem"), error.message);
  onProblem(error);
}

async function load() {
  const mine = ++newest;
  show($("usage-problem"), null);
  const asked = ["day", "user", "model"].map((by) => call(`/v1/usage?by=${by}`));
  const [days, users, models] = await Promise.all(asked);
  if (mine !== newest) return;
  const limits = days.limits ?? [];
  $("usage-body").replaceChildren(
    make("p", {}, `${days.first} to ${days.last}: ${money(days.total.cost_usd)},`
      + ` ${WHOLE.format(tokensOf(days.total))} tokens, ${WHOLE.format(days.total.calls)} calls.`),
    make("ul", { className: "budgets", "aria-label": "Limits" }, ...limits.map(budgetBar)),
    chart(days),
    table(users),
    table(models),
  );
  if (!limits.length) $("usage-body").querySelector(".budgets").remove();
}

async function openUsage() {
  $("usage").showModal();
  $("usage-title").focus();
  announce("");
  try {
    await load();
    if (whoIs(token())?.scopes.includes("platform")) await openTenants(told);
  } catch (error) {
    told(error);
  }
}

export function emptyUsage() {
  newest += 1;
  if ($("usage").open) $("usage").close();
  $("usage-body").replaceChildren();
  show($("usage-problem"), null);
  emptyTenants();
}

export function startUsage(handlers) {
  onProblem = handlers.onProblem;
  $("show-usage").addEventListener("click", openUsage);
  $("close-usage").addEventListener("click", () => $("usage").close());
}
