import {share} from "./share.js";
import {refresh, swap} from "./swap.js";

// Follows a video on its way, by the stream of its events. The words come with the page itself. When the stream fails
// three times, the page is asked for again every few seconds.

const part = document.querySelector("[data-progress]");
const told = document.querySelector("[data-told]");
const state = () => document.querySelector("#state")?.textContent ?? "";
let said = state();

function tell() {
	share();
	if (told && said !== state()) told.textContent = said = state();
}

/** @type {EventSource | null} */
let stream = null;
let polling = false;

function poll() {
	stream?.close();
	if (polling) return;
	polling = true;
	refresh("[data-progress]", 5, part => {
		tell();
		return !part.querySelector("progress");
	});
}

async function renew() {
	try {
		const answer = await fetch(location.href.split("#")[0], {cache: "no-cache"});
		if (!answer.ok) throw new Error(String(answer.status));
		swap("[data-progress]", await answer.text());
		tell();
	} catch {
		poll();
	}
}

if (part instanceof HTMLElement && part.querySelector("progress")) {
	const events = new EventSource("/api/videos/" + part.dataset.progress + "/events");
	stream = events;
	let failures = 0, known = "";
	events.addEventListener("open", () => { failures = 0; });
	events.addEventListener("progress", event => {
		const {status, stage, progress, queue_position} = JSON.parse(event.data);
		const now = [status, stage, queue_position].join();
		if (now !== known) renew();
		known = now;
		const bar = document.querySelector("[data-progress] progress");
		const number = document.querySelector("[data-progress] .progress .number");
		if (bar instanceof HTMLProgressElement) bar.value = progress;
		if (number) number.textContent = progress + " %";
	});
	for (const name of ["final", "deleted", "replaced"]) {
		events.addEventListener(name, () => {
			events.close();
			if (name === "replaced") poll();
			else renew();
		});
	}
	events.addEventListener("error", () => {
		if (++failures >= 3 || events.readyState === EventSource.CLOSED) poll();
	});
}
