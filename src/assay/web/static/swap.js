// Putting a fragment in a part's place without taking away what the reader has open, focused or scrolled.

const openName = (details) => details.id || details.querySelector("summary")?.textContent.trim() || "";
const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";

function focusName(place) {
  const at = document.activeElement;
  if (!at || !place.contains(at) || at === place) return null;
  if (at.id) return (root) => root.querySelector(`#${CSS.escape(at.id)}`);
  const words = at.textContent.trim();
  const same = (one) => one.tagName === at.tagName && one.textContent.trim() === words;
  const nth = [...place.querySelectorAll(FOCUSABLE)].filter(same).indexOf(at);
  return (root) => [...root.querySelectorAll(FOCUSABLE)].filter(same)[nth];
}

export function swap(place, fresh) {
  if (place.shown !== undefined && place.shown === fresh.body.innerHTML) return false;
  const text = fresh.body.innerHTML;
  const known = new Map([...place.querySelectorAll("details")].map((one) => [openName(one), one.open]));
  const scrolled = [...place.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
  const focused = focusName(place);
  const nodes = [...fresh.body.childNodes];
  for (const node of nodes) {
    for (const one of node.querySelectorAll?.("details") ?? []) keepOpen(one, known);
    if (node.nodeName === "DETAILS") keepOpen(node, known);
  }
  place.replaceChildren(...nodes);
  place.shown = text;
  [...place.querySelectorAll(".scroll")].forEach((one, i) => { one.scrollLeft = scrolled[i] ?? 0; });
  focused?.(place)?.focus({ preventScroll: true });
  return true;
}

function keepOpen(details, known) {
  const name = openName(details);
  if (known.has(name)) details.open = known.get(name);
}

// One element in another's place, by the same rules.
export function exchange(old, fresh) {
  if (!old || !fresh) return;
  const inside = old.contains(document.activeElement);
  fresh.open = old.open;
  fresh.hidden = old.hidden;
  old.replaceWith(fresh);
  if (inside) fresh.querySelector("summary")?.focus({ preventScroll: true });
}
