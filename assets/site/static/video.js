import {swap} from "./swap.js";

// A vote without loading the page again. Whatever goes wrong, the form is sent as without scripts.
let busy = false;
document.addEventListener("submit", async event => {
	const form = event.target;
	if (!(form instanceof HTMLFormElement) || !form.closest("#voto")) return;
	event.preventDefault();
	if (busy) return;
	busy = true;
	const body = new URLSearchParams();
	const button = event.submitter;
	if (button instanceof HTMLButtonElement) body.set(button.name, button.value);
	try {
		const answer = await fetch(form.action, {method: "POST", body, headers: {Accept: "text/html"}});
		if (new URL(answer.url).pathname !== location.pathname) {
			location.assign(answer.url); // to sign in first
			return;
		}
		if (!answer.ok) throw new Error(String(answer.status));
		const part = swap("#voto", await answer.text());
		if (part?.querySelector(".voted")) part.classList.add("pop");
	} catch {
		const sent = document.createElement("input");
		sent.type = "hidden";
		sent.name = "vote";
		sent.value = body.get("vote") ?? "cast";
		form.append(sent);
		form.submit();
	} finally {
		busy = false;
	}
});

// The phone's own list of ways to share, where there is one.
const share = document.querySelector("[data-share]");
if (share instanceof HTMLElement && "share" in navigator) {
	share.hidden = false;
	share.addEventListener("click", () => {
		navigator.share({title: document.title, url: share.dataset.share}).catch(() => {}); // they changed their mind
	});
}

const address = document.querySelector("#address");
if (address instanceof HTMLInputElement) address.addEventListener("focus", () => address.select());

// A clip that cannot be played can be downloaded.
const video = document.querySelector("video");
const failed = document.querySelector("[data-failed]");
if (video && failed instanceof HTMLElement) {
	const last = video.querySelector("source:last-of-type");
	last?.addEventListener("error", () => { failed.hidden = false; });
	video.addEventListener("error", () => { failed.hidden = false; });
	video.addEventListener("playing", () => { failed.hidden = true; });
}
