// Calls of the API, signed by the browser's session. What may succeed later is tried again for ever.

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

	/** The same request may be accepted in a moment. */
	get passes() {
		return this.status >= 500 && this.code !== "upload_discarded" || [408, 425].includes(this.status) ||
			this.status === 429 && this.after <= 60;
	}
}

/**
 * Waits 1 to 30 s, longer with each try, and at random so that not all phones of a hall come back at once. It ends
 * earlier when the browser says that the line is back, which alone proves nothing.
 * @param {number} tries
 * @param {AbortSignal} [woken] ends it at once
 * @returns {Promise<void>}
 */
export function rest(tries, woken) {
	return new Promise(done => {
		const end = () => {
			clearTimeout(timer);
			removeEventListener("online", end);
			done();
		};
		const timer = setTimeout(end, Math.max(1000, Math.min(30_000, 1000 * 2 ** tries) * (.5 + Math.random() / 2)));
		addEventListener("online", end);
		woken?.addEventListener("abort", end);
	});
}

/**
 * @typedef {object} Care
 * @property {() => Promise<void>} signIn lets somebody sign in again
 * @property {(busy: boolean, offline: boolean) => void} trouble told before and after a rest
 */

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
		const content = await answer.json().catch(() => ({}));
		if (answer.ok) return content;
		throw new Refused(answer.status, content, Number(answer.headers.get("Retry-After")));
	} finally {
		clearTimeout(timer);
	}
}

/**
 * Calls the API until it answers. It throws what is Refused for good.
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
			if (refused && !refused.passes) throw refused;
			care.trouble(true, !refused);
			await rest(Math.max(tries, Math.log2(refused?.after || 1)));
		}
	}
}
