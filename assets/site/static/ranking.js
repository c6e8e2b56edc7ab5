import {refresh} from "./swap.js";

// The list stays up to date by itself, and says in words who has moved since the last look.

const rows = () => [...document.querySelectorAll("[data-ranking] tbody tr")].map(row => ({
	row, who: row.querySelector("a")?.getAttribute("href") ?? "",
	place: Number(row.querySelector("[data-place]")?.getAttribute("data-place")),
}));
/** @type {Map<string, number>} */
let places = new Map(rows().map(({who, place}) => [who, place]));

refresh("[data-ranking]", 15, part => {
	for (const {row, who, place} of rows()) {
		const up = (places.get(who) ?? place) - place;
		const words = part.getAttribute(up > 0 ? "data-up" : "data-down");
		if (!up || !words) continue;
		const mark = document.createElement("span");
		mark.className = "moved";
		mark.textContent = " " + words + " " + Math.abs(up);
		row.querySelector("th")?.append(mark);
	}
	places = new Map(rows().map(({who, place}) => [who, place]));
	return false;
});
