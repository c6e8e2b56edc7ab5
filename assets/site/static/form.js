// What is to be corrected has the focus, and a password can be looked at before it is sent.

const summary = document.querySelector(".summary");
if (summary instanceof HTMLElement) summary.focus();

for (const button of document.querySelectorAll("[data-show]")) {
	const input = document.getElementById(button.getAttribute("aria-controls") ?? "");
	if (!(button instanceof HTMLElement) || !(input instanceof HTMLInputElement)) continue;
	button.hidden = false;
	button.addEventListener("click", () => {
		const show = input.type === "password";
		input.type = show ? "text" : "password";
		button.setAttribute("aria-pressed", String(show));
	});
}
