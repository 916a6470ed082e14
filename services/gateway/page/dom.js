// Makes and changes elements. They take texts as text, so a document never becomes markup.

export const $ = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function announce(text) {
  $("announce").textContent = text;
}

export function show(element, text) {
  element.textContent = text ?? "";
  element.hidden = !text;
}

// Makes a text field as high as its text, up to 200 pixels.
export function grow(field) {
  field.style.setProperty("height", "auto");
  field.style.setProperty("height", `${Math.min(field.scrollHeight + 2, 200)}px`);
}

// Null, or what to say of a text over its limit. Characters count as in Python, an emoji as one.
export function tooLong(what, text, limit) {
  const length = Array.from(text).length;
  if (length <= limit) return null;
  const [has, most] = [length, limit].map((number) => number.toLocaleString("en"));
  return `Your ${what} has ${has} characters. The limit is ${most}. Shorten it to send it.`;
}

const SVG = "http://www.w3.org/2000/svg";

// The same for an element of a drawing.
export function shape(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function table(caption, heads, rows) {
  const cells = (row) =>
    row.map((cell, n) => make(n ? "td" : "th", n ? {} : { scope: "row" }, cell));
  return make(
    "div",
    { className: "table", tabIndex: 0, role: "region", "aria-label": caption },
    make(
      "table",
      {},
      make("caption", {}, caption),
      make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, ...rows.map((row) => make("tr", {}, ...cells(row)))),
    ),
  );
}

export const plain = (name) => name.replaceAll("_", " ");

export function when(moment) {
  return new Date(moment).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
}

// Asks before something that costs or changes what others see; true: go on.
export function confirmed(title, text, go) {
  const dialog = $("confirm-dialog");
  $("confirm-title").textContent = title;
  $("confirm-text").textContent = text;
  $("confirm-go").textContent = go;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "go");
  });
}
