import {call, Refused, rest} from "./upload-calls.js";

/**
 * @typedef {{number: number, size: number, received: boolean, url: string | null}} Part
 * @typedef {{upload_id: string, part_size: number, size: number, title: string, parts: Part[]}} Upload
 */

const stall = 30_000; // milliseconds without progress after which a part is sent again

/**
 * Sends the missing parts of a file to the addresses of an upload, until all have arrived, whatever breaks.
 *
 * The first part goes alone. Its speed tells how many go at once: a slow line that breaks loses one part at most.
 */
export class Sending {
	/** @type {Map<Part, {request: XMLHttpRequest, loaded: number}>} */
	#flying = new Map();
	#atOnce = 1;
	#tries = 0;
	#resting = false;
	#ended = false;
	#waking = new AbortController(); // of the rest
	paused = false;

	/**
	 * @param {import("./upload-calls.js").Care} care
	 * @param {File} file
	 * @param {Upload} upload
	 * @param {string} home the site's own address, by which the server knows it
	 * @param {() => void} tell called when bytes have left
	 */
	constructor(care, file, upload, home, tell) {
		this.care = care;
		this.file = file;
		this.upload = upload;
		this.home = home;
		this.tell = tell;
		/** @type {Promise<void>} resolved when all has arrived; rejected with what cannot be mended here */
		this.done = new Promise((resolve, reject) => {
			this.resolve = resolve;
			this.reject = reject;
		});
		this.done.catch(() => {}); // whoever waits for it gets it, too
	}

	/** How many bytes have arrived, or are under way. */
	get sent() {
		let sum = 0;
		for (const part of this.upload.parts) {
			sum += part.received ? part.size : Math.min(part.size, this.#flying.get(part)?.loaded ?? 0);
		}
		return sum;
	}

	start() {
		this.paused = false;
		this.#waking.abort();
		this.#next();
	}

	/** Ends the requests that are under way, and nothing else. */
	pause() {
		this.paused = true;
		this.#abort();
	}

	/** Ends it for good. */
	stop() {
		this.pause();
		this.#ended = true;
		this.#waking.abort();
	}

	#abort() {
		const flying = [...this.#flying.values()];
		this.#flying.clear();
		for (const flight of flying) flight.request.abort();
	}

	#next() {
		if (this.paused || this.#resting || this.#ended) return;
		const missing = this.upload.parts.filter(part => !part.received);
		if (missing.length === 0) {
			this.resolve?.();
			return;
		}
		for (const part of missing) {
			if (this.#flying.size >= this.#atOnce) break;
			if (!this.#flying.has(part)) this.#put(part);
		}
	}

	/** @param {Part} part */
	#put(part) {
		const offset = (part.number - 1) * this.upload.part_size;
		const request = new XMLHttpRequest(); // fetch does not tell how much has left
		const flight = {request, loaded: 0};
		this.#flying.set(part, flight);
		const began = performance.now();
		let timer = setTimeout(() => request.abort(), stall);
		request.upload.addEventListener("progress", event => {
			clearTimeout(timer);
			timer = setTimeout(() => request.abort(), stall);
			flight.loaded = event.loaded;
			this.tell();
		});
		request.upload.addEventListener("load", () => { // much may still be in the buffers of the line
			clearTimeout(timer);
			timer = setTimeout(() => request.abort(), 4 * stall);
		});
		request.addEventListener("loadend", () => {
			clearTimeout(timer);
			if (this.#flying.get(part) !== flight) return; // paused
			const atOnce = this.#flying.size;
			this.#flying.delete(part);
			if (request.status === 200) {
				part.received = true;
				this.#tries = 0;
				this.#measure(8000 * part.size * atOnce / (performance.now() - began));
				this.care.trouble(false, false);
				this.tell();
				this.#next();
			} else {
				this.#failed(request.status, offset);
			}
		});
		const address = part.url ?? "";
		request.open("PUT", address.startsWith(this.home + "/") ? address.slice(this.home.length) : address);
		request.send(this.file.slice(offset, offset + part.size));
	}

	/** @param {number} speed in bits per second */
	#measure(speed) {
		const connection = /** @type {{saveData?: boolean} | undefined} */ (Reflect.get(navigator, "connection"));
		this.#atOnce = connection?.saveData || speed < 2e6 ? 1 : speed > 8e6 ? 3 : 2;
	}

	/**
	 * @param {number} status 0: there was no answer
	 * @param {number} offset of a part
	 */
	async #failed(status, offset) {
		if (this.#resting) return;
		this.#resting = true;
		this.tell();
		try {
			// A file that the phone took away looks like a lost line.
			if (status === 0) await this.file.slice(offset, offset + 1).arrayBuffer();
		} catch {
			this.stop();
			this.reject?.("unreadable");
			return;
		}
		try {
			const again = status === 403 || status === 404;
			if (!again || this.#tries > 0) {
				this.care.trouble(true, status === 0);
				this.#waking = new AbortController();
				await rest(this.#tries, this.#waking.signal);
			}
			this.#tries++;
			if (this.#ended) return;
			if (again) await this.renew();
		} catch (error) {
			this.stop();
			this.reject?.(error instanceof Refused && error.status === 404 ? "gone" : error);
			return;
		}
		this.#resting = false;
		this.#next();
	}

	/** Gets the parts that have arrived, and new addresses for the others. */
	async renew() {
		/** @type {Upload} */
		const fresh = await call(this.care, "GET", "uploads/" + this.upload.upload_id);
		for (const [i, part] of fresh.parts.entries()) Object.assign(this.upload.parts[i], part);
	}
}
