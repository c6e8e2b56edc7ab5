import {share} from "./share.js";
import {swap} from "./swap.js";

// A vote without loading the page again. What the server refuses is sent once more as without scripts, for the page that
// says why; on a lost network the box stays as it was.
const patience = 15_000; // milliseconds that a vote may take
const calm = 800; // milliseconds after a vote in which a tap is the second half of a double one
let busy = false;
let quiet = 0;
document.addEventListener("submit", async event => {
	const form = event.target;
	if (!(form instanceof HTMLFormElement) || !form.matches('#voto [action*="/vote"]')) return;
	event.preventDefault();
	if (busy || performance.now() < quiet) return;
	busy = true;
	const trouble = document.querySelector("#voto [data-trouble]");
	if (trouble instanceof HTMLElement) trouble.hidden = true;
	pending(form, true);
	const body = new URLSearchParams();
	const button = event.submitter;
	if (button instanceof HTMLButtonElement) body.set(button.name, button.value);
	let refused = false;
	try {
		const answer = await fetch(form.action, {
			method: "POST", body, headers: {Accept: "text/html"}, signal: AbortSignal.timeout?.(patience),
		});
		refused = !answer.ok;
		if (refused) throw new Error(String(answer.status));
		if (new URL(answer.url).pathname !== location.pathname) {
			location.assign(answer.url); // to sign in first
			return;
		}
		const page = await answer.text();
		const part = swap("#voto", page);
		for (const name of [".turn", ".turns"]) swap(name, page); // how many are left, and that the next one is gold
		quiet = performance.now() + calm;
		if (part?.querySelector(".voted")) part.classList.add("pop");
		const words = [".voted-line, .gold span, .waits", ".votes"].map(name => part?.querySelector(name)?.textContent);
		const told = document.querySelector("[data-told]"); // the next clip brings its own
		if (told && part) told.textContent = words.join(". ");
	} catch {
		if (refused) {
			const sent = document.createElement("input");
			sent.type = "hidden";
			sent.name = "vote";
			sent.value = body.get("vote") ?? "cast";
			form.append(sent);
			form.submit();
		} else if (trouble instanceof HTMLElement) {
			trouble.hidden = false;
		}
	} finally {
		busy = false;
		pending(form, false);
	}
});

/** Says that a vote is on its way. @param {HTMLFormElement} form @param {boolean} on */
function pending(form, on) {
	const box = form.closest(".votebox");
	const words = box?.querySelector("[data-pending]");
	box?.classList.toggle("pending", on);
	if (words instanceof HTMLElement) words.hidden = !on;
	if (on) form.setAttribute("aria-busy", "true");
	else form.removeAttribute("aria-busy");
}

share();

// A clip that cannot be played can be tried again, or downloaded.
const video = document.querySelector("video");
const failed = document.querySelector("[data-failed]");
if (video && failed instanceof HTMLElement) {
	video.addEventListener("error", event => { // of the player, or of its last source
		const part = event.target;
		if (!(part instanceof HTMLSourceElement) || part === video.querySelector("source:last-of-type")) failed.hidden = false;
	}, true);
	video.addEventListener("playing", () => { failed.hidden = true; });
	failed.querySelector("[data-again]")?.addEventListener("click", () => {
		video.load();
		video.play().catch(() => {}); // it has said so already
	});
}
