import {refresh} from "./swap.js";

// The list stays up to date by itself, and says in words how old it is, and who has moved since the last look.

const rows = () => [...document.querySelectorAll("[data-ranking] tbody tr")].map(row => ({
	row, who: row.querySelector("a")?.getAttribute("href") ?? "",
	place: Number(row.querySelector("[data-place]")?.getAttribute("data-place")),
}));
/** @type {Map<string, number>} */
let places = new Map(rows().map(({who, place}) => [who, place]));

const age = document.querySelector("[data-age]");
let looked = Date.now();
function tell() {
	if (!(age instanceof HTMLElement)) return;
	const seconds = Math.round((Date.now() - looked) / 1000);
	const text = seconds < 90 ? age.dataset.age : age.dataset.long;
	age.textContent = (text ?? "").replace("#", String(seconds < 90 ? seconds : Math.round(seconds / 60)));
	age.hidden = false;
}
tell();
setInterval(tell, 3000);

refresh("[data-ranking]", 15, part => {
	looked = Date.now();
	tell();
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
