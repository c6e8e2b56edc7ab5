// Calls of the API. What may succeed later is tried again for ever.

/** What the server refuses, in its own words. */
export class Refused extends Error {
	/**
	 * @param {number} status
	 * @param {{code?: string, detail?: string, errors?: {location?: string, message?: string}[]}} problem
	 * @param {number} after seconds
	 */
	constructor(status, problem, after) {
		super(problem.detail ?? String(status));
		this.status = status;
		this.code = problem.code ?? "";
		this.errors = problem.errors ?? [];
		this.after = after;
	}

	/** It may succeed in a moment. */
	get passes() {
		return this.status >= 500 && this.status !== 507 && this.code !== "upload_discarded" || [408, 425].includes(this.status) ||
			this.status === 429 && this.after <= 60 || this.code === "idempotency_in_progress";
	}
}

/**
 * Waits 1 to 30 s, or until the browser says that the line is back: longer with each try, and at random, so that not all
 * phones of a hall come back at once.
 * @param {number} tries
 * @param {AbortSignal} [woken] ends it at once
 * @returns {Promise<void>}
 */
export function rest(tries, woken) {
	return new Promise(done => {
		const end = () => done();
		setTimeout(end, Math.max(1000, Math.min(30_000, 1000 * 2 ** tries) * (.5 + Math.random() / 2)));
		addEventListener("online", end, {once: true});
		woken?.addEventListener("abort", end);
	});
}

/** @typedef {{signIn: () => Promise<void>, trouble: (failing: boolean, offline: boolean) => void, tries?: number}} Care */

/**
 * Calls the API once.
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 * @param {string} [key] the same for all tries of what must happen once
 */
async function once(method, path, body, key) {
	/** @type {Record<string, string>} */
	const headers = {Accept: "application/json", "Accept-Language": document.documentElement.lang};
	if (body) headers["Content-Type"] = "application/json";
	if (key) headers["Idempotency-Key"] = key;
	const given = new AbortController();
	const timer = setTimeout(() => given.abort(), 60_000);
	try {
		const answer = await fetch("/api/videos/" + path, {
			method, headers, body: body && JSON.stringify(body), signal: given.signal, cache: "no-store",
		});
		const content = await answer.json().catch(error => {
			if (answer.ok) throw error; // it was cut
			return {};
		});
		if (answer.ok) return content;
		throw new Refused(answer.status, content, Number(answer.headers.get("Retry-After")));
	} finally {
		clearTimeout(timer);
	}
}

/**
 * Calls the API until it answers. It throws what is Refused for good, or the last failure.
 * @param {Care} care
 * @param {string} method
 * @param {string} path below /api/videos/
 * @param {object} [body]
 * @param {string} [key]
 * @returns {Promise<any>}
 */
export async function call(care, method, path, body, key) {
	for (let tries = 0; ; tries++) {
		try {
			const answer = await once(method, path, body, key);
			if (tries > 0) care.trouble(false, false);
			return answer;
		} catch (error) {
			const refused = error instanceof Refused ? error : null;
			if (refused?.status === 401) {
				await care.signIn();
				continue;
			}
			if (refused && !refused.passes || tries + 1 === care.tries) throw error;
			care.trouble(true, !refused);
			await rest(Math.max(tries, Math.log2(refused?.after || 1)));
		}
	}
}

/** @type {Promise<void> | null} */
let asking = null;

/**
 * Asks whose session has ended to sign in again, over the page. It ends when they come back from another tab, too.
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
	if (!form || !(wrong instanceof HTMLElement)) return;
	const over = new AbortController();
	const back = document.activeElement;
	if (!dialog.open) dialog.showModal();
	dialog.querySelector("h2")?.focus();
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
