// Sentences with shaded tokens: arrow keys go from token to token, and a line at the foot says what each one's value is.

const line = document.createElement("p");
line.className = "value-line";
line.setAttribute("aria-hidden", "true"); // a token's own title says the same to screen readers
line.hidden = true;
document.body.append(line);

const token = (event) => (event.target instanceof Element ? event.target.closest(".heat .tok") : null);

function show(chosen) {
  line.textContent = `“${chosen.textContent}”  ${chosen.title}`;
  line.hidden = false;
}

function hide() {
  const focused = document.activeElement;
  if (focused instanceof Element && focused.matches(".heat .tok")) show(focused);
  else line.hidden = true;
}

const STEPS = {
  ArrowRight: (at) => at + 1,
  ArrowDown: (at) => at + 1,
  ArrowLeft: (at) => at - 1,
  ArrowUp: (at) => at - 1,
  Home: () => 0,
  End: (at, n) => n - 1,
};

document.addEventListener("keydown", (event) => {
  const chosen = token(event);
  if (event.key === "Escape") line.hidden = true;
  if (!chosen || !STEPS[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
  const all = [...chosen.closest(".heat").querySelectorAll(".tok")];
  const next = all[STEPS[event.key](all.indexOf(chosen), all.length)];
  event.preventDefault();
  if (!next) return;
  for (const one of all) one.tabIndex = one === next ? 0 : -1;
  next.focus();
});

document.addEventListener("focusin", (event) => (token(event) ? show(token(event)) : hide()));
document.addEventListener("focusout", (event) => token(event) && queueMicrotask(hide));
document.addEventListener("pointerover", (event) => token(event) && show(token(event)));
document.addEventListener("pointerout", (event) => token(event) && hide());
