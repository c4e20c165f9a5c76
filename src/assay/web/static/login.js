const form = document.getElementById("login");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = document.getElementById("wrong");
  said.textContent = "";
  const answer = await fetch("/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: form.elements.token.value }),
  });
  if (answer.ok) location.assign("/");
  else said.textContent = "That is not this server's token.";
});
