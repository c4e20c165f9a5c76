// Two runs are chosen by their boxes, the one ticked first being A; the boxes may stand outside of the form.
const form = document.getElementById("choice");
const order = [];

function show() {
  const button = document.getElementById("compare");
  button.disabled = order.length !== 2;
  document.getElementById("chosen").textContent =
    order.length === 2 ? `A is ${order[0]}, B is ${order[1]}.`
      : order.length > 2 ? "More than two are ticked." : order.length === 1 ? "Tick one more." : "Tick two runs to compare them.";
}

document.addEventListener("change", (event) => {
  const { value, checked, name } = event.target;
  if (!form || event.target.form !== form || name !== "run") return;
  if (checked) order.push(value);
  else order.splice(order.indexOf(value), 1);
  show();
});
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  if (order.length === 2) location.assign(`/compare?${new URLSearchParams({ a: order[0], b: order[1] })}`);
});
// A page that is gone back to keeps its ticks.
for (const box of form?.elements ?? []) if (box.checked) order.push(box.value);
if (form) show();
