// What is to be corrected has the focus, one click counts once, a password can be looked at before it is sent, and
// cities are suggested for the country that was typed.

const summary = document.querySelector(".summary");
if (summary instanceof HTMLElement) summary.focus();

const patience = 10_000; // milliseconds until a form can be sent again whose answer has not come
/** @type {Map<EventTarget | null, number>} */
const sent = new Map();
addEventListener("submit", event => {
	const now = performance.now();
	if (now - (sent.get(event.target) ?? -patience) < patience) event.preventDefault();
	else sent.set(event.target, now);
});
addEventListener("pageshow", () => sent.clear());

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

const cities = document.querySelector("#cities[data-from]"), country = document.getElementById("country");
if (cities instanceof HTMLElement && country instanceof HTMLInputElement) {
	country.addEventListener("change", async () => {
		try {
			const answer = await fetch(cities.dataset.from + "?country=" + encodeURIComponent(country.value));
			const page = new DOMParser().parseFromString(await answer.text(), "text/html");
			cities.replaceChildren(...page.querySelectorAll("#cities option"));
		} catch {
			// The line is down: those of before stay.
		}
	});
}
