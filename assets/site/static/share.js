import {copy} from "./copy.js";

// The phone's own list of ways to share, where there is one.

/** Arranges the buttons of the page, or of a part that has just come into it. */
export function share() {
	const ways = document.querySelector("[data-share]");
	if (ways instanceof HTMLElement && "share" in navigator && ways.hidden) {
		ways.hidden = false;
		ways.addEventListener("click", () => {
			navigator.share({title: ways.dataset.title, url: ways.dataset.share}).catch(() => {}); // they changed their mind
		});
	}
	copy();
}
