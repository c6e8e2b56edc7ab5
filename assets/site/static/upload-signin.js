/** @type {Promise<void> | null} */
let asking = null;

/**
 * Asks somebody whose session has ended to sign in again, over the page. It also ends when they come back from another
 * tab, where they may have done so.
 * @param {HTMLDialogElement} dialog
 * @returns {Promise<void>}
 */
export function signIn(dialog) {
	asking ??= ask(dialog).finally(() => { asking = null; });
	return asking;
}

/** @param {HTMLDialogElement} dialog */
async function ask(dialog) {
	const form = dialog.querySelector("form");
	const wrong = dialog.querySelector(".error");
	const heading = dialog.querySelector("h2");
	if (!form || !(wrong instanceof HTMLElement)) return;
	const over = new AbortController();
	let back = document.activeElement;
	if (!dialog.open) dialog.showModal();
	heading?.focus();
	await new Promise(done => {
		const end = () => { over.abort(); done(undefined); };
		const signal = over.signal;
		dialog.addEventListener("cancel", event => event.preventDefault(), {signal});
		dialog.addEventListener("close", end, {signal});
		document.addEventListener("visibilitychange", () => {
			if (document.visibilityState === "visible") end();
		}, {signal});
		form.addEventListener("submit", async event => {
			event.preventDefault();
			wrong.hidden = true;
			try {
				const fields = new URLSearchParams();
				for (const [name, value] of new FormData(form)) fields.append(name, String(value));
				const answer = await fetch(form.action, {method: "POST", body: fields, headers: {Accept: "text/html"}});
				const page = new DOMParser().parseFromString(await answer.text(), "text/html");
				if (answer.ok && page.querySelector("[data-upload]")) {
					form.reset();
					end();
					return;
				}
				const said = [...page.querySelectorAll(".summary p, .summary li, .error-page .lead")];
				wrong.textContent = said.map(e => e.textContent).join(" ") || wrong.dataset.other || "";
			} catch {
				wrong.textContent = wrong.dataset.offline ?? "";
			}
			wrong.hidden = false;
		}, {signal});
	});
	dialog.close();
	if (back instanceof HTMLElement) back.focus();
}
