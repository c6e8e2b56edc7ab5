import {refresh} from "./swap.js";

if (document.querySelector("[data-progress] progress")) {
	refresh("[data-progress]", 3, part => !part.querySelector("progress"));
}
