import {refresh} from "./swap.js";

const told = document.querySelector("[data-told]");
const state = () => document.querySelector("#state")?.textContent ?? "";
if (document.querySelector("[data-progress] progress")) {
	let said = state();
	refresh("[data-progress]", 3, part => {
		if (told && said !== state()) told.textContent = said = state();
		return !part.querySelector("progress");
	});
}
