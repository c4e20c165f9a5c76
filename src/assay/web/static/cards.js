// The thirteen cards: their order, which are shown, and all of them open or closed.

const WORST = ["low", "uncertain", "unscored", "missing", "high"];
const get = (id) => document.getElementById(id);
const all = () => [...document.querySelectorAll("#cards > details.card")];
const pressed = (id) => get(id)?.getAttribute("aria-pressed") === "true";

function rank(card) {
  const worst = pressed("suite-order") ? 0 : WORST.indexOf(card.dataset.state);
  return worst * 100 + Number(card.dataset.place);
}

// Cards keep their place in the document where it is right already, so that nothing jumps; one that is moved would
// lose the focus.
function order() {
  const focused = document.activeElement;
  const wanted = all().sort((a, b) => rank(a) - rank(b));
  const list = get("cards");
  wanted.forEach((card, i) => { if (list.children[i] !== card) list.insertBefore(card, list.children[i] ?? null); });
  if (list.contains(focused) && focused !== document.activeElement) focused.focus({ preventScroll: true });
}

// Cards are long and typing is quick: their text is read once, until it is another.
const texts = new WeakMap();
function text(card) {
  if (!texts.has(card)) texts.set(card, card.textContent.toLowerCase());
  return texts.get(card);
}

function filter() {
  const words = get("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const bad = pressed("only-failed");
  let shown = 0;
  for (const card of all()) {
    card.hidden = (bad && card.dataset.state === "high") || !words.every((word) => text(card).includes(word));
    shown += !card.hidden;
  }
  const narrowed = bad || words.length;
  get("shown").textContent = narrowed ? `${shown} of ${all().length} shown` : "";
}

export function arrange() {
  if (!get("cards")) return;
  get("tools").hidden = false;
  order();
  filter();
}

function toggle(button) {
  button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  arrange();
}

function reveal() {
  const wanted = location.hash ? get(location.hash.slice(1)) : null;
  if (wanted?.matches("details")) {
    wanted.hidden = false;
    wanted.open = true;
    wanted.scrollIntoView();
  }
}

export function begin() {
  if (!get("tools")) return;
  get("expand").addEventListener("click", () => all().forEach((card) => { card.open = true; }));
  get("collapse").addEventListener("click", () => all().forEach((card) => { card.open = false; }));
  for (const id of ["only-failed", "suite-order"]) get(id).addEventListener("click", () => toggle(get(id)));
  get("filter").addEventListener("input", filter);
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => all().forEach((card) => { card.open = true; }));
  arrange();
  reveal();
}
