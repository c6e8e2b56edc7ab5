// Goes on by itself, once somebody has tapped for it: the next clip comes into the same player, because browsers let
// only a player that was tapped play with sound. A clip that has played to its end counts as seen.

const video = document.querySelector("video");
const follow = document.querySelector("[data-follow]");
const button = follow?.querySelector("button");
const connection = /** @type {{saveData?: boolean} | undefined} */ (Reflect.get(navigator, "connection"));
const calm = connection?.saveData === true || matchMedia("(prefers-reduced-motion: reduce)").matches;

let shown = location.pathname + location.search;

/**
 * Shows another clip in place of this one.
 * @param {Document} page
 * @param {string} address
 */
function show(page, address) {
	const clip = page.querySelector("[data-clip]");
	const old = document.querySelector("[data-clip]");
	const player = page.querySelector("video");
	if (!video || !clip || !old || !player) {
		location.assign(address); // there is none, or it cannot be played
		return;
	}
	old.replaceWith(document.importNode(clip, true));
	video.replaceChildren(...[...player.children].map(source => document.importNode(source, true)));
	video.poster = player.poster;
	video.parentElement?.classList.toggle("tall", player.matches(".tall > *"));
	video.setAttribute("aria-label", player.getAttribute("aria-label") ?? "");
	document.title = page.title;
	const link = document.querySelector("[data-failed] a");
	link?.setAttribute("href", page.querySelector("[data-failed] a")?.getAttribute("href") ?? "");
	history.pushState(null, "", address);
	shown = location.pathname + location.search;
	const told = document.querySelector("[data-told]");
	if (told) told.textContent = document.querySelector("h1")?.textContent ?? "";
	video.load();
	video.play().catch(() => {}); // the browser wants a tap first
}

video?.addEventListener("ended", async () => {
	const form = document.querySelector("[data-seen]");
	const seen = form?.querySelector("button");
	if (!(form instanceof HTMLFormElement) || !seen) return;
	const on = button?.getAttribute("aria-pressed") === "true";
	const body = new URLSearchParams();
	for (const field of form.querySelectorAll("input")) body.set(field.name, field.value);
	body.set(seen.name, seen.value);
	try {
		const answer = await fetch(form.action, {
			method: "POST", body, headers: {Accept: "text/html"}, redirect: on ? "follow" : "manual",
		});
		if (on && answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"), answer.url);
	} catch {
		// The line is down: "Siguiente" is still there.
	}
});
addEventListener("popstate", () => {
	if (shown !== location.pathname + location.search) location.reload(); // otherwise only the fragment differs
});

if (video && follow instanceof HTMLElement && button && !calm) {
	follow.hidden = false;
	button.addEventListener("click", () => {
		const on = button.getAttribute("aria-pressed") !== "true";
		button.setAttribute("aria-pressed", String(on));
		if (on && video.paused) video.play().catch(() => {}); // what is wrong stands at the player
	});
}

export {};
