// Makes elements. Texts are always set as text, so that a document can never become markup.

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
