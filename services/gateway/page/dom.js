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
