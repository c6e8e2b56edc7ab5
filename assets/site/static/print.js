// The browser's own dialog to print, one tap away.

const button = document.querySelector("[data-print]");
const hint = document.querySelector("[data-hint]");
if (button instanceof HTMLElement && hint instanceof HTMLElement) {
	button.hidden = false;
	hint.hidden = true;
	button.addEventListener("click", () => print());
}

export {};
